using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Overture.TestSupport;

namespace Overture.EndToEnd.Tests.Causes;

/// <summary>Instances of the local provider whose boot, with the real cloud-init and the real agent, ends without a certificate.</summary>
internal static class BootSeeds
{
    private const string Image = "seeded-bare";
    private static readonly SemaphoreSlim Copying = new(1);

    public static IEnumerable<SeededCause> All =>
    [
        Agent("ca-name-unknown", "NAME_UNRESOLVED", "nowhere.invalid", "ca_server is a name that there is not", _ =>
            "--ca_server nowhere.invalid"),
        Agent("ca-refused", "CONNECTION_REFUSED", "refused", "ca_port is a port that nothing listens on", _ => "--ca_port 9"),
        Agent("ca-blackhole", "CONNECTION_TIMED_OUT", "timed out", "ca_server drops what is sent to it",
            s => string.Create(CultureInfo.InvariantCulture, $"--ca_port {s.Beside(new DeafPort()).Port} --http_connect_timeout 3s")),
        Agent("ca-wrong-port", "CONNECTION_TIMED_OUT", "OpenTimeout", "ca_port is the registry's",
            _ => $"--ca_port {CauseSite.Port(6379)} --http_connect_timeout 5s"),
        Agent("ca-is-puppetserver", "WRONG_SERVER", "CRL is missing", "ca_port is the puppetserver's, whose CA is off", _ =>
            $"--ca_port {CauseSite.Port(8140)}"),
        Agent("ca-other", "CERTIFICATE_UNTRUSTED", "certificate verify failed", "another CA's server listens at ca_server",
            s => $"--ca_port {OtherCa(s)}"),
        Agent("clock", "CERTIFICATE_TIME", "expired", "the instance's clock is 40 years ahead", _ =>
            $"--ca_port {CauseSite.Port(8141)}", "faketime -f +40y "),
        Packages("repository-away", "REPOSITORY_UNREACHABLE", "Some index files failed to download",
            "nothing listens at the repository of the agent",
            (_, key) => $"flavour: openvox8, repository: {{apt: \"http://127.0.0.1:9/apt\", key: {key}}}"),
        new("image-hollow", "GONE_STOPPED", "its process ended", "the image's programs are no programs", async s =>
        {
            var programs = Path.Combine(s.Home, "images/seeded-hollow/usr/bin");
            foreach (var folder in new[] { "etc", "var", "usr/bin" })
                Directory.CreateDirectory(Path.Combine(s.Home, "images/seeded-hollow", folder));
            foreach (var program in new[] { "bash", "cloud-init", "ssh-keygen", "setpriv" })
                await File.WriteAllTextAsync(Path.Combine(programs, program), "");
            return await s.Launch(t => t.Replace("image: host", "image: seeded-hollow", StringComparison.Ordinal));
        }) { Known = TimeSpan.FromMinutes(1) },
        new("stopped", "GONE_STOPPED", "does not run", "its processes are killed while it boots", async s =>
        {
            var name = await s.Launch(t => t.Replace("ca_server: localhost", "ca_server: nowhere.invalid", StringComparison.Ordinal));
            await Eventually.True(async () => (await s.Json("instance", "show", name))["instance"]!["state"]!.GetValue<string>()
                == "INSTANCE_STATE_RUNNING", "it runs", TimeSpan.FromMinutes(2));
            foreach (var process in HostProcesses.With(Path.Combine(s.Home, "instances", name)))
                await Shell.Run("kill", "-9", process.Split(':')[0]);
            return name;
        }) { Known = TimeSpan.FromMinutes(1) },
    ];

    // The launch's own agent asks where packets are dropped and says nothing of it for two minutes; the script that ends it runs
    // another, whose words are on the console.
    private static SeededCause Agent(string id, string reason, string proof, string made, Func<CauseSite, string> arguments,
        string before = "") =>
        new(id, reason, proof, made, site => site.Launch(t => $"""
            {Deaf(site, t)}
            scripts:
              - |
                #!/bin/sh
                pkill -f '[p]uppet agent'
                {before}puppet ssl bootstrap --color false --waitforcert 0 --ssl_lockfile /run/seeded.lock \
                  --ca_server localhost {arguments(site)} 2>&1
                echo seeded agent ended
            """)) { Console = "seeded agent ended" };

    private static string Deaf(CauseSite site, string launch) => launch
        .Replace("ca_server: localhost", "ca_server: 127.0.0.1", StringComparison.Ordinal)
        .Replace($"ca_port: {CauseSite.Port(8141)}", $"ca_port: {site.Beside(new DeafPort()).Port}", StringComparison.Ordinal);

    private static SeededCause Packages(string id, string reason, string proof, string made, Func<int, string, string> agent) =>
        new(id, reason, proof, made, async site =>
        {
            var kept = Path.Combine(Path.GetDirectoryName(await RootFileSystem.Get("openvox8"))!, ".aio-agent");
            await BareImage(site);
            var port = FreePort.Next();
            site.Beside(new BoundProcess(Path.Combine(site.Home, $"log/{id}.log"), "python3",
                ["-m", "http.server", $"{port}", "--bind", "127.0.0.1", "--directory", kept]));
            var key = JsonSerializer.Serialize(await File.ReadAllTextAsync(Path.Combine(kept, "key.asc")));
            return await site.Launch(t => t.Replace("image: host", $"image: {Image}", StringComparison.Ordinal)
                .Replace("\npuppet:\n", $"\npuppet:\n  agent: {{{agent(port, key)}}}\n", StringComparison.Ordinal));
        }) { Console = "overture: agent: failed:" };

    private static async Task BareImage(CauseSite site)
    {
        var image = Path.Combine(site.Home, "images", Image);
        await Copying.WaitAsync();
        try
        {
            if (Directory.Exists(image))
                return;
            await RootFileSystem.Copy("trixie-bare", image);
            RootFileSystem.ForgetPackageSources(image);
        }
        finally
        {
            Copying.Release();
        }
    }

    private static int OtherCa(CauseSite site)
    {
        var port = FreePort.Next();
        var files = Path.Combine(site.Home, "nodes");
        Directory.CreateDirectory(files);
        site.Beside(new BoundProcess(Path.Combine(site.Home, "log/other-ca.log"), "sh", ["-c",
            $"openssl req -x509 -newkey rsa:2048 -nodes -keyout '{files}/o.key' -out '{files}/o.pem' -subj '/CN=Other CA' "
                + $"-addext subjectAltName=DNS:localhost "
                + $"&& exec openssl s_server -accept 127.0.0.1:{port} -key '{files}/o.key' -cert '{files}/o.pem' -www"]));
        return port;
    }

    /// <summary>A port whose backlog is full: packets to it are dropped, as a packet filter does it.</summary>
    private sealed class DeafPort : IAsyncDisposable
    {
        private readonly List<Socket> sockets = [];

        public DeafPort()
        {
            var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            sockets.Add(listener);
            listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            listener.Listen(0);
            Port = ((IPEndPoint)listener.LocalEndPoint!).Port;
            for (var i = 0; i < 4; i++)
            {
                var waiting = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
                sockets.Add(waiting);
                _ = waiting.ConnectAsync(IPAddress.Loopback, Port);
            }
        }

        public int Port { get; }

        public ValueTask DisposeAsync()
        {
            sockets.ForEach(s => s.Dispose());
            return ValueTask.CompletedTask;
        }
    }
}
