using System.Security.Cryptography;
using Overture.Platform.Certificates;

namespace Overture.Platform.Tests;

/// <summary>Hashes of public keys, in the spellings of openssl (dgst, x509 -fingerprint) and of our own answers.</summary>
public sealed class SpkiHashTests
{
    private const string Canonical = "00ab" + "0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab";

    public static TheoryData<string> Spellings => new(
        Canonical,
        Canonical.ToUpperInvariant(),
        "0x" + Canonical,
        $" {Canonical}\n",
        "SHA2-256(stdin)= " + Canonical,
        "sha256 Fingerprint=" + string.Join(':', Canonical.ToUpperInvariant().Chunk(2).Select(p => new string(p))),
        string.Join(':', Canonical.Chunk(2).Select(p => new string(p))));

    [Theory, MemberData(nameof(Spellings))]
    public void TryParse_SpellingsOfOpenssl_AreOneHash(string text)
    {
        Assert.True(SpkiHash.TryParse(text, out var hash));
        Assert.Equal(Canonical, hash.ToString());
        Assert.True(hash.Is(Canonical));
        Assert.Equal(hash, SpkiHash.Recorded(Canonical));
    }

    public static TheoryData<string?> Hostile => new(
        null,
        "",
        "=",
        Canonical[2..], // its leading zeros left away
        Canonical + "00",
        Canonical[..63] + "g",
        Canonical[..63] + "４",
        "../" + Canonical[3..],
        Canonical[..32] + ":" + Canonical[33..],
        string.Join("::", Canonical.Chunk(2).Select(p => new string(p))),
        new string('0', 1_000_000));

    [Theory, MemberData(nameof(Hostile))]
    public void TryParse_AnythingElse_IsNone(string? text) => Assert.False(SpkiHash.TryParse(text, out _));

    [Fact]
    public void Recorded_AnotherSpelling_IsADamagedRecord()
    {
        Assert.Throws<InvalidDataException>(() => SpkiHash.Recorded(Canonical.ToUpperInvariant()));
        Assert.False(SpkiHash.Recorded(Canonical).Is(Canonical.ToUpperInvariant()));
        Assert.False(SpkiHash.Recorded(Canonical).Is(null));
    }

    [Fact]
    public void Of_Key_IsTheSha256OfItsDer()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var spki = key.ExportSubjectPublicKeyInfo();
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(spki)), SpkiHash.Of(spki).ToString());
        Assert.Equal(SHA256.HashData(spki), SpkiHash.Of(spki).ToBytes());
    }
}
