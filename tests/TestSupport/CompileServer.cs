using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography.X509Certificates;

namespace Overture.TestSupport;

/// <summary>
/// A real puppetserver without a CA, as class overture::puppetserver configures it (about a minute); its certificate comes from a test's
/// CA. It ends with this process, however that ends.
/// </summary>
public sealed class CompileServer : IAsyncDisposable
{
    // Ends the JVM when standard input does.
    private const string Script = "\"$0\" start \"$1\" >> \"$1/jvm.log\" 2>&1 < /dev/null & cat > /dev/null; kill $!; wait $!";
    private readonly TempDirectory home;
    private readonly TestPuppetCa ca;
    private Process? process;

    private CompileServer(TempDirectory home, TestPuppetCa ca, string certname, int port) =>
        (this.home, this.ca, Certname, Port) = (home, ca, certname, port);

    public string Certname { get; }
    public int Port { get; }
    public string Log => File.ReadAllText(home.File("log/puppetserver.log"));
    /// <summary>What it shows to Classifier and to agents.</summary>
    public X509Certificate2 Certificate => X509Certificate2.CreateFromPem(File.ReadAllText(home.File($"ssl/certs/{Certname}.pem")));

    /// <param name="parameters">Of the class, PARAMETER=VALUE; the certname is given, as is all that has a place.</param>
    public static Task<CompileServer> Start(TestPuppetCa ca, string certname, params string[] parameters) =>
        Start(ca, certname, FreePort.Next(), parameters);

    public static async Task<CompileServer> Start(TestPuppetCa ca, string certname, int port, params string[] parameters)
    {
        var home = new TempDirectory();
        var server = new CompileServer(home, ca, certname, port);
        (await Shell.Run(RepositoryPaths.File("eng/puppetserver.sh"),
        [
            "apply", home.Path, $"certname={certname}", "ca_server=localhost", $"ca_port={FreePort.Next()}", $"port={server.Port}",
            "listen=127.0.0.1",
            "report_url=https://localhost/reports", "max_active_instances=1", .. parameters,
        ], null)).Ok();
        await server.Certify();
        server.process = Launch(home.Path);
        using var anybody = ca.Client(null);
        await Eventually.True(async () => server.process.HasExited || await server.Running(anybody), "the puppetserver runs",
            TimeSpan.FromMinutes(4));
        return server.process.HasExited ? throw new InvalidOperationException(
            $"puppetserver did not start: {await File.ReadAllTextAsync(home.File("jvm.log"))}") : server;
    }

    /// <summary>The JVM of a home that was applied; it ends when standard input of this process does.</summary>
    public static Process Launch(string home) =>
        Process.Start(new ProcessStartInfo("bash",
            ["-c", Script, RepositoryPaths.File("eng/puppetserver.sh"), home]) { RedirectStandardInput = true })!;

    /// <summary>GET /puppet/v3/node/NAME as that node.</summary>
    public async Task<HttpResponseMessage> Node(string certname)
    {
        using var client = ca.Client(ca.Issue(certname));
        using var request = new HttpRequestMessage(HttpMethod.Get,
            $"https://localhost:{Port}/puppet/v3/node/{certname}?environment=production");
        request.Headers.Accept.ParseAdd("application/json");
        return await client.SendAsync(request);
    }

    /// <summary>Code of an environment; it is there at once, for nothing of it is cached.</summary>
    /// <param name="manifest">Puppet, of modules/MODULE/manifests/init.pp.</param>
    public async Task Deploy(string environment, string module, string manifest)
    {
        var environments = home.File("code/environments");
        Directory.CreateDirectory(Path.Combine(environments, environment, "modules", module, "manifests"));
        await File.WriteAllTextAsync(Path.Combine(environments, environment, "environment.conf"), "modulepath = modules\n");
        await File.WriteAllTextAsync(Path.Combine(environments, environment, "modules", module, "manifests/init.pp"), manifest);
        (await Shell.Run("chown", "-R", "puppet:puppet", environments)).Ok();
    }

    /// <summary>SIGSTOP: it keeps its sockets and says nothing.</summary>
    public Task Freeze() => Signal("STOP");

    public Task Thaw() => Signal("CONT");

    public async ValueTask DisposeAsync()
    {
        if (process is not null)
        {
            process.StandardInput.Close();
            await process.WaitForExitAsync();
            process.Dispose();
        }
        home.Dispose();
    }

    private async Task Certify()
    {
        var (certificate, key) = ca.IssuePem(Certname, "localhost");
        foreach (var folder in new[] { "certs", "private_keys" })
            Directory.CreateDirectory(home.File($"ssl/{folder}"));
        await File.WriteAllTextAsync(home.File("ssl/certs/ca.pem"), ca.BundlePem);
        await File.WriteAllTextAsync(home.File("ssl/crl.pem"), ca.CrlPem());
        await File.WriteAllTextAsync(home.File($"ssl/certs/{Certname}.pem"), certificate);
        await File.WriteAllTextAsync(home.File($"ssl/private_keys/{Certname}.pem"), key);
        (await Shell.Run("chown", "-R", "puppet:puppet", home.File("ssl"))).Ok();
    }

    // To the shell's child that became the JVM.
    private async Task Signal(string name)
    {
        var children = (await File.ReadAllTextAsync($"/proc/{process!.Id}/task/{process.Id}/children"))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries);
        (await Shell.Run("kill", $"-{name}", children.Single(c => File.ReadAllText($"/proc/{c}/comm") == "java\n"))).Ok();
    }

    private async Task<bool> Running(HttpClient anybody)
    {
        try
        {
            return await anybody.GetStringAsync(string.Create(CultureInfo.InvariantCulture,
                $"https://localhost:{Port}/status/v1/simple")) == "running";
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}
