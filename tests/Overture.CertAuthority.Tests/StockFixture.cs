using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.TestSupport;
using Microsoft.Extensions.DependencyInjection;
using Overture.CertAuthority.StockCa;

namespace Overture.CertAuthority.Tests;

/// <summary>
/// A site that keeps puppetserver's own CA: a real puppetserver whose policy executable is the real overture-autosign, and what
/// CertAuthority needs.
/// </summary>
public sealed class StockFixture : IAsyncLifetime
{
    private string hooks = "";

    public CaFixture House { get; } = new();
    public StockPuppetserver Puppetserver { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        // Without its CertAuthority, which knows of no stock CA: every replica must.
        await House.Open();
        Puppetserver = await StockPuppetserver.Start(Prepare);
    }

    public async Task DisposeAsync()
    {
        await Puppetserver.DisposeAsync();
        await House.DisposeAsync();
    }

    /// <summary>overture-autosign as puppetserver would run it.</summary>
    public Task<Ran> Autosign(string certname, string csr) =>
        Shell.Run(Hook, [certname], new Dictionary<string, string?> { ["OVERTURE_HOOKS_CONFIG"] = Config }, csr);

    /// <summary>A CertAuthority that approves for the puppetserver, and that overture-autosign asks.</summary>
    public async Task<RunningCa> Start(string replica, Func<TestCaOptions, TestCaOptions>? change = null)
    {
        var options = House.Options(replica) with
        {
            StockCa = new StockCaOptions
            {
                Url = Puppetserver.Url.ToString(),
                Certificate = Puppetserver.AdminCertificate,
                Key = Puppetserver.AdminKey,
                Roots = Puppetserver.Bundle,
                Poll = TimeSpan.FromSeconds(1),
            },
        };
        var ca = await RunningCa.Start(House, change?.Invoke(options) ?? options);
        Ask(ca.GrpcPort);
        return ca;
    }

    /// <summary>No one answers overture-autosign.</summary>
    public void AskNobody() => Ask(FreePort.Next());

    /// <summary>Registered, and announced as the Conductor would.</summary>
    public static void Announce(RunningCa ca, CertName name) =>
        ca.Services.GetRequiredService<Timeline>()
            .Add("conductor", name, InstanceEvents.Requested, "registered by a test", proof: ObjectKeys.Launch(name));

    /// <summary>What puppetserver's setting autosign names.</summary>
    public string Hook => Path.Combine(hooks, "overture-autosign");

    /// <summary>As docs/operations.md says.</summary>
    public void InstallHook() => Shell.Run(Path.Combine(hooks, "overture"), "hook", "install", Hook).GetAwaiter().GetResult().Ok();

    private string Config => Path.Combine(hooks, "hooks.yaml");

    private void Ask(int port) => File.WriteAllText(Config,
        $"certAuthority: localhost:{port}\ntls: {{ certificate: enc.pem, key: enc.key, roots: ca.pem }}\nautosignTls: {{ certificate: "
            + $"autosign.pem, key: autosign.key }}\n");

    // The hook's own copies: user puppet sees nothing else of ours.
    private (string, IReadOnlyDictionary<string, string>) Prepare(string home)
    {
        hooks = Path.Combine(home, "hooks");
        Directory.CreateDirectory(hooks);
        var binary = Environment.GetEnvironmentVariable("OVERTURE_CLI") is { Length: > 0 } named
            ? named
            : RepositoryPaths.File("artifacts/cli/overture");
        File.Copy(binary, Path.Combine(hooks, "overture"));
        File.SetUnixFileMode(Path.Combine(hooks, "overture"), (UnixFileMode)0b111_101_101);
        InstallHook();
        foreach (var party in new[] { House.Pki.Files("enc"), House.Pki.Files("autosign") })
        {
            foreach (var file in new[] { party.Certificate, party.Key, party.Roots })
                File.Copy(file, Path.Combine(hooks, Path.GetFileName(file)), overwrite: true);
        }
        foreach (var file in Directory.GetFiles(hooks))
            File.SetUnixFileMode(file, (UnixFileMode)(file.EndsWith(".key", StringComparison.Ordinal) ? 0b110_100_000 : 0b111_101_101));
        foreach (var key in Directory.GetFiles(hooks, "*.key"))
            Shell.Run("chgrp", "puppet", key).GetAwaiter().GetResult().Ok();
        AskNobody();
        return (Hook, new Dictionary<string, string> { ["OVERTURE_HOOKS_CONFIG"] = Config });
    }
}

/// <summary>Alone, since a puppetserver that starts leaves no processor to anyone.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class StockCollection : ICollectionFixture<StockFixture>
{
    public const string Name = "stock";
}
