using System.Globalization;
using Overture.TestSupport;

namespace Overture.EndToEnd.Tests;

/// <summary>
/// Debian 13's puppetserver 8.7 and Puppet 8.10 where the all-in-one packages have theirs, as the packaged service that the module
/// configured, with Overture's CA, node definitions and reports. First with the hook overture-enc, by which one agent runs; then with the
/// native terminus, as it stays.
/// </summary>
public sealed class AioServer : IAsyncLifetime
{
    public const string Name = "puppet.aio.example.org", ByHook = "hook.aio.example.org";
    private const string Offset = "16000", ServerConf = "/etc/puppetlabs/puppetserver";

    internal OvertureHome Home { get; private set; } = null!;
    public RootedHost Host { get; private set; } = null!;

    /// <summary>`puppet apply` of the class, in this order: without the services, the same again, with them, once more, native.</summary>
    public IReadOnlyList<Ran> Applied => applied;

    /// <summary>The run of the agent <see cref="ByHook"/>.</summary>
    public Ran HookRun { get; private set; } = null!;

    private readonly List<Ran> applied = [];

    public static int Port(int documented) => documented + int.Parse(Offset, CultureInfo.InvariantCulture);

    public async Task InitializeAsync()
    {
        var root = await RootFileSystem.Get("trixie-server");
        Home = await OvertureHome.Start(Port(0));
        Host = await RootedHost.Start(root);
        Host.SearchPath = "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin";
        await Shape();

        // 1. as the module's README has it
        applied.Add(await Apply("manage_service => false"));
        applied.Add(await Apply("manage_service => false"));
        await Bootstrap();
        await PlaceHook();
        applied.Add(await Apply());
        applied.Add(await Apply());
        await Ready();
        HookRun = await Agent(ByHook, await Home.Register("start_instance.yaml", ByHook, Defined));
        // 2. and then by the plug-in
        applied.Add(await Apply("terminus => native", $"classifier_url => 'https://localhost:{Port(8143)}'",
            $"class_readers => ['{Home.Classifier}']"));
        await Ready();
    }

    /// <summary>A definition that the code of this server has.</summary>
    public static string Defined(string example) => example[..example.IndexOf("node:", StringComparison.Ordinal)]
        + "node:\n  classes: {field: {text: \"0777\"}}\n  parameters: {}\n  environment: production\n";

    /// <summary>`puppet agent --test` of a real agent 8.10, in directories of its own.</summary>
    /// <param name="name">Its certname.</param>
    /// <param name="token">For its first run.</param>
    public async Task<Ran> Agent(string name, string? token = null, params string[] more)
    {
        var home = $"/var/agents/{name}";
        if (token is not null)
            await Host.Write($"{home}/c/csr_attributes.yaml", $"custom_attributes:\n  1.2.840.113549.1.9.7: \"{token}\"\n", "0600");
        return await Host.Run(["/opt/puppetlabs/bin/puppet", "agent", "--test", "--color", "false", "--certname", name, "--confdir",
            $"{home}/c", "--vardir", $"{home}/v", "--ssldir", $"{home}/s", "--publicdir", $"{home}/v/public", "--rundir", $"{home}/r",
            "--logdir", $"{home}/l", "--server", "localhost", "--serverport", $"{Port(8140)}", "--ca_server", "localhost", "--ca_port",
            $"{Port(8141)}", "--keylength", "2048", "--waitforcert", "2", "--maxwaitforcert", "60", .. more], null);
    }

    /// <summary>`puppetserver ca` 2.7 with an administrator's certificate of CertAuthority.</summary>
    public Task<Ran> Ca(params string[] arguments) =>
        Host.Run(["/opt/puppetlabs/bin/puppetserver", "ca", .. arguments, "--config", "/root/ca/puppet.conf"], null);

    /// <summary>Lines of systemctl's log that restarted the service.</summary>
    public async Task<int> Restarts() =>
        (await Host.Read("/var/log/systemctl.log")).Split('\n').Count(l => l == "restart puppetserver");

    public async Task DisposeAsync()
    {
        if (Host is not null)
            await Host.DisposeAsync();
        if (Home is not null)
            await Home.DisposeAsync();
    }

    // The packages' layout, a systemctl, and code.
    private async Task Shape()
    {
        foreach (var script in new[] { "aio-server.sh", "systemctl.sh" })
            await Host.Copy(RepositoryPaths.File($"tests/Overture.EndToEnd.Tests/servers/{script}"), "/mnt");
        (await Host.Sh("mkdir /mnt/modules; /mnt/aio-server.sh; install -m 755 /mnt/systemctl.sh /usr/local/sbin/systemctl")).Ok();
        await Host.Copy(RepositoryPaths.File("deploy/puppet/overture"), "/mnt/modules");
        await Host.Write("/etc/puppetlabs/code/environments/production/modules/field/manifests/init.pp",
            "class field(String $text) {\n  file { \"/var/tmp/${trusted['certname']}\": content => $text }\n}\n");
    }

