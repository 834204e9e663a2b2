using System.Security.Cryptography;
using Overture.CertAuthority.Csr;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>Where the rules begin and end; each of them at work is threats T56.</summary>
public sealed class WeakModulusTests
{
    [Theory]
    [InlineData(2048), InlineData(3072), InlineData(4096)]
    public void Weakness_OrdinaryKey_None(int bits)
    {
        using var key = RSA.Create(bits);
        Assert.Null(WeakModulus.Weakness(CsrParts.ModulusOf(key)));
    }

    [Theory]
    [InlineData(2), InlineData(3), InlineData(5), InlineData(167), InlineData(751)]
    public void Weakness_SmallFactor_IsSeen(int factor)
    {
        using var key = RSA.Create(2048);
        Assert.Contains("small factor", WeakModulus.Weakness(CsrParts.ModulusOf(key) * factor), StringComparison.Ordinal);
    }

    [Fact]
    public void Weakness_FirstPrimeBeyondTheLimit_IsNotLookedFor()
    {
        using var key = RSA.Create(2048);
        Assert.Null(WeakModulus.Weakness(CsrParts.ModulusOf(key) * 757));
    }
}
