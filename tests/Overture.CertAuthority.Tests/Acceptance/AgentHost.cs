using Overture.TestSupport;

namespace Overture.CertAuthority.Tests.Acceptance;

/// <summary>Those tests of docs/puppet-contracts.md §10 that measure, or are a crowd: alone.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class AcceptanceCollection : ICollectionFixture<CaFixture>
{
    public const string Name = "acceptance";
}

/// <summary>The others, whose time is that of their agents.</summary>
[CollectionDefinition(Name)]
public sealed class AgentCollection : ICollectionFixture<CaFixture>
{
    public const string Name = "agents";
}

/// <summary>A host with a real agent, Debian's Puppet, and directories of its own.</summary>
public sealed class AgentHost(int caPort, string certname, string? token = null) : IDisposable
{
    private readonly TempDirectory home = new();

    public AgentHost(RunningCa ca, string certname, string? token = null) : this(ca.ApiPort, certname, token)
    {
    }

    public string Certname => certname;
    public string Certificate => home.File($"ssl/certs/{certname}.pem");
    public string Key => home.File($"ssl/private_keys/{certname}.pem");
    public string File(string path) => home.File(path);

    /// <summary>What its clock says, as faketime writes it (`+8d`); null: the truth.</summary>
    public string? Clock { get; set; }

    public static AgentHost Of(RunningCa ca, Launched instance) => Of(ca.ApiPort, instance);

    public static AgentHost Of(int caPort, Launched instance) => new(caPort, instance.Name.ToString(), instance.Token);

    /// <summary>csr_attributes.yaml, beside the token.</summary>
    public string Attributes { get; init; } = "";

    public Task<(int Exit, string Output)> Bootstrap(params string[] more) => Ssl("bootstrap", more);

    public async Task<(int Exit, string Output)> Ssl(string action, params string[] more)
    {
        Directory.CreateDirectory(home.File("conf"));
        var challenge = token is null ? "" : $"custom_attributes:\n  1.2.840.113549.1.9.7: {token}\n";
        await System.IO.File.WriteAllTextAsync(home.File("conf/csr_attributes.yaml"), challenge + Attributes);
        string[] puppet =
        [
            "puppet", "ssl", action, "--confdir", home.File("conf"), "--vardir", home.File("var"), "--ssldir", home.File("ssl"),
                "--certname", certname,
            "--ca_server", "localhost", "--ca_port", $"{caPort}", "--keylength", "2048", "--color", "false",
            .. more.Contains("--waitforcert") ? [] : new[] { "--waitforcert", "0" }, .. more,
        ];
        // Files keep the times they have: else all that was written yesterday would be of the day that the clock says.
        return Clock is null
            ? await Tool.Run(puppet[0], puppet[1..])
            : await Tool.Run("env", ["NO_FAKE_STAT=1", "faketime", "-f", Clock, .. puppet]);
    }

    public void Dispose() => home.Dispose();
}
