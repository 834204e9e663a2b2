using Overture.Platform.Certificates;

namespace Overture.Platform.Tests;

/// <summary>
/// Serial numbers in the spellings of openssl (x509 -serial, -text, crl -text, asn1parse) and of Puppet (inventory.txt,
/// certificate_status).
/// </summary>
public sealed class SerialNumberTests
{
    [Theory]
    [InlineData("4f0a", "4f0a"), InlineData("4F0A", "4f0a"), InlineData("0x4F0A", "4f0a"), InlineData("0X004f0a", "4f0a"),
        InlineData("004F0A", "4f0a")]
    [InlineData("4f:0a", "4f0a"), InlineData("4F:0A:77", "4f0a77"), InlineData("00:ab", "00ab"), InlineData(" serial=4F0A\n", "4f0a"),
        InlineData("serial=27", "27")]
    [InlineData("Serial Number: 39 (0x27)", "27"), InlineData("39 (0x27)", "27"),
        InlineData("Serial Number:\n            4f:0a:77", "4f0a77"), InlineData("Serial Number: 0A", "0a")]
    [InlineData("0x0005", "05"), InlineData("5", "05"), InlineData("0", "00"), InlineData("ab", "00ab"), InlineData(":4F0A", "4f0a"),
        InlineData("0027", "27")]
    // Of inventory.txt: as the DER INTEGER, so with a zero before a byte that would make it negative.
    [InlineData("0x0002", "02"), InlineData("0xAb", "00ab"), InlineData("0080", "0080"), InlineData("0x0", "00"),
        InlineData("0x4fa9", "4fa9")]
    public void Readings_OneSpelling_IsOneNumber(string text, string serial)
    {
        Assert.Equal(serial, Assert.Single(SerialNumber.Readings(text)).ToString());
        Assert.True(SerialNumber.TryParse(text, out var parsed));
        Assert.Equal(serial, parsed.ToString());
    }

    [Fact]
    public void Readings_BareDigits_AreHexAndDecimal()
    {
        Assert.Equal(["27", "1b"], SerialNumber.Readings("27").Select(r => r.ToString()));
        Assert.True(SerialNumber.TryParse("27", out var hex));
        Assert.Equal("27", hex.ToString());
    }

    [Fact]
    public void Readings_DecimalOfOneOfOurs_IsNoHex() =>
        Assert.Equal("4f00000000000000000000000000000001", Assert.Single(
            SerialNumber.Readings(System.Numerics.BigInteger.Parse("4f00000000000000000000000000000001",
            System.Globalization.NumberStyles.HexNumber, null).ToString(System.Globalization.CultureInfo.InvariantCulture))).ToString());

    [Theory]
    [InlineData(""), InlineData("serial="), InlineData("web.example.org"), InlineData("4g"), InlineData("-1"), InlineData("39 (0x28)"),
        InlineData("0x"), InlineData("４f"), InlineData("0xZZ"), InlineData("0x-1"), InlineData("4f:0"),
        InlineData("../4f0a"), InlineData("4f0a\u0000"), InlineData("٤٢")]
    [InlineData("11223344556677889900aabbccddeeff1122334455")]
    public void TryParse_NoSerial_IsNone(string text)
    {
        Assert.Empty(SerialNumber.Readings(text));
        Assert.False(SerialNumber.TryParse(text, out _));
    }

    [Fact]
    public void TryParse_AMegabyteOfZeros_IsZero()
    {
        Assert.True(SerialNumber.TryParse(new string('0', 1_000_000), out var zero));
        Assert.Equal("00", zero.ToString());
    }

    // A key of the store counts only in the one spelling: else one certificate had two.
    [Theory]
    [InlineData("4f0a", true), InlineData("0080", true), InlineData("00", true)]
    [InlineData("4F0A", false), InlineData("f0a", false), InlineData("004f0a", false), InlineData("80", false), InlineData("", false),
        InlineData("4f:0a", false), InlineData("0x4f", false), InlineData("../revoked/4f", false)]
    public void TryRecorded_OneSpellingAlone(string text, bool counts) => Assert.Equal(counts, SerialNumber.TryRecorded(text, out _));

    [Fact]
    public void Recorded_WhateverACaChose_ReadsBack()
    {
        // Negative, and longer than RFC 5280 allows.
        foreach (var integer in new byte[][] { [0x80], [0x4f, 0x0a], [0], [.. Enumerable.Repeat((byte)0x11, 30)] })
        {
            var serial = SerialNumber.Of(integer);
            Assert.Equal(serial, SerialNumber.Recorded(serial.ToString()));
            Assert.Equal(integer, serial.ToBytes());
        }
        foreach (var other in new[] { "", "4F", "4", "0x4f", "../4f", "4f\n" })
            Assert.Throws<InvalidDataException>(() => SerialNumber.Recorded(other));
    }
}
