using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Overture.TestSupport;

namespace Overture.EndToEnd.Tests.Causes;

/// <summary>A registered name and a real agent of it, with folders of its own.</summary>
public sealed class CauseNode
{
    private readonly CauseSite site;
    private readonly string folder;

    private CauseNode(CauseSite site, string name, string token, string folder) =>
        (this.site, Name, Token, this.folder) = (site, name, token, folder);

    public string Name { get; }
    public string Token { get; }
    public string Folder => folder;

    /// <param name="site">Where.</param>
    /// <param name="node">Its definition, as YAML in braces.</param>
    /// <param name="change">Of the launch file before it.</param>
    /// <param name="more">Of the command.</param>
    public static async Task<CauseNode> Register(CauseSite site, string node = "{classes: {}, parameters: {}, environment: production}",
        Func<string, string>? change = null, params string[] more)
    {
        var answer = await site.Json(["instance", "register", "-c", await site.LaunchFile(node, change), .. more]);
        var name = answer["instance"]!["certname"]!.GetValue<string>();
        var token = answer["token"]!.GetValue<string>();
        var folder = Path.Combine(site.Home, "nodes", name);
        Directory.CreateDirectory($"{folder}/c");
        Directory.CreateDirectory($"{folder}/s/certs");
        await File.WriteAllTextAsync($"{folder}/c/csr_attributes.yaml", $"custom_attributes:\n  1.2.840.113549.1.9.7: \"{token}\"\n");
        File.Copy($"{site.Home}/ca/ca_crt.pem", $"{folder}/s/certs/ca.pem");
        return new CauseNode(site, name, token, folder);
    }

    /// <summary>The same for a deadline of its convergence that is soon over.</summary>
    public static Task<CauseNode> RegisterBriefly(CauseSite site) =>
        Register(site, change: t => $"{t}\ndeadlines: {{converged: 1m}}\n");

    /// <summary>`puppet agent`, once.</summary>
    public Task<Ran> Run(params string[] more) => Puppet([], "agent", ["--onetime", "--no-daemonize", "--verbose",
        "--no-usecacheonfailure", .. more]);

    /// <summary>Its key, its request, its certificate, and no run.</summary>
    public async Task Bootstrap() => (await Puppet([], "ssl", ["bootstrap"])).Ok();

    /// <summary>`puppet VERB`, after the words of another command.</summary>
    public Task<Ran> Puppet(string[] before, string verb, string[] more)
    {
        string[] line =
        [
            .. before, "puppet", verb, "--confdir", $"{folder}/c", "--vardir", $"{folder}/v", "--ssldir", $"{folder}/s",
            "--publicdir", $"{folder}/v/public", "--rundir", $"{folder}/v/run", "--logdir", $"{folder}/v/log",
            "--ca_server", "localhost", "--ca_port", $"{CauseSite.Port(8141)}", "--server", "localhost", "--serverport",
                $"{CauseSite.Port(8140)}",
            "--certname", Name, "--keylength", "2048", "--color", "false", "--waitforcert", "1", "--maxwaitforcert", "60", .. more,
        ];
        return Shell.Run(line[0], line[1..], null, limit: TimeSpan.FromMinutes(4));
    }

    /// <summary>A certificate request as an agent sends it.</summary>
    /// <returns>The status of the answer.</returns>
    public async Task<HttpStatusCode> Ask(CsrBuilder request)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.ImportFromPemFile($"{site.Home}/ca/ca_crt.pem");
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false,
            SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = policy } });
        using var body = new StringContent(request.Pem(), Encoding.ASCII, "text/plain");
        using var answer = await client.PutAsync(new Uri(string.Create(CultureInfo.InvariantCulture,
            $"https://localhost:{CauseSite.Port(8141)}/puppet-ca/v1/certificate_request/{Name}?environment=production")), body);
        return answer.StatusCode;
    }
}
