using System.Text;
using Overture.CertAuthority.Csr;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>The envelope of requests (threats T52).</summary>
public sealed class CsrPemTests : IDisposable
{
    private readonly System.Security.Cryptography.ECDsa key = CsrBuilder.EcKey();

    // Once: an EC signature is another each time.
    private string Good => field ??= new CsrBuilder("node", key).Pem();

    public void Dispose() => key.Dispose();

    [Fact]
    public void Read_LineEndings_DoNotMatter()
    {
        var der = CsrPem.Read(Encoding.ASCII.GetBytes(Good));
        Assert.Equal(der, CsrPem.Read(Encoding.ASCII.GetBytes(Good.ReplaceLineEndings("\r\n"))));
        Assert.Equal(der, CsrPem.Read(Encoding.ASCII.GetBytes("\n\n" + Good.TrimEnd())));
    }

    [Fact]
    public void Read_AnythingElse_IsRefused()
    {
        foreach (var text in new[]
        {
            "", "garbage", Good + Good, "x" + Good, Good + "x", "Subject: CN=node\n" + Good, Good.Replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST", StringComparison.Ordinal),
            Good.Replace("CERTIFICATE REQUEST", "CERTIFICATE", StringComparison.Ordinal), Good.Replace("-----END", "----END", StringComparison.Ordinal), Good.Insert(60, "!"),
            Good + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        })
        {
            Assert.Equal(Reason.CsrPem, Refusal(Encoding.ASCII.GetBytes(text)).Reason);
        }
        Assert.Equal(Reason.CsrPem, Refusal(Encoding.Unicode.GetBytes(Good)).Reason);
        Assert.Equal(Reason.CsrPem, Refusal([0xEF, 0xBB, 0xBF, .. Encoding.ASCII.GetBytes(Good)]).Reason);
    }

    [Fact]
    public void Read_PrivateKey_IsRefusedAndNotRepeated()
    {
        var refusal = Refusal(Encoding.ASCII.GetBytes(key.ExportPkcs8PrivateKeyPem()));
        Assert.Equal(Reason.CsrPem, refusal.Reason);
        Assert.Contains("private key", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_MoreThan16KiB_IsTooLarge()
    {
        Assert.Equal(Reason.CsrPem, Refusal(new byte[16 * 1024]).Reason);
        Assert.Equal((FaultKind.TooLarge, Reason.CsrTooLarge), Refusal(new byte[(16 * 1024) + 1]) is var f ? (f.Kind, f.Reason) : default);
    }

    private static FaultException Refusal(byte[] body) => Assert.Throws<FaultException>(() => CsrPem.Read(body));
}
