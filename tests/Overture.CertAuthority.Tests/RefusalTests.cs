using System.Net;
using System.Security.Cryptography;
using Overture.CertAuthority.Csr;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.PuppetApi;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>
/// What a refused agent sees, and what its operator does: each answer by its rule (docs/threats.md §2.1), with its own reason in audit and
/// timeline, nothing signed, and the real token still good afterwards. The ways to be refused, one by one, are in Threats/.
/// </summary>
[Collection(CaCollection.Name), Trait("Category", "integration")]
public sealed class RefusalTests(CaFixture house) : IAsyncLifetime
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
    public async Task LaunchRecordChangedInTheBucket_Is403()
    {
        var tampered = await house.Launch(tamper: s => s.Payload =
            Google.Protobuf.ByteString.CopyFromUtf8(s.Payload.ToStringUtf8().Replace("local", "evil!", StringComparison.Ordinal)));
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
        using var answer =
            await ca.Put(instance.Name.ToString(), instance.Csr(key).PuppetExtension("1.3.6.1.4.1.34380.1.1.13", "admin").Pem());

        await Is400(answer, "CSR_EXTENSION");
        await Told(instance.Name, Reason.CsrExtension);
        await RealTokenStillGood();
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

    private async Task Told(CertName name, Reason reason)
    {
        var record = await ca.Audited(name.ToString(), reason.Code());
        Assert.Equal(("csr.refused", "deny"), (record.Action, record.Outcome));
        var line = Assert.Single(await ca.Timeline(name), e => e.Key == $"csr-refused:{reason.Code()}");
        Assert.Equal(reason.Code(), line.Reason);
        Assert.NotEmpty(line.Detail);
    }

    private static async Task Is403(HttpResponseMessage answer)
    {
        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        Assert.StartsWith("This request is not authorized.", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    private static async Task Is400(HttpResponseMessage answer, string reason)
    {
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.StartsWith(reason + ": ", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }
}
