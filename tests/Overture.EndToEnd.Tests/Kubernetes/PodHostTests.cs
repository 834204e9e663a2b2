using System.Text.Json.Nodes;
using Overture.TestSupport;

namespace Overture.EndToEnd.Tests.Kubernetes;

/// <summary>The pods of deploy/k8s as processes of this host: keys, variables, files and probes are the manifests' own.</summary>
[Trait("Category", "integration")]
public sealed class PodHostTests : IAsyncLifetime
{
    private static readonly (string Name, int[] Ports)[] Services = [("CertAuthority", [7002, 8141]), ("Classifier", [7003]),
        ("Conductor", [7001, 8142]), ("Console", [8144])];
    private readonly PodHost host = new();
    private Manifests kind = null!;
    private BoundProcess? redis;

    public async Task InitializeAsync()
    {
        kind = await Manifests.Build("kind");
        // The Job, with every claim a folder.
        foreach (var mount in kind.Find("Job/init").At("spec.template.spec.containers.0")!.List("volumeMounts")
            .Select(m => m.Text("mountPath")!).Where(m => m.StartsWith("/keys/", StringComparison.Ordinal)))
        {
            Directory.CreateDirectory(host.File(mount[1..]));
        }
        foreach (var (name, text) in kind.Of("ConfigMap").Where(m => m.Text("metadata.name")!.StartsWith("cli-", StringComparison.Ordinal))
            .SelectMany(m => m.Strings("data")))
        {
            Directory.CreateDirectory(host.File("config"));
            await File.WriteAllTextAsync(host.File($"config/{name}"), text);
        }
        (await Init()).Ok();
    }

    [Fact]
    public async Task Kind_EveryService_StartsByItsKeysAndAnswersItsProbes()
    {
        var ports = Services.SelectMany(s => s.Ports).Append(6379).ToDictionary(p => p, _ => FreePort.Next());
        StartRedis(ports[6379]);
        foreach (var (name, _) in Services)
        {
            await using var pod = new PodHost();
            var service = await Start(pod, name, ports);
            // The console keeps no records.
            if (name == "Console")
                continue;
            // As its own user, who has all the rights that it needs there.
            await Eventually.True(() => service.PrintedSoFar.Contains($"registry at 127.0.0.1:{ports[6379]}: connected",
                StringComparison.Ordinal), "the registry is connected");
        }
    }

    // By the identity that the Job mounts: role operator, as what registers a puppetserver.
    [Fact]
    public async Task Doctor_ByTheJob_EndsWellWhereAllServicesRunAndNotWhereOneIsAway()
    {
        var command = (await Manifests.Build("production doctor")).Find("Job/doctor")
            .At("spec.template.spec.containers.0")!.Texts("command");
        var ports = Services.SelectMany(s => s.Ports).Append(6379).ToDictionary(p => p, _ => FreePort.Next());
        StartRedis(ports[6379]);
        await using var certAuthority = new PodHost();
        await using var classifier = new PodHost();
        await using var conductor = new PodHost();
        foreach (var (pod, name) in new[] { (certAuthority, "CertAuthority"), (classifier, "Classifier"), (conductor, "Conductor") })
            await Start(pod, name, ports);

        await using var job = new PodHost();
        job.Replace("/etc/overture", job.File("etc"));
        await Copy(host.File("keys/register"), job.File("etc"), text => new[] { ("conductor", 7001), ("certauthority", 7002),
            ("classifier", 7003) }.Aggregate(text, (t, s) => t.Replace($"{s.Item1}:{s.Item2}", $"localhost:{ports[s.Item2]}",
            StringComparison.Ordinal)));
        var well = await job.Run(command);
        well.Ok();
        // A role that may not ask would have checks skipped, and end well, too.
        Assert.Equal(["launch: provider"], well.Output.Split('\n').Where(l => l.StartsWith("skip", StringComparison.Ordinal))
            .Select(l => string.Join(':', l["skip  ".Length..].Split(':')[..2])));

        await classifier.DisposeAsync();
        var away = await job.Run(command);
        Assert.Equal(1, away.ExitCode);
        Assert.Contains("fail  services: classifier:", away.Output, StringComparison.Ordinal);
    }

