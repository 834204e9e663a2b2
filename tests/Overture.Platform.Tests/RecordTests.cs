using System.Security.Cryptography;
using Overture.Platform.Records;
using Overture.Platform.Tls;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Platform.Tests;

public sealed class RecordTests
{
    [Theory]
    [InlineData("3f0c2a4e-8d1b-4c5a-9e7f-0123456789ab", true)]
    [InlineData("3f0c2a4e-8d1b-1c5a-9e7f-0123456789ab", false)] // version 1
    [InlineData("3f0c2a4e-8d1b-4c5a-7e7f-0123456789ab", false)] // variant
    [InlineData("web1.example.com", false)]
    public void CertName_Valid_KnowsItsShape(string text, bool uuid) => Assert.Equal(uuid, CertName.Parse(text).IsUuid);

    [Theory]
    [InlineData("")]
    [InlineData("UPPER")]
    [InlineData("-a")]
    [InlineData("a-")]
    [InlineData("a..b")]
    [InlineData("a-.b")]
    [InlineData("a.-b")]
    [InlineData("../x")]
    [InlineData("a b")]
    [InlineData("a\nb")]
    [InlineData("ａ")] // full-width
    [InlineData("a%2fb")]
    public void CertName_OutsideTheGrammar_IsRefused(string text)
    {
        Assert.False(CertName.TryParse(text, out _, out var rule));
        Assert.NotEmpty(rule);
    }

    [Fact]
    public void Token_SameInputs_SameTokenInItsAlphabet()
    {
        var name = CertName.Parse("3f0c2a4e-8d1b-4c5a-9e7f-0123456789ab");
        var token = EnrollmentToken.Derive([1, 2, 3], "r1", name);
        Assert.Matches("^[a-z2-7]{52}$", token);
        Assert.Equal(token, EnrollmentToken.Derive([1, 2, 3], "r1", name));
        Assert.NotEqual(token, EnrollmentToken.Derive([1, 2, 4], "r1", name));
        Assert.NotEqual(token, EnrollmentToken.Derive([1, 2, 3], "r2", name));
        // RFC 4648 base32 of the HMAC, by Python's hmac and base64 modules
        Assert.Equal("jpaubybas6lss424zvtotwfch7f5e46lbpmhwy4l3q25o7fupmtq", EnrollmentToken.Derive("key"u8, "r1", name));
    }

    [Fact]
    public void Token_AnyChange_DoesNotMatch()
    {
        var token = EnrollmentToken.Derive([9], "r", CertName.Parse("a"));
        var hash = EnrollmentToken.Hash(token);
        Assert.True(EnrollmentToken.Matches(EnrollmentToken.Hash(token), hash));
        foreach (var wrong in new[] { "", token[1..], token + "a", token.ToUpperInvariant(), hash, token + "\n", token + "\0",
            "b" + token[1..] })
        {
            Assert.False(EnrollmentToken.Matches(EnrollmentToken.Hash(wrong), hash), wrong);
        }
    }

    [Fact]
    public void LaunchSignature_AnotherKeyNameOrByte_DoesNotVerify()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var stranger = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var signer = new LaunchSigner(key);
        var name = CertName.Parse("3f0c2a4e-8d1b-4c5a-9e7f-0123456789ab");
        var signed = signer.Sign(new LaunchRecord { Certname = name.ToString(), Role = "puppetserver" }, "w");

        var verifier = new LaunchVerifier([key]);
        Assert.Equal("puppetserver", verifier.Verify(signed, name)!.Role);
        Assert.Null(verifier.Verify(signed, CertName.Parse("other")));
        Assert.Null(new LaunchVerifier([stranger]).Verify(signed, name));
        using var forger = new LaunchSigner(stranger);
        var forged = forger.Sign(new LaunchRecord { Certname = name.ToString() }, "w");
        forged.Kid = signed.Kid;
        Assert.Null(verifier.Verify(forged, name));
    }

    [Fact]
    public void RecordJson_UnknownField_IsIgnoredAndDamageIsNamed()
    {
        Assert.Equal("x", RecordJson.Read<Block>("{\"certname\":\"x\",\"fromTheFuture\":1}").Certname);
        Assert.Throws<InvalidDataException>(() => RecordJson.Read<Block>("{\"certname\":"));
    }

    [Fact]
    public void Ids_Ordered_SortsByTime()
    {
        var clock = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(DateTimeOffset.UnixEpoch.AddYears(50));
        var ids = new Ids(clock, RandomNumberGenerator.Create());
        var first = ids.Ordered();
        clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.True(string.CompareOrdinal(first, ids.Ordered()) < 0);
        Assert.Equal('7', first[14]);
        Assert.True(TestIds.New().CertName().IsUuid);
    }

    [Fact]
    public void StructTree_WholeNumbers_StayIntegers()
    {
        var tree = new Dictionary<string, object?> { ["n"] = 3L, ["r"] = 1.5, ["s"] = "yes", ["b"] = true, ["z"] = null,
            ["l"] = new List<object?> { 1L, "x" } };
        Assert.Equivalent(tree, StructTree.ToTree(StructTree.FromTree(tree)), strict: true);
    }
}
