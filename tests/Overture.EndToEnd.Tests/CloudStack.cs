using System.Text.Json.Nodes;
using Amazon.S3;
using Amazon.S3.Model;
using Overture.TestSupport;

namespace Overture.EndToEnd.Tests;

/// <summary>
/// Overture as in a cloud: the three services with their records in an S3 bucket, under a deployment's name, and provider ec2 alone; each
/// has the key of a user who may do what docs/operations.md says, and moto checks every request, also those to the EC2 double, which boots
/// what it launches. A puppetserver as ./run makes it.
/// </summary>
public sealed class CloudStack : IAsyncLifetime
{
    public const string Deployment = "e2e";
    public const int PortOffset = 17500; // out of reach of the kernel, which gives clients theirs from 32768 on
    private readonly TempDirectory home = new();
    private readonly Dictionary<string, ServiceProcess> services = [];
    private readonly List<BoundProcess> started = [];
    private readonly Dictionary<string, (string AccessKey, string SecretKey)> keys = [];
    private RedisServer redis = null!;
    private MotoServer moto = null!;

    public Ec2Double Cloud { get; private set; } = null!;

    /// <summary>start_instance.yaml for this cloud.</summary>
    public string Example => home.File("start_instance.yaml");

    /// <summary>OVERTURE_HOME of its administrator.</summary>
    public string Home => home.Path;

    private string CaBundle => home.File("ca/ca_crt.pem");

    internal static string Binary { get; } = Environment.GetEnvironmentVariable("OVERTURE_CLI") is { Length: > 0 } named
        ? named : RepositoryPaths.File("artifacts/cli/overture");

    public async Task InitializeAsync()
    {
        // 1. the cloud
        await Script("check_ports");
        moto = await MotoServer.Start();
        redis = await RedisServer.Start();
        await MakeKeys();
        Cloud = await Ec2Double.Start(boot: (id, userData) => new BootedInstance(id, userData, [home.Path]), judge: moto.Endpoint);

        // 2. keys and services
        await Overture("pki", "init", "--home", home.Path);
        await Overture("ca", "init", "--home", home.Path);
        await Configure();
        foreach (var service in new[] { "certauthority", "classifier", "conductor" })
            StartService(service);
        foreach (var service in services.Keys)
            await Healthy(service);

        // 3. a puppetserver whose certificate is of this CA, and whose nodes come from this Classifier
        await StartPuppetserver();
    }

    /// <summary>`overture ARGUMENTS` as the admin; what it printed.</summary>
    public async Task<string> Overture(params string[] arguments) => (await Try(arguments)).Ok();

    /// <summary>The JSON that a command prints.</summary>
    public async Task<JsonNode> Json(params string[] arguments) => JsonNode.Parse(await Overture([.. arguments, "-o", "json"]))!;

    /// <summary>Every key of the bucket, asked for with the account's own key.</summary>
    public async Task<IReadOnlyList<string>> Keys()
    {
        using var client = Client();
        return await client.Paginators.ListObjectsV2(new ListObjectsV2Request { BucketName = MotoServer.Bucket }).S3Objects.Select(
            o => o.Key).ToListAsync();
    }

    /// <summary>An object of the bucket.</summary>
    public async Task<JsonNode> Object(string key)
    {
        using var client = Client();
        using var found = await client.GetObjectAsync(MotoServer.Bucket, key);
        return (await JsonNode.ParseAsync(found.ResponseStream))!;
    }

    /// <summary>The CA's list of revoked certificates, as openssl prints it.</summary>
    public async Task<string> Crl() => (await Shell.Run("openssl", ["crl", "-noout", "-text"], null,
        (await Curl($"https://localhost:{Port(8141)}/puppet-ca/v1/certificate_revocation_list/ca")).Ok())).Ok();

    public async Task DisposeAsync()
    {
        // Agents first, then whom they talk to.
        if (Cloud is not null)
            await Cloud.DisposeAsync();
        await Task.WhenAll(started.Select(async s => await s.DisposeAsync()));
        foreach (var service in services.Values)
            await service.DisposeAsync();
        if (redis is not null)
            await redis.DisposeAsync();
        if (moto is not null)
            await moto.DisposeAsync();
        home.Dispose();
    }

    private Task<Ran> Try(params string[] arguments) =>
        Shell.Run(Binary, arguments, new Dictionary<string, string?> { ["OVERTURE_HOME"] = home.Path, ["OVERTURE_CLI_CONFIG"] = null },
            limit: TimeSpan.FromMinutes(4));

    private AmazonS3Client Client() => new(
        moto.AccessKey, moto.SecretKey, new AmazonS3Config { ServiceURL = moto.Endpoint.ToString(), ForcePathStyle = true,
        AuthenticationRegion = MotoServer.Region });

    // The page shows three policies: of the bucket, for all three services, what of it is CertAuthority's alone, and of EC2.
    private async Task MakeKeys()
    {
        var policies = (await File.ReadAllTextAsync(RepositoryPaths.File("docs/operations.md"))).Split("```json\n")[1..4]
            .Select(p => JsonNode.Parse(p.Split("```")[0].Replace("overture-records", MotoServer.Bucket, StringComparison.Ordinal))!)
                .ToList();
        await moto.Enforce(false);
        foreach (var (service, further) in new[] { ("certauthority", 0), ("classifier", 1), ("conductor", 2) })
        {
            var all = policies[0].DeepClone();
            foreach (var statement in policies[1..(further + 1)].SelectMany(p => p["Statement"]!.AsArray()))
                all["Statement"]!.AsArray().Add(statement!.DeepClone());
            keys[service] = await moto.MakeKey(service, all.ToJsonString());
        }
        await moto.Enforce(true);
    }