    // What the kubelet makes of a Secret that belongs to the pod's group: 0440.
    [Fact]
    public async Task CaKey_ByTheInitContainer_IsReadableForItsOwnerAlone()
    {
        var command = kind.Find("StatefulSet/certauthority").At("spec.template.spec")!.List("initContainers")
            .Single(c => c.Text("name") == "ca-key").Texts("command");
        foreach (var file in Directory.GetFiles(host.File("keys/ca")))
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.GroupRead);
        Directory.CreateDirectory(host.File("ca"));
        host.Replace("/given", host.File("keys/ca")).Replace("/run/overture/ca", host.File("ca"));
        (await host.Run(command)).Ok();
        Assert.Equal(["ca_crt.pem", "ca_key.pem", "passphrase", "root_crl.pem"], Directory.GetFiles(host.File("ca"))
            .Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.All(Directory.GetFiles(host.File("ca")), f => Assert.Equal(UnixFileMode.UserRead, File.GetUnixFileMode(f)));
    }

    [Fact]
    public async Task Init_Again_KeepsWhatIsYoungAndTheRootsKeyToItself()
    {
        var before = await Digests();
        (await Init()).Ok();
        Assert.Equal(before, await Digests());
        Assert.DoesNotContain(before, d => d.Contains("root_key", StringComparison.Ordinal)
            || d.Contains("/ca.key", StringComparison.Ordinal));
        // Each party has its own identity and no other's.
        Assert.Equal(7, before.Where(d => d.EndsWith("/tls/tls.key", StringComparison.Ordinal)).Select(d => d.Split(' ')[0])
            .Distinct().Count());
    }

    [Fact]
    public async Task Puppetserver_Configure_NeedsNeitherRootNorAWritableRootAndIsDoneOnce()
    {
        var bin = kind.Of("ConfigMap").Single(c => c.Name().StartsWith("ConfigMap/puppetserver-", StringComparison.Ordinal))
            .Strings("data")["PUPPET_BIN"];
        var said = (await Shell.Run("unshare", "--mount", RepositoryPaths.File("tests/Overture.EndToEnd.Tests/Kubernetes/configure.sh"),
            RepositoryPaths.Root, host.File("out"), bin)).Ok();
        // The second time nothing was left to do.
        var runs = said.Split("is configured", StringSplitOptions.RemoveEmptyEntries);
        Assert.Contains("/ensure: created", runs[0], StringComparison.Ordinal);
        Assert.DoesNotContain("Overture::Puppetserver/File", runs[1], StringComparison.Ordinal);
        // What starts is in the volume that the server may not write; its key and configuration are in its claim.
        Assert.True(File.Exists(host.File("out/programs/bin/puppetserver-start")));
        Assert.True(File.Exists(host.File("out/data/puppetserver/conf/puppet.conf")));
        Assert.False(Directory.Exists(host.File("out/data/puppetserver/bin")));
        var server = kind.Find("StatefulSet/puppetserver").At("spec.template.spec.containers.0")!.List("volumeMounts");
        Assert.Equal("true", server.Single(m => bin.StartsWith(m.Text("mountPath")!, StringComparison.Ordinal)).Text("readOnly"));
    }

