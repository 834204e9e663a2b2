using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Overture.CertAuthority.Tests;

/// <summary>Issue 12, points 2 and 4: whatever is in the crlNumber extension, entries and dates of the list are read.</summary>
public sealed class CrlNumberTests
{
    [Theory]
    [InlineData("02020239", 569L, ""), InlineData("020100", 0L, ""), InlineData("02083FFFFFFFFFFFFFFF", 4611686018427387903L, "")]
    // The digits, padded, with a line end, or as a DER string.
    [InlineData("353639", 569L, "is the digits 569")]
    [InlineData("303030353639", 569L, "is the digits 000569")]
    [InlineData("3536390A", 569L, "is the digits 569")]
    [InlineData("0C03353639", 569L, "is the digits 569")]
    [InlineData("1303353639", 569L, "is the digits 569")]
    [InlineData("1603353639", 569L, "is the digits 569")]
    [InlineData("393939393939393939393939393939393939393939393939", null, "is the digits 99999999999999999999…")]
    [InlineData("39323233333732303336383534373735383037", null, "is the digits 9223372036854775807")]
    // No room above it, 20 octets as RFC 5280 allows, 21, negative.
    [InlineData("02087FFFFFFFFFFFFFFF", null, "has more than 62 bits")]
    [InlineData("02147F00000000000000000000000000000000000000", null, "has more than 62 bits")]
    [InlineData("02157F0000000000000000000000000000000000000000", null, "has more than 62 bits"), InlineData("0201FF", null, "is negative")]
    // Nothing; no length, no content, not minimal, two of them; NULL, an OID.
    [InlineData("", null, "is not a DER INTEGER")]
    [InlineData("FF", null, "is not a DER INTEGER")]
    [InlineData("02", null, "is not a DER INTEGER")]
    [InlineData("0200", null, "is not a DER INTEGER")]
    [InlineData("02030002", null, "is not a DER INTEGER")]
    [InlineData("0203000239", null, "is not a DER INTEGER")]
    [InlineData("020101020102", null, "is not a DER INTEGER")]
    [InlineData("0500", null, "is not a DER INTEGER")]
    [InlineData("0603550414", null, "is not a DER INTEGER")]
    [InlineData("2D353639", null, "is not a DER INTEGER")]
    public void Read_NumberOfAnyContent_EntriesAndDatesAreRead(string content, long? number, string fault)
    {
        using var key = RSA.Create(2048);
        var now = DateTimeOffset.FromUnixTimeSeconds(TimeProvider.System.GetUtcNow().ToUnixTimeSeconds());
        var root = new CertificateRequest("CN=a root", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using var issuer = root.CreateSelfSigned(now, now.AddDays(1));

        var facts = CrlFacts.Read(CrlPem.Split(TestCrl.Pem(issuer, key, now, Convert.FromHexString(content), null, "00ab", "7f"))[0]);

        Assert.Equal((number, now, now.AddDays(400)), (facts.Number, facts.ThisUpdate, facts.NextUpdate));
        Assert.Equal(["00ab", "7f"], facts.Entries.Select(e => $"{e.Serial}"));
        Assert.Equal(fault.Length > 0, facts.NumberFault.Length > 0);
        Assert.Contains(fault, facts.NumberFault, StringComparison.Ordinal);
    }
}
