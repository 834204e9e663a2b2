using Microsoft.Extensions.DependencyInjection;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.StockApproval;
using Overture.CertAuthority.StockCa;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>
/// What a stock CA had signed when Overture first looked: said with names, sealed, and not taken in where strangers are being signed.
/// </summary>
[Trait("Category", "integration")]
public sealed class FirstLookTests : IAsyncLifetime
{
    private static readonly StockSigned Old = new("old.example.org", new('1', 64), "01"), Stranger = new("Str\nanger", new('2', 64), "02");
    private readonly CaFixture house = new();
    private readonly TempDirectory conf = new();

    public Task InitializeAsync() => house.Open();

    public async Task DisposeAsync()
    {
        await house.DisposeAsync();
        conf.Dispose();
    }

    [Fact]
    public async Task Baseline_FirstLook_SaysHowManyAndWhich()
    {
        await using var ca = await house.Start("a");
        Assert.Equal([Old.Fingerprint, Stranger.Fingerprint], (await Look(ca)).Order());

        Assert.Single(ca.Options.Log.Lines, l => l.StartsWith(
            "Warning stock.baseline: puppetserver's own CA had signed 2 certificates without a claim", StringComparison.Ordinal)
            && l.Contains("(old.example.org, Str anger)", StringComparison.Ordinal));
        var told = await ca.Audited("", "STOCK_UNCLAIMED");
        Assert.Equal(("stock.baseline", "allow", "old.example.org,Str%0Aanger"), (told.Action, told.Outcome, string.Join(',', told.Names)));
        // Another replica goes by the first one's word, and says nothing.
        await using var other = await house.Start("b");
        Assert.Equal(2, (await Look(other)).Count);
        Assert.DoesNotContain(other.Options.Log.Lines, l => l.Contains("stock.baseline", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("added"), InlineData("unsealed"), InlineData("damaged")]
    public async Task Baseline_ThatAWriterOfTheBucketChanged_IsRefusedAndHidesNobody(string how)
    {
        await using (var ca = await house.Start("a"))
            Assert.Single(await Look(ca, Old));
        if (how == "damaged")
        {
            await house.Store.Delete(ObjectKeys.StockBaseline, default);
            await house.Store.PutIfAbsent(ObjectKeys.StockBaseline, (ReadOnlyMemory<byte>)"{"u8.ToArray(), default);
        }
        else
        {
            await house.Rewrite<StockBaseline>(ObjectKeys.StockBaseline, b =>
            {
                if (how == "unsealed")
                    b.Seal = Google.Protobuf.ByteString.Empty;
                b.Fingerprints.Add(Stranger.Fingerprint);
            });
        }

        await using var next = await house.Start("b");

        Assert.Empty(await Look(next));
        Assert.Single(
            next.Options.Log.Lines, l => l.StartsWith("Critical ca.foreign_baseline: ca/stock-baseline ", StringComparison.Ordinal));
        Assert.Equal(("stock.baseline_refused", "error"),
            (await next.Audited("", "STOCK_UNCLAIMED")) is var told ? (told.Action, told.Outcome) : default);
    }

    [Theory]
    [InlineData(true), InlineData(false)]
    public async Task Baseline_WhereStrangersAreBeingSigned_TakesNothingIn(bool launcher)
    {
        // A match-all; or a launcher that lost its x bit.
        await File.WriteAllTextAsync(conf.File("hook"), "#!/bin/sh\nexit 1\n");
        await File.WriteAllTextAsync(
            conf.File(launcher ? "puppet.conf" : "autosign.conf"), launcher ? $"[server]\nautosign = {conf.File("hook")}\n" : "*\n");
        var options = house.Options("a");
        await using var ca = await RunningCa.Start(house, options with { StockCa = options.StockCa with { ConfDirectory = conf.Path } });
        await ca.Services.GetRequiredService<AutosignWatch>().Run(default);

        Assert.Empty(await Look(ca));

        Assert.Single(ca.Options.Log.Lines, l =>
            l.StartsWith("Critical stock.no_baseline: puppetserver's own CA had signed 2 certificates", StringComparison.Ordinal));
        Assert.Empty((await house.Store.Get<StockBaseline>(ObjectKeys.StockBaseline, default))!.Fingerprints);
        Assert.Equal("error", (await ca.Audited("", "STOCK_UNCLAIMED")).Outcome);
    }

    private static Task<HashSet<string>> Look(RunningCa ca, params StockSigned[] signed) =>
        ca.Services.GetRequiredService<FirstLook>().Baseline(signed.Length == 0 ? [Old, Stranger] : signed, default);
}
