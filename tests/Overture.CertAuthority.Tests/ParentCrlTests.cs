using System.Net;
using System.Numerics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.CertAuthority.PuppetApi;
using Overture.Cli.Pki;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>PUT certificate_revocation_list: newer lists of the CAs above, and nothing else.</summary>
[Collection(RestartCollection.Name), Trait("Category", "integration")]
public sealed partial class ParentCrlTests(CaFixture house) : IAsyncLifetime
{
    private readonly RunningCa ca = house.Ca;
    private CertifiedClient admin = null!;

    public async Task InitializeAsync() => admin = await ca.Administrator();

    public Task DisposeAsync()
    {
        admin.Dispose();
        return Task.CompletedTask;
    }

    [Fact]
    public async Task Put_NewerListOfTheRoot_IsServedByEveryReplica()
    {
        var number = NextNumber();
        var newer = RootList(number, TimeSpan.FromDays(400));
        await using var other = await house.Start("parents");

        Assert.Equal((HttpStatusCode.OK, "Successfully updated CRLs."), await Put(newer));

        foreach (var replica in new[] { ca, other })
        {
            var parent = await Eventually.Get(async () =>
            {
                var lists = CrlPem.Split((await replica.Admin.GetCrlAsync(new())).CrlPem);
                return lists.Count == 2 && CrlFacts.Read(lists[1]).Number == number ? lists : null;
            }, "the new list of the root is served");
            Assert.True(SignatureScheme.IsSignedBy(parent[0], Issuer));
        }
        // An older one changes nothing, whatever its number.
        Assert.Equal(HttpStatusCode.OK,
            (await Put(RootList(number + 1, TimeSpan.FromDays(400), from: TimeProvider.System.GetUtcNow().AddHours(-20)))).Code);
        Assert.Equal(number, CrlFacts.Read(CrlPem.Split((await ca.Admin.GetCrlAsync(new())).CrlPem)[1]).Number);
    }

    [Fact]
    public async Task Put_AnythingElse_IsRefusedAndChangesNothing()
    {
        // CertAuthority may publish its own list at any time; the parent's must not change.
        var lists = CrlPem.Split((await ca.Admin.GetCrlAsync(new())).CrlPem);
        using var stranger = RSA.Create(2048);
        var own = lists[0];

        foreach (var wrong in new[] { "", "junk", "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", CrlPem.Write(own),
            RootList(NextNumber(), TimeSpan.FromDays(-1)), RootList(NextNumber(), TimeSpan.FromDays(10), stranger) })
        {
            Assert.Equal(HttpStatusCode.BadRequest, (await Put(wrong)).Code);
        }

        Assert.Equal("No valid CRLs submitted.", (await Put("junk")).Said);
        // One that is good does not carry in one that is not.
        Assert.Equal(HttpStatusCode.BadRequest, (await Put(RootList(NextNumber(), TimeSpan.FromDays(10)) + CrlPem.Write(own))).Code);
        Assert.Equal(lists.Skip(1), CrlPem.Split((await ca.Admin.GetCrlAsync(new())).CrlPem).Skip(1));
        using var node = await ca.Node();
        using var refused = await node.Http.PutAsync(new Uri("certificate_revocation_list", UriKind.Relative), new StringContent("x"));
        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
    }

    // Plain `openssl ca -gencrl` gives none; nor does anything need it.
    [Fact]
    public async Task Point2_PutNumberedBesideNumberless_AndTheReverse_EachIsServed()
    {
        using var key = RootKey();
        foreach (var number in new byte[]?[] { null, TestCrl.Number(7), null, [0x35, 0x36, 0x39], [0xFF], TestCrl.Number(-7),
            [2, 20, 0x7F, .. new byte[19]], [], [5, 0] })
        {
            var list = TestCrl.Pem(Root, key, Younger(), number);

            Assert.Equal((HttpStatusCode.OK, "Successfully updated CRLs."), await Put(list));

            Assert.Equal(CrlPem.Split(list)[0], CrlPem.Split((await ca.Admin.GetCrlAsync(new())).CrlPem)[1]);
            Assert.Contains(
                $"\"{Root.GetNameInfo(X509NameType.SimpleName, false)}\":\"20", await Expirations(ca), StringComparison.Ordinal);
        }
        // Revoking goes on.
        using var node = await ca.Node();
        Assert.NotEmpty((await ca.Admin.RevokeCertificateAsync(new() { Certname = node.Name.ToString(), Reason = "x" })).Serials);
    }

