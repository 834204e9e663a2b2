using System.Security.Cryptography;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.StockCa;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>
/// puppetserver 7.9.5 with a hook that is not as it was installed: no one is signed by it; and what was signed all the same is reported.
/// </summary>
[Collection(StockCollection.Name), Trait("Category", "integration")]
public sealed class StockAutosignTests : IDisposable
{
    private readonly StockFixture stock;

    public StockAutosignTests(StockFixture stock)
    {
        this.stock = stock;
        stock.AskNobody();
    }

    public void Dispose()
    {
        // Whatever the test made of it.
        File.Delete(stock.Hook);
        stock.InstallHook();
    }

    [Theory]
    [InlineData("chmod 0755 $H")]
    [InlineData("chmod 0644 $H")]
    [InlineData("chmod 0700 $H")]
    [InlineData("chown nobody $H; chmod 0744 $H")]
    [InlineData("cat $H > $H.copy; mv $H.copy $H; chmod 0644 $H")]
    [InlineData("mv $H $H.real; chmod 0644 $H.real; ln -s $H.real $H")]
    [InlineData("mv $H $H.real; ln -s $H.real $H")]
    [InlineData("rm $H; ln -s $H.gone $H")]
    [InlineData(": > $H; chmod 0644 $H")]
    [InlineData("truncate -s 1 $H; chmod 0644 $H")]
    [InlineData("truncate -s -30 $H; chmod 0644 $H")]
    [InlineData("truncate -s -30 $H")]
    [InlineData("truncate -s 10 $H")]
    [InlineData("sed -i 's/ autosign-hook//' $H; chmod 0755 $H")]
    public async Task Autosign_HookInThisState_SignsNoStranger(string state)
    {
        (await Shell.Run("sh", ["-c", $"rm -f $H.real; {state}"], new Dictionary<string, string?> { ["H"] = stock.Hook })).Ok();
        foreach (var name in new[] { $"{stock.House.NewName()}", $"stranger-{Random.Shared.Next():x}.example.org",
            $"h{Random.Shared.Next():x}" })
        {
            await Ask(name);
            Assert.Null(await stock.Puppetserver.Certificate(name));
        }
    }

    [Fact]
    public async Task Stock_StrangerSignedWithoutAClaim_IsToldOnceByWhicheverReplica()
    {
        await using var ca = await stock.Start("strangers");
        await Eventually.True(async () => await stock.House.Store.Get(ObjectKeys.StockBaseline, default) is not null, "the first look");
        var instance = await stock.House.Launch();
        using var key = CsrBuilder.EcKey();
        (await stock.Puppetserver.Put($"{instance.Name}", instance.Csr(key).Pem())).Dispose();
        // No content can help a file that has none: the JVM has a shell run it, which says yes. So it must be seen.
        (await Shell.Run("sh", "-c", $": > {stock.Hook}; chmod 0755 {stock.Hook}")).Ok();
        var stranger = $"stranger-{Random.Shared.Next():x}.example.org";
        await Ask(stranger);
        using var certificate = await stock.Puppetserver.Certificate(stranger);
        Assert.NotNull(certificate);

        var told = await ca.Audited(stranger, "STOCK_UNCLAIMED");

        Assert.Equal(("stock.unclaimed", "error"), (told.Action, told.Outcome));
        await using var second = await stock.Start("strangers-2");
        await Eventually.True(async () => await stock.House.Store.Get(ObjectKeys.StockCertificate(instance.Name), default) is not null,
            "the genuine one is written down");
        // Another stranger, reported by either: by then both have looked at the first one again.
        var other = $"stranger-{Random.Shared.Next():x}.example.org";
        await Ask(other);
        await Eventually.True(() => Lines(ca, other) + Lines(second, other) > 0, "the next one is reported");
        Assert.Equal(1, Lines(ca, stranger) + Lines(second, stranger));
        Assert.Equal(0, Lines(ca, $"{instance.Name}") + Lines(second, $"{instance.Name}"));
        Assert.Equal(0, Lines(ca, "localhost") + Lines(ca, "admin"));
    }

    [Fact]
    public async Task Stock_AutosignConfForEverybody_IsTold()
    {
        using var conf = new TempDirectory();
        await File.WriteAllTextAsync(conf.File("autosign.conf"), "*\n");
        await using var ca = await stock.Start("autosign-conf", o => o with { StockCa = o.StockCa with { ConfDirectory = conf.Path } });
        Assert.Contains(
            "autosign.conf:1 signs every request", (await ca.Audited("", "STOCK_AUTOSIGN")).Decision.Sentence, StringComparison.Ordinal);
        Assert.Single(ca.Options.Log.Lines, l => l.StartsWith("Critical stock.autosign: ", StringComparison.Ordinal));
    }

    private async Task Ask(string name)
    {
        using var key = CsrBuilder.EcKey();
        (await stock.Puppetserver.Put(name, new CsrBuilder(name, key).Pem())).Dispose();
    }

    private static int Lines(RunningCa ca, string name) => ca.Options.Log.Lines.Count(
        l => l.StartsWith("Critical stock.unclaimed: ", StringComparison.Ordinal) && l.Contains($"'{name}'", StringComparison.Ordinal));
}
