using System.Net;
using System.Security.Cryptography;
using System.Text;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>
/// The eight ways to be refused (issue 2, "How it is judged"): each answered by the rule of the design, with its own reason in audit and
/// timeline, nothing signed, and the real token still good afterwards.
/// </summary>
[Collection(CaCollection.Name), Trait("Category", "integration")]
public sealed class RefusalTests(CaHouse house) : IAsyncLifetime
{
    private readonly ECDsa key = CsrBuilder.EcKey();
    private readonly RunningCa ca = house.Ca;
    private Launched instance = null!;

    public async Task InitializeAsync() => instance = await house.Launch();

    public Task DisposeAsync()
    {
        key.Dispose();
        return Task.CompletedTask;
    }

    [Fact]
    public async Task WrongToken_Is403()
    {
        using var answer = await ca.Put(instance.Name.ToString(), new CsrBuilder(instance.Name.ToString(), key).Challenge("wrong").Pem());

        await Is403(answer);
        await Told(instance.Name, Reason.TokenMismatch);
        await NothingSigned(instance.Name);
        await RealTokenStillGood();
    }

    [Fact]
    public async Task UnknownName_Is403AndLeavesNoTimeline()
    {
        var stranger = new Launched(house.NewName(), instance.Token);

        using var answer = await ca.Put(stranger, key);

        await Is403(answer);
        await ca.Audited(stranger.Name.ToString(), "NODE_UNKNOWN");
        Assert.Empty(await ca.Timeline(stranger.Name));
        await NothingSigned(stranger.Name);
        await RealTokenStillGood();
    }

    [Fact]
    public async Task WrongNameInUrl_Is400()
    {
        var other = await house.Launch();

        using var answer = await ca.Put(other.Name.ToString(), instance.Csr(key).Pem());

        await Is400(answer, "NAME_MISMATCH");
        await Told(instance.Name, Reason.NameMismatch);
        await Told(other.Name, Reason.NameMismatch, audited: false);
        await NothingSigned(other.Name);
        await NothingSigned(instance.Name);
        await RealTokenStillGood();
    }

    [Fact]
    public async Task SecondKey_BeforeConverged_ContestsTheName()
    {
        await Enrolled(key);
        using var second = CsrBuilder.EcKey();

        using var answer = await ca.Put(instance, second);

        await Is403(answer);
        await Told(instance.Name, Reason.TokenConflict);
        Assert.Contains("contested", (await ca.Timeline(instance.Name)).Select(e => e.Key));
        // Nobody can tell which of the two is the thief: the first goes too.
        var serial = Assert.Single(await house.All<Claim>(ObjectKeys.ClaimsOf(instance.Name))).Serial;
        Assert.NotNull(await house.Store.Get(ObjectKeys.Revocation(serial), default));
        Assert.Equal(BlockKind.Contested, Assert.Single(await house.All<Block>(ObjectKeys.BlocksOf(instance.Name))).Kind);
        Assert.Null(await ca.Certificate(instance.Name));
        using var first = await ca.Put(instance, key);
        await Is403(first);
    }

    [Fact]
    public async Task SecondKey_AfterConverged_IsAnAlarmOnly()
    {
        var certificate = await Enrolled(key);
        await house.Fact(instance.Name, "converged");
        using var second = CsrBuilder.EcKey();

        using var answer = await ca.Put(instance, second);

        await Is403(answer);
        await Told(instance.Name, Reason.TokenSpent);
        Assert.Empty(await house.Keys(ObjectKeys.BlocksOf(instance.Name)));
        Assert.Equal(certificate, await ca.Certificate(instance.Name));
        await RealTokenStillGood();
    }

    [Fact]
    public async Task UpperCaseName_Is400()
    {
        var shouted = instance.Name.ToString().ToUpperInvariant();

        using var answer = await ca.Put(shouted, new CsrBuilder(shouted, key).Challenge(instance.Token).Pem());

        await Is400(answer, "NAME_INVALID");
        await Told(instance.Name, Reason.NameInvalid);
        await NothingSigned(instance.Name);
        await RealTokenStillGood();
    }

    [Fact]
    public async Task ForeignToken_Is403AndSpendsNeither()
    {
        var other = await house.Launch();

        using var answer = await ca.Put(instance.Name.ToString(), new CsrBuilder(instance.Name.ToString(), key).Challenge(other.Token).Pem());

        await Is403(answer);
        await Told(instance.Name, Reason.TokenMismatch);
        await NothingSigned(instance.Name);
        await RealTokenStillGood();
        using var otherKey = CsrBuilder.EcKey();
        using var others = await ca.Put(other, otherKey);
        Assert.Equal(HttpStatusCode.OK, others.StatusCode);
    }