    // What ./run writes, but for the bucket, the registry and the provider.
    private async Task Configure()
    {
        await Script("configure");
        foreach (var service in new[] { "certauthority", "classifier", "conductor" })
        {
            var file = home.File($"etc/{service}.yaml");
            var lines = (await File.ReadAllLinesAsync(file)).Select(l => l.Split(':')[0] switch
            {
                "bucket" =>
                    $"bucket: s3://{MotoServer.Bucket}\ndeployment: {Deployment}\ns3: {{ serviceUrl: \"{moto.Endpoint}\", region: "
                        + $"{MotoServer.Region} }}",
                "registry" => $"registry: {{ endpoint: \"{redis.Endpoint}\" }}",
                "local" => $"ec2: {{ endpoint: \"{Cloud.Url}\", region: {MotoServer.Region} }}",
                "  directory" or "  images" or "  hide" => null, // of local
                _ => l,
            }).OfType<string>();
            await File.WriteAllLinesAsync(file, lines);
        }
        await Adapt("start_instance.yaml", e => e
            .Replace("provider: local", "provider: ec2", StringComparison.Ordinal)
                .Replace("image: host", "image: ami-0123456789abcdef0", StringComparison.Ordinal)
            .Replace("instance_type: small", "instance_type: t3.micro", StringComparison.Ordinal));
        await Adapt("puppetserver.yaml", e => e);
    }

    private async Task Adapt(string name, Func<string, string> change)
    {
        var example = await File.ReadAllTextAsync(RepositoryPaths.File($"examples/{name}"));
        await File.WriteAllTextAsync(home.File(name), change(example
            .Replace("18140", $"{Port(8140)}", StringComparison.Ordinal).Replace("18141", $"{Port(8141)}", StringComparison.Ordinal)
            .Replace("bucket: file:.overture/objects", $"bucket: s3://{MotoServer.Bucket}", StringComparison.Ordinal)));
    }

    private void StartService(string service)
    {
        var project = service switch { "certauthority" => "CertAuthority", "classifier" => "Classifier", _ => "Conductor" };
        services[service] = new ServiceProcess(
            RepositoryPaths.Output($"services/{project}", $"Overture.{project}.dll"), home.File($"etc/{service}.yaml"),
            new Dictionary<string, string> { ["AWS_ACCESS_KEY_ID"] = keys[service].AccessKey,
                ["AWS_SECRET_ACCESS_KEY"] = keys[service].SecretKey, ["AWS_EC2_METADATA_DISABLED"] = "true" });
    }

    private async Task Healthy(string service)
    {
        await Eventually.True(async () => services[service].HasExited || (await Try("health", "--service", service)).ExitCode == 0,
            $"{service} is healthy");
        Assert.False(services[service].HasExited, services[service].HasExited ? await services[service].Printed() : "");
    }

    // The steps of eng/run.sh.
    private async Task StartPuppetserver()
    {
        var (script, server, token) = (RepositoryPaths.File("eng/puppetserver.sh"), home.File("puppetserver"), home.File("token"));
        var certname = (await Json("instance", "register", "-c", home.File("puppetserver.yaml"), "--token-file",
            token))["instance"]!["certname"]!.GetValue<string>();
        (await Shell.Run(script, "apply", server, $"certname={certname}", "ca_server=localhost", $"ca_port={Port(8141)}",
            $"port={Port(8140)}",
            "listen=127.0.0.1", "crl_refresh=3", $"report_url=https://localhost:{Port(8142)}/reports")).Ok();
        (await Shell.Run(script, "bootstrap", server, CaBundle, token)).Ok();
        File.Delete(token);
        await Script("place_hooks");
        var java = new BoundProcess(home.File("log/puppetserver.log"), script, ["start", server],
            new Dictionary<string, string> { ["OVERTURE_HOOKS_CONFIG"] = "/mnt/hooks/hooks.yaml" });
        started.Add(java);
        started.Add(new BoundProcess(home.File("log/crl-loop.log"), script, ["crl-loop", server]));
        await Eventually.True(async () => java.HasExited || (await Curl($"https://localhost:{Port(8140)}/status/v1/simple")).ExitCode == 0,
            "the puppetserver is ready", TimeSpan.FromMinutes(4));
        Assert.False(java.HasExited, await File.ReadAllTextAsync(java.Log));
        // A report that finds no receiver is not sent again.
        string[] own = ["--cert", Path.Combine(server, $"ssl/certs/{certname}.pem"), "--key",
            Path.Combine(server, $"ssl/private_keys/{certname}.pem")];
        await Eventually.True(async () => (await Shell.Run("curl", ["-s", "--cacert", CaBundle, .. own,
            $"https://localhost:{Port(8142)}/"])).ExitCode == 0, "the Conductor takes reports");
    }

    private Task<Ran> Curl(string url) => Shell.Run("curl", ["-sf", "--cacert", CaBundle, url], null);

    private static int Port(int documented) => documented + PortOffset;

    // A function of eng/ports.sh or eng/configure.sh.
    private async Task Script(string function) => (await Shell.Run(
        "bash", ["-euc", $". \"$root/eng/ports.sh\"; . \"$root/eng/configure.sh\"; {function}"],
        new Dictionary<string, string?> { ["root"] = RepositoryPaths.Root, ["home"] = home.Path,
            ["OVERTURE_PORT_OFFSET"] = $"{PortOffset}" })).Ok();
}

/// <summary>Beside the stack: its ports and its home are others.</summary>
[CollectionDefinition(nameof(CloudCollection))]
public sealed class CloudCollection : ICollectionFixture<CloudStack>;
