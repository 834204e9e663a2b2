using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.Cli.Pki;
using Overture.Conductor.V1;
using Overture.Platform.Objects;
using Overture.Platform.Tls;
using Overture.TestSupport;

namespace Overture.EndToEnd.Tests;

/// <summary>
/// Two of each service on one Redis and one store, each with a state directory of its own; and a puppetserver's certificate, by which
/// reports come.
/// </summary>
public sealed class ReplicaStack : IAsyncLifetime
{
    private readonly TempDirectory etc = new();
    private readonly TestPki pki = new(); // pki/ and launch/; ca/, objects/ and state/ beside them, as in ./run's home
    private RedisServer redis = null!;
    private bool disposed;
    private X509Certificate2 puppetserver = null!;

    public ReplicaStack() : this("a", "b")
    {
    }

    /// <param name="names">One of each service for each; of one letter.</param>
    internal ReplicaStack(params string[] names)
    {
        Replica[] Each(string service) => [.. names.Select(n => new Replica(service, n, pki, etc.File($"{service}-{n}.yaml")))];
        (Conductors, CertAuthorities, Classifiers) = (Each("Conductor"), Each("CertAuthority"), Each("Classifier"));
    }

    public IReadOnlyList<Replica> Conductors { get; }
    public IReadOnlyList<Replica> CertAuthorities { get; }
    public IReadOnlyList<Replica> Classifiers { get; }
    public IEnumerable<Replica> All => [.. Conductors, .. CertAuthorities, .. Classifiers];

    /// <summary>The Puppet CA's chain.</summary>
    public X509Certificate2Collection Roots { get; } = [];

    /// <summary>What a puppetserver shows at the report intake.</summary>
    public SslStreamCertificateContext Puppetserver { get; private set; } = null!;

    public ObjectStore Store => ObjectStore.Open(Bucket, "");

    /// <summary>Of every process, beside this one's; before the start.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; set; } = new Dictionary<string, string>();

    /// <summary>Further lines of a service's option file, by its name; before the start, or before <see cref="Configure"/>.</summary>
    internal Func<string, string> Options { get; set; } = _ => "";

    internal TestPki Pki => pki;

    internal RedisServer Redis => redis;

    /// <summary>Where keys, records and state are.</summary>
    public string Home => pki.Home;

    private string Bucket => $"file:{InHome("objects")}";

    /// <summary>Where it can't start, nothing of it is left: xunit disposes of what was made alone.</summary>
    public async Task InitializeAsync()
    {
        try
        {
            await Begin();
        }
        catch
        {
            await DisposeAsync();
            throw;
        }
    }

    private async Task Begin()
    {
        new PuppetCaInit(InHome("ca"), TimeProvider.System).InitP256("replicas");
        Roots.ImportFromPemFile(InHome($"ca/{PuppetCaInit.Bundle}"));
        redis = await RedisServer.Start();
        foreach (var replica in All)
            replica.Environment = Environment;
        await Configure();
        await Task.WhenAll(All.Select(r => r.Start()));
        await EnrolPuppetserver();
    }

    public async Task DisposeAsync()
    {
        if (Interlocked.Exchange(ref disposed, true))
            return;
        foreach (var replica in All)
            await replica.DisposeAsync();
        if (redis is not null)
            await redis.DisposeAsync();
        puppetserver?.Dispose();
        pki.Dispose();
        etc.Dispose();
    }

    /// <summary>Starts what a test that failed left dead.</summary>
    public Task AllUp() => Task.WhenAll(All.Where(r => !r.Runs).Select(r => r.Start()));

    /// <summary>SIGTERM to all; then neither the registry nor the home holds anything.</summary>
    public async Task Lose()
    {
        await Task.WhenAll(All.Select(r => r.Stop()));
        await redis.Kill();
        redis.Clear();
        await redis.Restart();
        foreach (var folder in Directory.GetDirectories(Home))
            Directory.Delete(folder, recursive: true);
    }

    private string InHome(string name) => Path.Combine(Home, name);

