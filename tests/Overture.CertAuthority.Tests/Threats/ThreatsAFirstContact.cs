using Overture.TestSupport;
using Xunit.Abstractions;

namespace Overture.CertAuthority.Tests.Threats;

/// <summary>
/// Threats §2.3 A: whom the agent believes when it boots. The real agent, with the files that our user data leaves on its disk.
/// </summary>
[Collection(ThreatCollection.Name), Trait("Category", "integration")]
public sealed class ThreatsAFirstContact(CaFixture house, ITestOutputHelper output) : IDisposable
{
    private readonly TempDirectory node = new();
    private readonly TestPuppetCa other = new();

    public void Dispose()
    {
        other.Dispose();
        node.Dispose();
    }

    [Fact]
    public async Task T24_RogueCaOnTheWire_IsSentNoRequest()
    {
        var (pinned, trusting) = (await house.Launch(), await house.Launch());
        await using var rogue = await PuppetCaStandIn.Start(other);

        // As user data leaves it: ca_cert goes to ssl/certs/ca.pem before the agent ever starts.
        var (exit, text) = await Bootstrap(pinned, rogue.Port, await File.ReadAllTextAsync(house.BundleFile));
        Assert.NotEqual(0, exit);
        Assert.Contains("certificate verify failed", text, StringComparison.Ordinal);
        Assert.Empty(rogue.Requests);
        output.WriteLine("the agent with the pinned CA met a rogue one: it was sent nothing");

        // Without the pin the same agent gives the rogue all it has, so the test above can fail.
        await Bootstrap(trusting, rogue.Port, null);
        Assert.Equal([trusting.Name.ToString()], rogue.Requests);

        await (await Oracle.Watch(house.Ca, output, pinned, trusting)).Holds();
    }

    [Theory]
    [InlineData(false), InlineData(true)]
    public async Task T26_PinOfTwoCas_GetsTheAgentInAtEither(bool atTheOther)
    {
        var instance = await house.Launch();
        await using var twin = await PuppetCaStandIn.Start(other);
        var both = other.BundlePem + await File.ReadAllTextAsync(house.BundleFile);

        var (exit, text) = await Bootstrap(instance, atTheOther ? twin.Port : house.Ca.ApiPort, both);

        Assert.True(exit == 0, text);
        Assert.Contains("Completed SSL initialization", text, StringComparison.Ordinal);
        Assert.Equal(!atTheOther, await house.Ca.Certificate(instance.Name) is not null);
        output.WriteLine($"the agent that pinned two CAs got its certificate from the {(atTheOther ? "other" : "one")}");
    }

    private async Task<(int Exit, string Output)> Bootstrap(Launched instance, int port, string? pin)
    {
        var home = Path.Combine(node.Path, instance.Name.ToString());
        Directory.CreateDirectory(Path.Combine(home, "conf"));
        Directory.CreateDirectory(Path.Combine(home, "ssl/certs"));
        await File.WriteAllTextAsync(
            Path.Combine(home, "conf/csr_attributes.yaml"), $"custom_attributes:\n  1.2.840.113549.1.9.7: {instance.Token}\n");
        if (pin is not null)
            await File.WriteAllTextAsync(Path.Combine(home, "ssl/certs/ca.pem"), pin);
        // The stand-in serves no CRL; the pin has to hold without one.
        return await Tool.Run("puppet", "ssl", "bootstrap", "--confdir", $"{home}/conf", "--vardir", $"{home}/var", "--ssldir",
            $"{home}/ssl", "--certname", instance.Name.ToString(),
            "--ca_server", "localhost", "--ca_port", $"{port}", "--keylength", "2048", "--waitforcert", "0", "--certificate_revocation",
            "false", "--color", "false");
    }
}