    private Task<Ran> Apply(params string[] parameters)
    {
        string[] all = [$"certname => '{Name}'", "ca_server => 'localhost'", $"ca_port => {Port(8141)}", "listen => '127.0.0.1'",
            $"port => {Port(8140)}", $"report_url => 'https://localhost:{Port(8142)}/reports'", "crl_refresh => 1",
            "enc_command => '/usr/local/bin/overture-enc'", .. parameters];
        return Host.Run(["/opt/puppetlabs/bin/puppet", "apply", "--detailed-exitcodes", "--color", "false", "--modulepath", "/mnt/modules",
            "-e", $"class {{ 'overture::puppetserver': {string.Join(", ", all)} }}"], null);
    }

    // By `puppet ssl bootstrap`, which reads what the module wrote.
    private async Task Bootstrap()
    {
        var token = await Home.Register("puppetserver.yaml", Name);
        await Host.Write("/etc/puppetlabs/puppet/csr_attributes.yaml", $"custom_attributes:\n  1.2.840.113549.1.9.7: \"{token}\"\n",
            "0600");
        await Host.Write("/etc/puppetlabs/puppet/ssl/certs/ca.pem", await File.ReadAllTextAsync(Home.CaBundle));
        (await Host.Run("/opt/puppetlabs/bin/puppet", "ssl", "bootstrap", "--waitforcert", "2", "--maxwaitforcert", "60")).Ok();
        (await Host.Run("rm", "/etc/puppetlabs/puppet/csr_attributes.yaml")).Ok();
    }

    private async Task PlaceHook()
    {
        await Host.Copy(OvertureHome.Binary, "/usr/local/bin/overture-enc");
        foreach (var file in new[] { "enc.pem", "enc.key", "ca.pem" })
            await Host.Write($"/etc/overture/{file}", await File.ReadAllTextAsync(Home.Path($"pki/{file}")), "0640", "root:puppet");
        await Host.Write("/etc/overture/hooks.yaml",
            $"classifier: localhost:{Port(7003)}\ntls: {{ certificate: enc.pem, key: enc.key, roots: ca.pem }}\n", "0640", "root:puppet");
    }

    private async Task Ready()
    {
        // The server writes 1 there once its start is over, as its package's own service waits for.
        var ended = false;
        var process = Host.Seen($"/proc/{(await Host.Read("/run/units/puppetserver")).Trim()}");
        await Eventually.True(async () => (ended = !Directory.Exists(process))
            || (await Host.Says("/run/puppetlabs/puppetserver/restart", "1")
                && (await Curl("/status/v1/simple")).Output == "running"), "the puppetserver is ready", TimeSpan.FromMinutes(4));
        Assert.False(ended, ended ? (await Host.Sh("cat /var/log/puppetserver.log /var/log/puppetlabs/puppetserver/puppetserver.log || :"))
            .Output : "");
        string[] own = ["--cert", $"/etc/puppetlabs/puppet/ssl/certs/{Name}.pem", "--key",
            $"/etc/puppetlabs/puppet/ssl/private_keys/{Name}.pem"];
        foreach (var listener in new[] { 8142, 8143 })
        {
            await Eventually.True(async () => (await Host.Run(["curl", "-s", "--noproxy", "*", "--cacert",
                "/etc/puppetlabs/puppet/ssl/certs/ca.pem", .. own, $"https://localhost:{Port(listener)}/"], null)).ExitCode == 0,
                $"the listener {listener} has its certificate");
        }
    }

    public Task<Ran> Curl(string path, params string[] more) => Host.Run(["curl", "-s", "--noproxy", "*", "--cacert",
        "/etc/puppetlabs/puppet/ssl/certs/ca.pem", .. more, $"https://localhost:{Port(8140)}{path}"], null);

    /// <summary>The server's own log.</summary>
    public Task<string> Log() => Host.Read("/var/log/puppetlabs/puppetserver/puppetserver.log");

    /// <summary>A file of the server's configuration.</summary>
    public Task<string> Conf(string file) => Host.Read($"{ServerConf}/{file}");
}

/// <summary>Beside the stack: its ports are others, and its server is in a root of its own.</summary>
[CollectionDefinition(nameof(AioServerCollection))]
public sealed class AioServerCollection : ICollectionFixture<AioServer>;
