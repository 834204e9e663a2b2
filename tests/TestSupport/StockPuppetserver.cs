using System.Diagnostics;
using System.Globalization;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Overture.TestSupport;

/// <summary>
/// A real puppetserver with its own CA, as eng/stock-puppetserver.sh starts it (about half a minute): one for all tests of a collection. It
/// ends with this process, however that ends.
/// </summary>
public sealed class StockPuppetserver : IAsyncDisposable
{
    private readonly TempDirectory home;
    private readonly Process script;

    private StockPuppetserver(TempDirectory home, Process script, int port)
    {
        this.home = home;
        this.script = script;
        Port = port;
        Agent = NewAgent();
    }

    public int Port { get; }
    public Uri Url => new($"https://localhost:{Port}");
    public string Bundle => home.File("ssl/certs/ca.pem");

    /// <summary>A client with pp_cli_auth.</summary>
    public string AdminCertificate => home.File("ssl/certs/admin.pem");
    public string AdminKey => home.File("ssl/private_keys/admin.pem");
    public string CaDirectory => home.File("ca");
    public string Log => File.ReadAllText(home.File("log/puppetserver.log"));
    public HttpClient Agent { get; }

    /// <param name="prepare">Puts files of the test's own into the home; gives Puppet's setting autosign (null: false) and the OVERTURE_*
    /// variables that its policy executable sees.</param>
    public static async Task<StockPuppetserver> Start(
        Func<string, (string Autosign, IReadOnlyDictionary<string, string> Environment)>? prepare = null)
    {
        var home = new TempDirectory();
        var (autosign, environment) = prepare?.Invoke(home.Path) ?? ("false", new Dictionary<string, string>());
        var port = FreePort.Next();
        var start = new ProcessStartInfo(RepositoryPaths.File("eng/stock-puppetserver.sh"))
        {
            ArgumentList = { "run", home.Path, port.ToString(CultureInfo.InvariantCulture), autosign },
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // A small JVM that starts fast.
        start.Environment["STOCK_HEAP"] = "512m";
        start.Environment["STOCK_JAVA_ARGS"] = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC";
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        var script = Process.Start(start)!;
        var errors = script.StandardError.ReadToEndAsync();
        if (await script.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromMinutes(5)) == "running")
            return new StockPuppetserver(home, script, port);
        throw new InvalidOperationException($"puppetserver did not start: {await errors}");
    }

    public Task<HttpResponseMessage> Put(string name, string csr) =>
        Agent.PutAsync(new Uri($"certificate_request/{name}", UriKind.Relative), new StringContent(csr, Encoding.ASCII, "text/plain"));

    /// <summary>The certificate as an agent gets it; null: 404.</summary>
    public async Task<X509Certificate2?> Certificate(string name)
    {
        using var answer = await Agent.GetAsync(new Uri($"certificate/{name}", UriKind.Relative));
        return answer.IsSuccessStatusCode ? X509Certificate2.CreateFromPem(await answer.Content.ReadAsStringAsync()) : null;
    }

    /// <summary>A request of this name waits for a signature.</summary>
    public bool Waits(string name) => File.Exists(home.File($"ca/requests/{name}.pem"));

    /// <summary>How many certificates it ever made for this name, by its inventory.</summary>
    public int Made(string name) => File.ReadLines(home.File("ca/inventory.txt"))
        .Count(l => l.EndsWith($"/CN={name}", StringComparison.Ordinal));

    /// <summary>By its own CRL.</summary>
    public bool IsRevoked(X509Certificate2 certificate) =>
        CertificateRevocationListBuilder.LoadPem(File.ReadAllText(home.File("ca/ca_crl.pem")), out _)
            .RemoveEntry(certificate.SerialNumberBytes.Span);

    /// <summary>`puppetserver ca` on its host.</summary>
    public Task<Ran> Ca(params string[] arguments) =>
        Shell.Run("puppetserver", ["ca", .. arguments, "--config", home.File("conf/puppet.conf")], null);

    /// <summary>SIGSTOP: it keeps its sockets and says nothing.</summary>
    public void Freeze() => Signal("STOP");

    public void Thaw() => Signal("CONT");

    public async ValueTask DisposeAsync()
    {
        Agent.Dispose();
        Thaw();
        script.StandardInput.Close();
        await script.WaitForExitAsync();
        script.Dispose();
        home.Dispose();
    }

    private HttpClient NewAgent()
    {
        var roots = new X509Certificate2Collection();
        roots.ImportFromPemFile(Bundle);
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.AddRange(roots);
        return new HttpClient(new SocketsHttpHandler { UseProxy = false,
            SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = policy } })
        {
            BaseAddress = new Uri(Url, "/puppet-ca/v1/"),
        };
    }

    private void Signal(string name)
    {
        var pid = File.ReadAllText(home.File("pid")).Split(' ')[0];
        using var kill = Process.Start("kill", [$"-{name}", pid]);
        kill.WaitForExit();
    }
}
