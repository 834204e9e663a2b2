using Overture.CertAuthority.StockCa;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>Where puppetserver's own CA is: off, or whole.</summary>
public sealed class StockCaOptionsTests : IDisposable
{
    private readonly TempDirectory home = new();

    public void Dispose() => home.Dispose();

    [Fact]
    public void Problems_NoUrl_IsOffWhateverElseIsThere() =>
        Assert.Empty(new StockCaOptions { Poll = TimeSpan.FromDays(1), Key = "/nowhere" }.Problems());

    [Fact]
    public void Problems_Whole_None() => Assert.Empty(Whole().Problems());

    [Theory]
    [InlineData("http://puppet.example.com:8140")]
    [InlineData("puppet.example.com:8140")]
    [InlineData("https://puppet.example.com:8140/puppet-ca/v1")]
    [InlineData("https://admin:secret@puppet.example.com:8140")]
    public void Problems_NotAnAddressOfAServer_Named(string url) =>
        Assert.Equal("stockCa.url", Assert.Single((Whole() with { Url = url }).Problems()).Field);

    [Theory]
    [InlineData(0.9)]
    [InlineData(5.1)]
    public void Problems_PollOutOfRange_Named(double seconds) =>
        Assert.Equal("stockCa.poll", Assert.Single((Whole() with { Poll = TimeSpan.FromSeconds(seconds) }).Problems()).Field);

    [Fact]
    public void Problems_FilesMissing_AllNamedAtOnce() =>
        Assert.Equal(["stockCa.certificate", "stockCa.key", "stockCa.roots"],
            new StockCaOptions { Url = "https://puppet.example.com:8140", Key = "/nowhere" }.Problems().Select(p => p.Field));

    private StockCaOptions Whole()
    {
        File.WriteAllText(home.File("any.pem"), "");
        return new StockCaOptions { Url = "https://puppet.example.com:8140", Certificate = home.File("any.pem"), Key = home.File("any.pem"),
            Roots = home.File("any.pem") };
    }
}
