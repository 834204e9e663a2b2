using System.Formats.Asn1;
using System.Security.Cryptography;
using Overture.CertAuthority.Csr;
using Overture.CertAuthority.PuppetApi;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>The reader of requests: what agents send gets in. What does not is in Threats/ThreatsC*.</summary>
public sealed class CsrReaderTests : IDisposable
{
    private const string Name = "0af76519-16cd-43dd-8448-eb211c80319c";
    private readonly ECDsa ec = CsrBuilder.EcKey();
    private readonly RSA rsa = RSA.Create(2048);

    public void Dispose()
    {
        ec.Dispose();
        rsa.Dispose();
    }

    [Fact]
    public void Read_WhatAgentsSend_IsUnderstood()
    {
        var facts = CsrReader.Read(new CsrBuilder(Name, rsa).Challenge("s3cret-token").Renews().DnsNames(Name)
            .PuppetExtension("1.3.6.1.4.1.34380.1.1.13", "web").Der());

        Assert.Equal(Name, facts.CommonName);
        Assert.Equal(EnrollmentToken.Hash("s3cret-token"), facts.ChallengeSha256);
        Assert.True(facts.Renews);
        Assert.Equal([Name], facts.DnsNames);
        Assert.Equal("web", facts.Extensions["1.3.6.1.4.1.34380.1.1.13"]);
        Assert.Equal("RSA 2048", facts.Key.Text);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(rsa.ExportSubjectPublicKeyInfo())), facts.Key.Hash.ToString());
        Assert.DoesNotContain("s3cret-token", facts.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0), InlineData(2)]
    public void Read_Version_ZeroAndTwoAreTaken(int version) => CsrReader.Read(new CsrBuilder(Name, ec) { Version = version }.Der());

    [Theory]
    [InlineData("SHA256"), InlineData("SHA384"), InlineData("SHA512")]
    public void Read_GoodHashes_AreTaken(string hash)
    {
        CsrReader.Read(new CsrBuilder(Name, ec) { Hash = new HashAlgorithmName(hash) }.Der());
        CsrReader.Read(new CsrBuilder(Name, rsa) { Hash = new HashAlgorithmName(hash) }.Der());
    }

    [Fact]
    public void Read_P384AndPrintableName_AreTaken()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        var facts = CsrReader.Read(new CsrBuilder("",
            key) { RawSubject = CsrParts.Subject(CsrBuilder.Rdn((CsrParts.CommonName, UniversalTagNumber.PrintableString, Name))) }.Der());
        Assert.Equal(("P-384", Name), (facts.Key.Text, facts.CommonName));
    }
}