    // In production a service has a role, by a token in a file, or a key, in a file; either gets it to its bucket.
    [Theory]
    [InlineData("role")]
    [InlineData("key")]
    public async Task Production_Service_ReachesItsBucketBy(string means)
    {
        var production = await Manifests.Build("production");
        var container = new Workload(production.Find("Deployment/classifier")).Main.Single();
        await using var moto = await MotoServer.Start();
        await moto.Enforce(false);
        await moto.MakeBucket("overture-records.example.com");
        // Of CertAuthority or the Conductor, for which a Classifier waits.
        await moto.MakeObject("overture-records.example.com", "production/deployment/id", """{"schema":1,"id":"a-test"}""");
        var ports = new[] { 7003, 6379 }.ToDictionary(p => p, _ => FreePort.Next());
        StartRedis(ports[6379]);
        await File.WriteAllTextAsync(host.File("token"), "a-token");
        Directory.CreateDirectory(host.File("keys/classifier/aws"));
        if (means == "key")
        {
            await File.WriteAllTextAsync(host.File("keys/classifier/aws/credentials"),
                $"[default]\naws_access_key_id = {moto.AccessKey}\naws_secret_access_key = {moto.SecretKey}\n");
        }
        var cli = host.File("keys/classifier/cli.yaml");
        File.SetUnixFileMode(cli, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await File.WriteAllTextAsync(cli, (await File.ReadAllTextAsync(cli))
            .Replace("localhost:7003", $"localhost:{ports[7003]}", StringComparison.Ordinal));
        host.Replace("$(metadata.name)", "classifier-7c9d8f6b5d-abcde").Replace("/etc/overture", host.File("keys/classifier"))
            .Replace("/var/lib/overture/state", host.File("state"))
            .Replace("/run/role/token", host.File("token")).Replace("0.0.0.0:7003", $"127.0.0.1:{ports[7003]}");

        var environment = PodOptions.Environment(production, container).Where(e => !e.Key.StartsWith("OTEL_", StringComparison.Ordinal))
            .ToDictionary();
        // Redis with TLS is a test of its own.
        environment.Remove("OVERTURE_CLASSIFIER__REGISTRY__TLS");
        environment.Remove("OVERTURE_CLASSIFIER__REGISTRY__TLSROOTS");
        var service = host.Start("Classifier", environment, new Dictionary<string, string>
        {
            ["OVERTURE_CLASSIFIER__S3__SERVICEURL"] = moto.Endpoint.ToString(),
            ["OVERTURE_CLASSIFIER__REGISTRY__ENDPOINT"] = $"127.0.0.1:{ports[6379]}",
            ["AWS_ROLE_ARN"] = means == "role" ? environment["AWS_ROLE_ARN"] : "",
            ["AWS_ENDPOINT_URL_STS"] = moto.Endpoint.ToString(),
            ["AWS_EC2_METADATA_DISABLED"] = "true",
            ["AWS_ACCESS_KEY_ID"] = "",
        });
        await host.Succeeds(container, "readinessProbe", service);
    }

    // A pod of kind: its init containers, then its service, until each probe has ended well. Ports: those of this host by those of the
    // pods.
    private async Task<ServiceProcess> Start(PodHost pod, string name, Dictionary<int, int> ports)
    {
        var workload = kind.Workloads.Single(w => w.Component.Equals(name, StringComparison.OrdinalIgnoreCase));
        var own = Services.Single(s => s.Name == name).Ports;
        pod.Replace("$(metadata.name)", $"{workload.Name}-0").Replace("/run/overture/ca", pod.File("ca"))
            .Replace("/given", host.File("keys/ca"))
            .Replace("/etc/overture", pod.File("etc")).Replace("/keys/ready", host.File($"keys/{workload.Name}/ready"))
            .Replace("/var/lib/overture/state", pod.File("state")).Replace("/var/lib/overture/objects", host.File("objects"))
            .Replace("redis:6379", $"127.0.0.1:{ports[6379]}");
        foreach (var port in own)
            pod.Replace($"0.0.0.0:{port}", $"127.0.0.1:{ports[port]}");
        // The claim; cli.yaml names the port that the probes ask at.
        await Copy(host.File($"keys/{workload.Name}"), pod.File("etc"),
            text => own.Aggregate(text, (t, p) => t.Replace($"localhost:{p}", $"localhost:{ports[p]}", StringComparison.Ordinal)));
        Directory.CreateDirectory(pod.File("ca"));
        foreach (var init in workload.Pod.List("initContainers"))
            (await pod.Run(init.Texts("command"))).Ok();

        var container = Assert.Single(workload.Main);
        var service = pod.Start(name, PodOptions.Environment(kind, container));
        foreach (var probe in new[] { "startupProbe", "readinessProbe", "livenessProbe" })
            await pod.Succeeds(container, probe, service);
        return service;
    }

    public async Task DisposeAsync()
    {
        if (redis is not null)
            await redis.DisposeAsync();
        await host.DisposeAsync();
    }

    private Task<Ran> Init() => host.Run(["/bin/bash", RepositoryPaths.File("deploy/k8s/overlays/kind/init.sh")],
        new Dictionary<string, string?> { ["KEYS"] = host.File("keys"), ["CONFIG"] = host.File("config") });

    private void StartRedis(int port)
    {
        Directory.CreateDirectory(host.File("redis-data"));
        var conf = File.ReadAllText(host.File("keys/redis/redis.conf")).Replace("port 6379", $"port {port}\nbind 127.0.0.1",
            StringComparison.Ordinal).Replace("/data", host.File("redis-data"), StringComparison.Ordinal);
        File.WriteAllText(host.File("redis.conf"), conf);
        redis = new BoundProcess(host.File("redis.log"), "redis-server", [host.File("redis.conf")]);
    }

    private async Task<List<string>> Digests() =>
        [.. (await Shell.Run("find", [host.File("keys"), "-path", host.File("keys/init"), "-prune", "-o", "-type", "f", "-not", "-name",
            "ready", "-exec", "sha256sum", "{}", "+"], null)).Ok()
            .Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal)];

    private static async Task Copy(string from, string to, Func<string, string> change)
    {
        foreach (var file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            await File.WriteAllTextAsync(target, change(await File.ReadAllTextAsync(file)));
        }
    }
}