    /// <summary>Writes the option files; a service reads its own when it starts.</summary>
    internal async Task Configure()
    {
        for (var i = 0; i < Conductors.Count; i++)
            await Configure(i);
    }

    private async Task Configure(int i)
    {
        string Common(string service, Replica replica) => $$"""
            replica: {{"ab"[i]}}
            bucket: {{Bucket}}
            listen: 127.0.0.1:{{replica.Port}}
            stateDirectory: {{InHome($"state/{service}-{"ab"[i]}")}}
            tls: { certificate: {{pki.Files(service).Certificate}}, key: {{pki.Files(service).Key}}, roots: {{pki.Files(service).Roots}} }
            registry: { endpoint: "{{redis.Endpoint}}" }
            {{Options(service)}}

            """;
        await File.WriteAllTextAsync(etc.File($"CertAuthority-{"ab"[i]}.yaml"), Common("certauthority", CertAuthorities[i]) + $$"""
            caDirectory: {{InHome("ca")}}
            launchKeys: {{pki.TrustedLaunchKeys}}
            puppetApi: { listen: "127.0.0.1:{{CertAuthorities[i].PuppetPort}}", dnsNames: [localhost] }
            """);
        await File.WriteAllTextAsync(etc.File($"Classifier-{"ab"[i]}.yaml"), Common("classifier", Classifiers[i]));
        await File.WriteAllTextAsync(etc.File($"Conductor-{"ab"[i]}.yaml"), Common("conductor", Conductors[i]) + $$"""
            launch: { signingKey: {{pki.LaunchSigningKey}}, tokenKey: {{pki.LaunchTokenKey}}, caBundle: {{InHome($"ca/{PuppetCaInit.Bundle}")}} }
            reports: { listen: "127.0.0.1:{{Conductors[i].PuppetPort}}", dnsNames: [localhost], caServer: localhost, caPort: {{CertAuthorities[i].PuppetPort}} }
            """);
    }

    private async Task EnrolPuppetserver()
    {
        var spec = SimulatedAgent.Spec();
        spec.Role = "puppetserver";
        var registered = await Conductors[0].Conductor.RegisterInstanceAsync(new() { Spec = spec });
        var name = registered.Instance.Certname;
        using var key = CsrBuilder.EcKey();
        await using var link = await AgentLink.Open(CertAuthorities[^1].PuppetPort, Roots);
        var put = AgentLink.Request("PUT", $"certificate_request/{name}",
            System.Text.Encoding.ASCII.GetBytes(new CsrBuilder(name, key).Challenge(registered.Token).Pem()));
        Assert.Equal(200, (await link.Send(put)).Status);
        var (status, pem) = await link.Send(AgentLink.Request("GET", $"certificate/{name}"));
        Assert.Equal(200, status);
        using var bare = X509Certificate2.CreateFromPem(System.Text.Encoding.ASCII.GetString(pem.Span));
        puppetserver = bare.CopyWithPrivateKey(key);
        Puppetserver = SslStreamCertificateContext.Create(puppetserver, Roots, offline: true);
        // Each Conductor's intake has its own certificate by now, or soon.
        foreach (var conductor in Conductors)
            await Eventually.True(() => TakesReports(conductor), $"{conductor.Name} takes reports");
    }

    private async Task<bool> TakesReports(Replica conductor)
    {
        try
        {
            await using var link = await AgentLink.Open(conductor.PuppetPort, Roots, Puppetserver, largest: 4096);
            return (await link.Send(AgentLink.RequestTo("GET", "/"))).Status > 0;
        }
        catch (Exception e) when (e is IOException or System.Security.Authentication.AuthenticationException
            or System.Net.Sockets.SocketException)
        {
            return false;
        }
    }
}

/// <summary>Beside others it is slow, and slows them.</summary>
[CollectionDefinition(nameof(ReplicaCollection), DisableParallelization = true)]
public sealed class ReplicaCollection : ICollectionFixture<ReplicaStack>;
