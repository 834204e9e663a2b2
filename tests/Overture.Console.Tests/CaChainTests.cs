using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.Console.Layout;
using Overture.Console.Tests.Fakes;

namespace Overture.Console.Tests;

/// <summary>The chain of a certificate, as pages show it.</summary>
public sealed class CaChainTests
{
    [Fact]
    public void Certificate_OfTheCa_LeadsToItsRoot()
    {
        var links = CaChain.From(CaScene.Pem, CaScene.Bundle, Scene.Now.AddMinutes(1)).Links;
        Assert.Equal(["Certificate", "Signing CA", "Root CA"], links.Select(l => l.What));
        Assert.Equal([$"CN={Scene.Named(1)}", "CN=Puppet CA: example", "CN=Puppet Root CA: example"], links.Select(l => l.Subject));
        Assert.Equal(links.Skip(1).Append(links[^1]).Select(l => l.Subject), links.Select(l => l.Issuer));
        Assert.Equal(CaScene.Serial, links[0].Serial);
        using var own = X509Certificate2.CreateFromPem(CaScene.Pem);
        Assert.Equal(own.GetCertHashString(HashAlgorithmName.SHA256), links[0].Sha256.Replace(":", "", StringComparison.Ordinal));
        Assert.All(links, l => Assert.True(l.IsTime));
        Assert.Equal([false, true, true], CaChain.From(CaScene.Pem, CaScene.Bundle, Scene.Now.AddYears(6)).Links.Select(l => l.IsTime));
    }

    /// <summary>Its issuer has the name of ours, and another key.</summary>
    [Fact]
    public void Certificate_OfAnotherCaOfThatName_StandsAlone()
    {
        var found = CaChain.From(CaScene.Foreign, CaScene.Bundle, Scene.Now);
        Assert.Equal(["Certificate"], found.Links.Select(l => l.What));
        Assert.Contains("it may be of an earlier CA", found.Problem, StringComparison.Ordinal);
    }

    /// <summary>It is ours, and what is wrong is something else: it is not said to be another CA's.</summary>
    [Fact]
    public void Certificate_ThatOurCaSigned_AndNobodyAccepts_SaysWhy()
    {
        var found = CaChain.From(CaScene.Odd, CaScene.Bundle, Scene.Now);
        Assert.Equal(["Certificate"], found.Links.Select(l => l.What));
        Assert.DoesNotContain("earlier CA", found.Problem, StringComparison.Ordinal);
        Assert.Contains(nameof(X509ChainStatusFlags.HasNotSupportedCriticalExtension), found.Problem, StringComparison.Ordinal);
    }

    /// <summary>It is parsed, and its time is no time.</summary>
    [Fact]
    public void Certificate_OfATimeThatIsNone_IsNoChain()
    {
        using var own = X509Certificate2.CreateFromPem(CaScene.Pem);
        var bytes = own.RawData;
        var at = bytes.AsSpan().IndexOf((ReadOnlySpan<byte>)[0x17, 0x0d]); // a UTCTime of 13 bytes
        "999999999999Z"u8.CopyTo(bytes.AsSpan(at + 2));
        var pem = PemEncoding.WriteString("CERTIFICATE", bytes);
        Assert.Empty(CaChain.From(pem, CaScene.Bundle, Scene.Now).Links);
        Assert.Empty(CaChain.Of(pem, Scene.Now));
    }

    [Theory]
    [InlineData(""), InlineData(Scene.Hostile), InlineData("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")]
    public void Text_ThatIsNoCertificate_IsNoChain(string pem)
    {
        Assert.Empty(CaChain.From(pem, CaScene.Bundle, Scene.Now).Links);
        Assert.Empty(CaChain.Of(pem, Scene.Now));
        Assert.Equal(["Certificate"], CaChain.From(CaScene.Pem, pem, Scene.Now).Links.Select(l => l.What));
    }

    [Fact]
    public void Bundle_IsTheSigningCaAndItsRoot() =>
        Assert.Equal(["Signing CA", "Root CA"], CaChain.Of(CaScene.Bundle, Scene.Now).Select(l => l.What));
}