    [Theory]
    [InlineData("numberless"), InlineData("garbage"), InlineData("truncated"), InlineData("of another CA"), InlineData("gone"),
        InlineData("expired")]
    public async Task Point2_RootListReplacedAndRestart_OwnListIsPublishedAndTheLastGoodOneServed(string what)
    {
        var own = new CaFixture();
        await own.Open(anotherCa: true);
        try
        {
            var options = own.Options("a");
            await (await RunningCa.Start(own, options)).DisposeAsync();
            var file = Path.Combine(own.CaDirectory, PuppetCaInit.RootCrl);
            var before = CrlPem.Split(await File.ReadAllTextAsync(file))[0];
            var chain = new X509Certificate2Collection();
            chain.ImportFromPemFile(own.BundleFile);
            using var key = RootKey(own);
            var now = TimeProvider.System.GetUtcNow();
            var numberless = TestCrl.Pem(chain[1], key, now.AddMinutes(-1));
            var expired = TestCrl.Pem(chain[1], key, now.AddHours(-2), life: TimeSpan.FromHours(1));
            switch (what)
            {
                case "gone":
                    File.Delete(file);
                    break;
                default:
                    await File.WriteAllTextAsync(file, what switch
                    {
                        "numberless" => numberless,
                        "garbage" => "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n",
                        "truncated" => CrlPem.Write(before)[..200],
                        "of another CA" => RootList(NextNumber(), TimeSpan.FromDays(10)),
                        _ => expired,
                    });
                    break;
            }

            await using var next = await RunningCa.Start(own, options);

            var lists = CrlPem.Split((await next.Admin.GetCrlAsync(new())).CrlPem);
            Assert.Equal(2, lists.Count);
            Assert.Equal(
                what switch { "numberless" => CrlPem.Split(numberless)[0], "expired" => CrlPem.Split(expired)[0], _ => before }, lists[1]);
            using var node = await next.Node();
            await next.Admin.RevokeCertificateAsync(new() { Certname = node.Name.ToString(), Reason = "x" });
            Assert.Contains(chain[1].GetNameInfo(X509NameType.SimpleName, false), await Expirations(next), StringComparison.Ordinal);
            using var channel = own.Pki.Channel(next.GrpcPort, "viewer");
            using var call = new Grpc.Health.V1.Health.HealthClient(channel).CheckAsync(new());
            // It serves in any case, and says what is wrong.
            Assert.Equal(Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus.Serving, (await call).Status);
            Assert.Equal(
                what != "numberless", (call.GetTrailers().GetValue("overture-why") ?? "").Contains("Next: ", StringComparison.Ordinal));
            Assert.Equal(
                what == "numberless" ? 0 : 1, options.Log.Lines.Count(l => l.StartsWith("Error ca.parent_crl", StringComparison.Ordinal)));
        }
        finally
        {
            await own.DisposeAsync();
        }
    }

    private static async Task<string> Expirations(RunningCa of)
    {
        using var node = await of.Node();
        using var answer = await node.Http.GetAsync(new Uri("expirations", UriKind.Relative));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return await answer.Content.ReadAsStringAsync();
    }

    private X509Certificate2 Issuer => Chain()[0];

    private X509Certificate2 Root => Chain()[1];

    private X509Certificate2Collection Chain(CaFixture? of = null)
    {
        var chain = new X509Certificate2Collection();
        chain.ImportFromPemFile((of ?? house).BundleFile);
        return chain;
    }

    private static long NextNumber() => TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();

    // Each list of a test run is younger than the one before it.
    private static int made;

    private static DateTimeOffset Younger() => TimeProvider.System.GetUtcNow().AddHours(-5).AddSeconds(Interlocked.Increment(ref made));

    private RSA RootKey(CaFixture? of = null)
    {
        var key = RSA.Create();
        var directory = (of ?? house).CaDirectory;
        key.ImportFromEncryptedPem(File.ReadAllText(Path.Combine(directory, PuppetCaInit.RootKey)),
            File.ReadAllText(Path.Combine(directory, PuppetCaInit.Passphrase)).Trim());
        return key;
    }

    private string RootList(long number, TimeSpan life, RSA? signer = null, DateTimeOffset? from = null)
    {
        using var key = RootKey();
        var root = Root;
        var authority = X509AuthorityKeyIdentifierExtension.CreateFromSubjectKeyIdentifier(
            root.Extensions.OfType<X509SubjectKeyIdentifierExtension>().Single());
        var now = TimeProvider.System.GetUtcNow();
        from ??= life > TimeSpan.Zero ? Younger() : now + life - TimeSpan.FromDays(1);
        return CrlPem.Write(new CertificateRevocationListBuilder()
            .Build(root.SubjectName, X509SignatureGenerator.CreateForRSA(signer ?? key, RSASignaturePadding.Pkcs1),
            new BigInteger(number), now + life, HashAlgorithmName.SHA256, authority, from));
    }

    private async Task<(HttpStatusCode Code, string Said)> Put(string pem)
    {
        using var answer =
            await admin.Http.PutAsync(new Uri("certificate_revocation_list", UriKind.Relative), new StringContent(pem, null, "text/plain"));
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }
}
