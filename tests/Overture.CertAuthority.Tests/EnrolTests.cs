using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.Platform.Registry;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>The straight way: launched, asked, signed, collected.</summary>
[Collection(CaCollection.Name), Trait("Category", "integration")]
public sealed class EnrolTests(CaFixture house)
{
    private readonly RunningCa ca = house.Ca;

    [Fact]
    public async Task Put_RightToken_SignsAndServes()
    {
        var instance = await house.Launch();
        using var key = RSA.Create(2048);

        using var answer = await ca.Put(instance, key);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(0, answer.Content.Headers.ContentLength);
        Assert.Equal("7.23.0", answer.Headers.GetValues("X-Puppet-Version").Single());
        using var certificate = X509Certificate2.CreateFromPem((await ca.Certificate(instance.Name))!);
        Assert.Equal($"CN={instance.Name}", certificate.Subject);
        Assert.Equal(key.ExportSubjectPublicKeyInfo(), certificate.PublicKey.ExportSubjectPublicKeyInfo());
        Assert.Equal(["csr-received", "signed", "collected"], (await ca.Timeline(instance.Name)).Select(e => e.Key));
    }
}