    [Fact]
    public async Task OneMebibyte_Is413()
    {
        using var answer = await ca.Put(instance.Name.ToString(), new string('A', 1024 * 1024));

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.StatusCode);
        Assert.StartsWith("CSR_TOO_LARGE", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        await Told(instance.Name, Reason.CsrTooLarge);
        await NothingSigned(instance.Name);
        await RealTokenStillGood();
    }

    [Fact]
    public async Task Garbage_Is400()
    {
        using var answer = await ca.Put(instance.Name.ToString(), "\u0001\u0002 not a request \u007f");

        await Is400(answer, "CSR_PEM");
        await Told(instance.Name, Reason.CsrPem);
        await NothingSigned(instance.Name);
        await RealTokenStillGood();
    }

    [Fact]
    public async Task EveryCauseOf403_LooksTheSame()
    {
        var expired = await house.Launch(l => l.Deadline = l.NotBefore);
        var ended = await house.Launch();
        await house.Fact(ended.Name, "terminated");
        using var forger = CsrBuilder.EcKey();
        var forged = await house.Launch(signWith: forger);
        var early = await house.Launch(l => l.NotBefore = l.Deadline);
        var (spent, thief) = (await house.Launch(), CsrBuilder.EcKey());
        (await ca.Put(spent, key)).Dispose();
        await house.Fact(spent.Name, "converged");
        var cases = new Dictionary<string, (CertName Name, string Pem)>
        {
            ["NODE_UNKNOWN"] = Case(new Launched(house.NewName(), "x")),
            ["TOKEN_MISMATCH"] = Case(instance with { Token = instance.Token + "a" }),
            ["TOKEN_MISSING"] = (instance.Name, new CsrBuilder(instance.Name.ToString(), key).Pem()),
            ["TOKEN_EXPIRED"] = Case(expired),
            ["NAME_BLOCKED"] = Case(ended),
            ["LAUNCH_SIGNATURE"] = Case(forged),
            ["NOT_YET_VALID"] = Case(early),
            ["TOKEN_SPENT"] = (spent.Name, spent.Csr(thief).Pem()),
        };
        var seen = new HashSet<string>();

        foreach (var (reason, (name, pem)) in cases)
        {
            using var answer = await ca.Put(name.ToString(), pem);
            var headers = answer.Headers.Concat(answer.Content.Headers).Where(h => h.Key != "Date").Select(h => $"{h.Key}: {string.Join(',', h.Value)}").Order(StringComparer.Ordinal);
            seen.Add($"{(int)answer.StatusCode}\n{string.Join('\n', headers)}\n{Convert.ToHexString(await answer.Content.ReadAsByteArrayAsync())}");
            await ca.Audited(name.ToString(), reason);
        }

        Assert.StartsWith("403\n", Assert.Single(seen), StringComparison.Ordinal);
        thief.Dispose();
    }

    [Fact]
    public async Task LaunchRecordChangedInTheBucket_Is403()
    {
        var tampered = await house.Launch(tamper: s => s.Payload = Google.Protobuf.ByteString.CopyFromUtf8(s.Payload.ToStringUtf8().Replace("local", "evil!", StringComparison.Ordinal)));
        var moved = await house.Launch(l => l.Certname = instance.Name.ToString());
        var rubbish = await house.Launch(tamper: s => s.Payload = Google.Protobuf.ByteString.Empty);

        foreach (var launched in new[] { tampered, moved, rubbish })
        {
            using var answer = await ca.Put(launched, key);
            await Is403(answer);
            await Told(launched.Name, Reason.LaunchSignature);
            await NothingSigned(launched.Name);
        }
    }

    [Theory]
    [InlineData("puppet"), InlineData("*.example.org"), InlineData("ca.example.org")]
    public async Task AlternativeNameNotGranted_Is400WhoeverAsks(string name)
    {
        using var registered = await ca.Put(instance.Name.ToString(), instance.Csr(key).DnsNames(instance.Name.ToString(), name).Pem());
        var stranger = house.NewName().ToString();
        using var unknown = await ca.Put(stranger, new CsrBuilder(stranger, key).DnsNames(stranger, name).Pem());

        await Is400(registered, "CSR_SAN");
        Assert.Equal(await registered.Content.ReadAsStringAsync(), await unknown.Content.ReadAsStringAsync());
        Assert.Equal(registered.StatusCode, unknown.StatusCode);
        await NothingSigned(instance.Name);
        await RealTokenStillGood();
    }

