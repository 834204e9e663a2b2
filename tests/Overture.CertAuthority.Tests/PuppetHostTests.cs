using System.Net;
using Overture.CertAuthority.PuppetApi;
using Overture.Platform.Certificates;
using Overture.Platform.PuppetHost;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>How a listener for puppetservers gets its certificates: Platform's client of the CA API against the real one.</summary>
[Collection(CaCollection.Name), Trait("Category", "integration")]
public sealed class PuppetHostTests(CaFixture house)
{
    [Fact]
    public async Task Host_ByTokenThenByItsCertificate_UntilThatIsRevoked()
    {
        using var state = new TempDirectory();
        var bundle = new PuppetCaBundle(house.BundleFile, "caBundle");
        var host = new PuppetHostCertificate(state.Path, bundle, TimeProvider.System);
        var client = new PuppetCaClient("localhost", house.Ca.ApiPort, bundle);
        var launched = await house.Launch(l => l.DnsAltNames.Add("localhost"), certname: "classifier-1.example.org");
        var name = launched.Name.ToString();
        using var key = host.KeyOf(name);

        Assert.Null(await client.Certificate(name, default));
        await client.Request(name, key, launched.Token, renews: true, default);
        host.Take(name, (await client.Certificate(name, default))!, key);
        var first = host.Current!;
        Assert.InRange(first.NotAfter - first.NotBefore, TimeSpan.FromDays(179), TimeSpan.FromDays(182));
        Assert.True(first.MatchesHostname("localhost"));

        host.Take(name, await client.Renew(first, default), key);
        var second = host.Current!;
        Assert.NotEqual(first.SerialNumber, second.SerialNumber);
        Assert.Equal(second.Thumbprint, new PuppetHostCertificate(state.Path, bundle, TimeProvider.System).Current!.Thumbprint);

        await house.Store.PutIfAbsent(ObjectKeys.Revocation($"{Platform.Certificates.SerialNumber.Of(second)}"),
            new Overture.Records.V1.Revocation { Schema = 1, Serial = $"{Platform.Certificates.SerialNumber.Of(second)}" }, default);
        Assert.Equal(
            HttpStatusCode.Forbidden, (await Assert.ThrowsAsync<HttpRequestException>(() => client.Renew(second, default))).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await Assert.ThrowsAsync<HttpRequestException>(
            () => client.Request(house.NewName().ToString(), key, launched.Token, renews: true, default))).StatusCode);
    }
}
