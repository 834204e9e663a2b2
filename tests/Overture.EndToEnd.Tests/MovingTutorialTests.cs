using Overture.TestSupport;

namespace Overture.EndToEnd.Tests;

/// <summary>
/// The pages that move a CA in, on the CA of a real puppetserver with a real agent; ./run then serves that agent.
/// </summary>
[Collection(nameof(CheckoutCollection))]
[Trait("Category", "e2e")]
public sealed class MovingTutorialTests
{
    private const string Agent = "agent-1.example.com";
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(8);

    [Fact]
    public async Task FromPuppetserverAndOpenvoxCa_AsThePagesSay_AgentKeepsItsCertificateAndIsServed()
    {
        using var host = new TutorialHost(RepositoryPaths.Root, CheckoutCollection.PortOffset, null, Agent);
        await OldSite(host);
        await LikeOpenvoxCa(host);
        await new Tutorial("docs/tutorials/05-from-openvox-ca.md").Run(0, host, Limit);

        var page = new Tutorial("docs/tutorials/03-from-puppetserver-ca.md");
        await page.Run(0, host, Limit);
        await using var run = await RunProcess.Start(RepositoryPaths.Root, new Dictionary<string, string?>
        {
            ["OVERTURE_HOME"] = Path.Combine(host.Directory, ".overture"),
            ["OVERTURE_PORT_OFFSET"] = $"{CheckoutCollection.PortOffset}",
            // No trace UI; nobody listens there.
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:9",
        }, TimeSpan.FromMinutes(12));
        await page.Run(1, host, Limit);
    }

    // A puppetserver that signed one agent; its CA is where Debian's package has it.
    private static async Task OldSite(TutorialHost host)
    {
        await using var old = await StockPuppetserver.Start(_ => ("true", new Dictionary<string, string>()));
        (await Shell.Run("puppet", "ssl", "bootstrap", "--confdir", host.Puppet, "--ca_server", "localhost", "--ca_port", $"{old.Port}"))
            .Ok();
        Directory.CreateDirectory(Path.Combine(host.Puppet, "puppetserver"));
        (await Shell.Run("cp", "-a", old.CaDirectory, Path.Combine(host.Puppet, "puppetserver/ca"))).Ok();
    }

    // The same CA in openvox-ca's layout, with its older inventory: no 0x, no CN=.
    private static async Task LikeOpenvoxCa(TutorialHost host)
    {
        var (from, to) = (Path.Combine(host.Puppet, "puppetserver/ca"), Path.Combine(host.Directory, "openvox-ca"));
        (await Shell.Run("cp", "-a", from, to)).Ok();
        Directory.CreateDirectory(Path.Combine(to, "private"));
        File.Move(Path.Combine(to, "ca_key.pem"), Path.Combine(to, "private/ca_key.pem"));
        var inventory = Path.Combine(to, "inventory.txt");
        await File.WriteAllTextAsync(inventory, (await File.ReadAllTextAsync(inventory)).Replace("0x", "", StringComparison.Ordinal)
            .Replace("/CN=", "/", StringComparison.Ordinal));
        host.Environment["CADIR"] = to;
    }
}

/// <summary>
/// What starts ./run of this very checkout, one after the other: beside the stack, whose checkout, home and ports are others.
/// </summary>
[CollectionDefinition(nameof(CheckoutCollection))]
public sealed class CheckoutCollection
{
    /// <summary>Out of reach of the kernel, as CloudStack's, and not where a test of the stack looks for ports.</summary>
    public const int PortOffset = 13000;
}