    [Fact]
    public async Task ExtensionNotGranted_Is400()
    {
        using var answer = await ca.Put(instance.Name.ToString(), instance.Csr(key).PuppetExtension("1.3.6.1.4.1.34380.1.1.13", "admin").Pem());

        await Is400(answer, "CSR_EXTENSION");
        await Told(instance.Name, Reason.CsrExtension);
        await RealTokenStillGood();
    }

    [Fact]
    public async Task KeyOfAnotherNode_Is400()
    {
        await Enrolled(key);
        var other = await house.Launch();

        using var answer = await ca.Put(other, key);

        await Is400(answer, "KEY_REUSED");
        await Told(other.Name, Reason.KeyReused);
        await NothingSigned(other.Name);
        using var ownKey = CsrBuilder.EcKey();
        using var proper = await ca.Put(other, ownKey);
        Assert.Equal(HttpStatusCode.OK, proper.StatusCode);
    }

    [Theory]
    [InlineData("ca"), InlineData("localhost"), InlineData("certauthority-api"), InlineData("a..b"), InlineData("-x"), InlineData("a*"), InlineData("a%20b"), InlineData("..%2f..%2fetc"), InlineData("a%00")]
    public async Task NameThatIsNone_IsRefusedAndStoredNowhere(string name)
    {
        var before = (await house.Keys("ca/")).Count;

        using var answer = await ca.Put(name, new CsrBuilder(Uri.UnescapeDataString(name), key).Pem());

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Equal(before, (await house.Keys("ca/")).Count);
    }

    [Fact]
    public async Task Secrets_AreInNoStoreLogOrAnswer()
    {
        const string canary = "canary2token2canary2token2";
        using var wrong = await ca.Put(instance.Name.ToString(), new CsrBuilder(instance.Name.ToString(), key).Challenge(canary).Pem());
        using var held = await ca.Put("canary.example.org", new CsrBuilder("canary.example.org", key).Challenge(canary).Pem());
        await Enrolled(key);
        await ca.Audited(instance.Name.ToString(), "TOKEN_ACCEPTED");

        foreach (var secret in new[] { canary, instance.Token, "BEGIN CERTIFICATE REQUEST" })
        {
            var bytes = Encoding.ASCII.GetBytes(secret);
            Assert.DoesNotContain(secret, await wrong.Content.ReadAsStringAsync(), StringComparison.Ordinal);
            Assert.DoesNotContain(ca.Options.Log.Lines, l => l.Contains(secret, StringComparison.Ordinal));
            Assert.DoesNotContain(secret, ca.AccessLog, StringComparison.Ordinal);
            foreach (var file in Directory.EnumerateFiles(house.Bucket, "*", SearchOption.AllDirectories))
                Assert.True(File.ReadAllBytes(file).AsSpan().IndexOf(bytes) < 0, $"{file} holds a secret");
        }
        foreach (var line in await ca.Timeline(instance.Name))
            Assert.DoesNotContain(instance.Token, line.Detail, StringComparison.Ordinal);
    }

    private (CertName, string) Case(Launched launched) => (launched.Name, launched.Csr(key).Pem());

    private async Task<string> Enrolled(ECDsa with)
    {
        using var answer = await ca.Put(instance, with);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return (await ca.Certificate(instance.Name))!;
    }

    private async Task RealTokenStillGood()
    {
        using var answer = await ca.Put(instance, key);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.NotNull(await ca.Certificate(instance.Name));
    }

    private async Task NothingSigned(CertName name)
    {
        Assert.Empty(await house.Keys(ObjectKeys.ClaimsOf(name)));
        Assert.Null(await ca.Certificate(name));
    }

    private async Task Told(CertName name, Reason reason, bool audited = true)
    {
        if (audited)
        {
            var certname = reason == Reason.NameMismatch ? null : name.ToString();
            var record = await Eventually.Get(async () => (await ca.AuditRecords()).FirstOrDefault(r => r.Decision?.Reason == reason.Code() && (certname is null || r.Certname == certname)), $"audit of {reason}");
            Assert.Equal(("csr.refused", "deny"), (record.Action, record.Outcome));
        }
        var line = Assert.Single(await ca.Timeline(name), e => e.Key == $"csr-refused:{reason.Code()}");
        Assert.Equal(reason.Code(), line.Reason);
        Assert.NotEmpty(line.Detail);
    }

    private static async Task Is403(HttpResponseMessage answer)
    {
        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        Assert.StartsWith("This request is not authorised.", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    private static async Task Is400(HttpResponseMessage answer, string reason)
    {
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.StartsWith(reason + ": ", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }
}
