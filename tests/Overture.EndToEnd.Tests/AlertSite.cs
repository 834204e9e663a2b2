using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Overture.Cli.Pki;
using Overture.Platform.Certificates;
using Overture.TestSupport;

namespace Overture.EndToEnd.Tests;

/// <summary>
/// One of each service as a process, whose time of day can be put ahead, and a real Prometheus that scrapes them; and the faults that the
/// alerts are for.
/// </summary>
internal sealed class AlertSite : IAsyncDisposable
{
    /// <summary>An image of the local provider that it refuses to start.</summary>
    public const string UnfitImage = "unfit";

    private readonly ShiftedTime time = new();
    private readonly TempDirectory directory = new();
    private readonly int[] metrics = [FreePort.Next(), FreePort.Next(), FreePort.Next()];
    private string ofCertAuthority = "crl: { refresh: 7d }";

    public ReplicaStack Stack { get; } = new("a");
    public PrometheusServer Prometheus { get; private set; } = null!;
    public Replica Conductor => Stack.Conductors[0];
    public Replica CertAuthority => Stack.CertAuthorities[0];
    public Replica Classifier => Stack.Classifiers[0];

    private string Objects => Path.Combine(Stack.Home, "objects");

    public static async Task<AlertSite> Start()
    {
        var site = new AlertSite();
        await File.WriteAllTextAsync(site.directory.File("secret"), "a-secret-of-32-bytes-for-the-test\n");
        Directory.CreateDirectory(site.directory.File("instances"));
        Directory.CreateDirectory(site.directory.File($"images/{UnfitImage}"));
        // This host is fit, as its script says, and no image is.
        await File.WriteAllTextAsync(site.directory.File("instance.sh"),
            "#!/bin/sh\n[ \"$1 $2\" = \"check /\" ] || { echo unfit >&2; exit 1; }\n");
        File.SetUnixFileMode(site.directory.File("instance.sh"),
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        site.Stack.Environment = site.time.Environment;
        site.Stack.Options = site.Options;
        try
        {
            await site.Stack.InitializeAsync();
            site.Prometheus = new PrometheusServer(site.metrics[0], site.metrics[1], site.metrics[2]);
            await site.Prometheus.Becomes("count(up == 1)", v => v == 3);
            await site.Prometheus.Becomes("min(overture_registry_healthy)", v => v == 1);
            return site;
        }
        catch
        {
            await site.DisposeAsync();
            throw;
        }
    }

    public void Pass(TimeSpan time) => this.time.Pass(time);

    /// <summary>A registered instance whose request comes with two keys, or another request.</summary>
    public async Task<int> Ask(string name, string? token = null)
    {
        using var key = CsrBuilder.EcKey();
        var csr = new CsrBuilder(name, key);
        if (token is not null)
            csr.Challenge(token);
        await using var link = await AgentLink.Open(CertAuthority.PuppetPort, Stack.Roots);
        return (await link.Send(AgentLink.Request("PUT", $"certificate_request/{name}", Encoding.ASCII.GetBytes(csr.Pem())))).Status;
    }

    /// <summary>The object's file, or where it would be, is a link to itself, as if the disk failed.</summary>
    /// <returns>Puts it back.</returns>
    public Action Fail(string key = "")
    {
        var path = Path.Combine(Objects, key).TrimEnd('/');
        var away = directory.File($"away-{Guid.CreateVersion7():N}");
        if (Path.Exists(path))
            Directory.Move(path, away);
        File.CreateSymbolicLink(path, path);
        return () =>
        {
            File.Delete(path);
            if (Path.Exists(away))
                Directory.Move(away, path);
        };
    }

    public Task Damage(string key) => File.WriteAllTextAsync(Path.Combine(Objects, key), "{");

    /// <summary>What CertAuthority knows of a certificate is gone.</summary>
    public void Forget(string certname, SerialNumber serial)
    {
        Directory.Delete(Path.Combine(Objects, "ca/claims", certname), recursive: true);
        File.Delete(Path.Combine(Objects, $"ca/certs/{serial}"));
    }

    /// <summary>So many reports of a node that can't be looked up just now.</summary>
    public async Task Report(string certname, int count)
    {
        await using var link = await AgentLink.Open(Conductor.PuppetPort, Stack.Roots, Stack.Puppetserver);
        var post = AgentLink.RequestTo("POST", "/reports", Encoding.ASCII.GetBytes(SimulatedAgent.ReportOf(certname, "changed")));
        for (var i = 0; i < count; i++)
            Assert.Equal(202, (await link.Send(post)).Status);
    }

    /// <summary>The certificate of a service ends soon; it is taken without a restart.</summary>
    public async Task ShortenCertificate(string service)
    {
        var files = Stack.Pki.Files(service);
        using var ca = InternalCa.Open(Stack.Home);
        using var old = X509Certificate2.CreateFromPemFile(files.Certificate, files.Key);
        await File.WriteAllTextAsync(files.Certificate, Again(old, ca.Certificate.SubjectName, ca.Signer(), TimeSpan.FromDays(3)));
    }

    /// <summary>CertAuthority starts again with a list that is good for 10 days.</summary>
    public async Task ShortenList()
    {
        ofCertAuthority = "crl: { refresh: 7d, nextUpdate: 10d }";
        await Stack.Configure();
        await CertAuthority.Stop();
        await CertAuthority.Start();
    }

    /// <summary>CertAuthority starts again with the same CA, whose certificate ends in 60 days.</summary>
    public async Task ShortenCa()
    {
        var folder = Path.Combine(Stack.Home, "ca");
        var passphrase = (await File.ReadAllTextAsync(Path.Combine(folder, PuppetCaInit.Passphrase))).Trim();
        using var rootKey = ECDsa.Create();
        rootKey.ImportFromEncryptedPem(await File.ReadAllTextAsync(Path.Combine(folder, PuppetCaInit.RootKey)), passphrase);
        var bundle = new X509Certificate2Collection();
        bundle.ImportFromPemFile(Path.Combine(folder, PuppetCaInit.Bundle));
        var issuer = Again(bundle[0], bundle[1].SubjectName, X509SignatureGenerator.CreateForECDsa(rootKey), TimeSpan.FromDays(60));
        await CertAuthority.Stop();
        await File.WriteAllTextAsync(Path.Combine(folder, PuppetCaInit.Bundle), $"{issuer}\n{bundle[1].ExportCertificatePem()}\n");
        await CertAuthority.Start();
    }

    public async ValueTask DisposeAsync()
    {
        if (Prometheus is not null)
            await Prometheus.DisposeAsync();
        await Stack.DisposeAsync();
        time.Dispose();
        directory.Dispose();
    }

    // The same certificate, but for its end and its number.
    private static string Again(X509Certificate2 old, X500DistinguishedName issuer, X509SignatureGenerator signer, TimeSpan life)
    {
        var request = new CertificateRequest(old.SubjectName, old.PublicKey, HashAlgorithmName.SHA256);
        foreach (var extension in old.Extensions)
            request.CertificateExtensions.Add(extension);
        using var again = request.Create(issuer, signer, old.NotBefore, TimeProvider.System.GetUtcNow() + life,
            RandomNumberGenerator.GetBytes(16));
        return again.ExportCertificatePem();
    }

    private string Options(string service) => service switch
    {
        "conductor" => $$"""
            prometheus: { listen: "127.0.0.1:{{metrics[0]}}" }
            local:
              directory: {{directory.File("instances")}}
              images: {{directory.File("images")}}
              script: {{directory.File("instance.sh")}}
            webhooks:
              late: { url: "http://127.0.0.1:9/", secretFile: {{directory.File("secret")}}, types: [condition], giveUpAfter: 3d }
            """,
        "certauthority" => $$"""
            prometheus: { listen: "127.0.0.1:{{metrics[1]}}" }
            approval: { requireDefinition: false }
            {{ofCertAuthority}}
            """,
        _ => $$"""
            prometheus: { listen: "127.0.0.1:{{metrics[2]}}" }
            """,
    };
}
