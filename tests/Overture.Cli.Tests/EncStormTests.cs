using System.Text;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Cli.Tests;

/// <summary>Many agents at once: the published overture-enc against a Classifier in a process of its own.</summary>
[Trait("Category", "e2e")] // alone on the machine: a hook gives up after 2 s, and fifty at once leave it little of that
public sealed class EncStormTests : IAsyncLifetime
{
    private readonly TestPki pki = new();
    private readonly TempDirectory home = new();
    private readonly int port = FreePort.Next();
    private RedisServer? redis;
    private ServiceProcess? classifier;

    public async Task InitializeAsync()
    {
        redis = await RedisServer.Start();
        var tls = pki.Files("classifier");
        await File.WriteAllTextAsync(home.File("classifier.yaml"), $$"""
            bucket: "file:{{home.File("objects")}}"
            listen: 127.0.0.1:{{port}}
            stateDirectory: "{{home.File("state")}}"
            tls: { certificate: "{{tls.Certificate}}", key: "{{tls.Key}}", roots: "{{tls.Roots}}" }
            registry: { endpoint: "{{redis.Endpoint}}" }
            """);
        await File.WriteAllTextAsync(Path.Combine(pki.Home, "hooks.yaml"),
            $"classifier: localhost:{port}\ntls: {{ certificate: pki/enc.pem, key: pki/enc.key, roots: pki/ca.pem }}\n");
        File.CreateSymbolicLink(home.File("overture-enc"), OvertureFixture.Binary);
        await FoundedStore.Found(ObjectStore.Open($"file:{home.File("objects")}", ""));
        classifier = new ServiceProcess(RepositoryPaths.Output("services/Classifier", "Overture.Classifier.dll"),
            home.File("classifier.yaml"));
    }

    public async Task DisposeAsync()
    {
        if (classifier is not null)
            await classifier.DisposeAsync();
        if (redis is not null)
            await redis.DisposeAsync();
        home.Dispose();
        pki.Dispose();
    }

    [Fact]
    public async Task Enc_500CallsFiftyAtATime_NoneFails()
    {
        var store = ObjectStore.Open($"file:{home.File("objects")}", "");
        var names = Enumerable.Range(0, 20).Select(i => $"node{i}.example.com").ToList();
        foreach (var name in names)
        {
            await store.PutIfAbsent(ObjectKeys.Node(CertName.Parse(name)),
                (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes($"classes: {{motd: {{text: 'of {name}'}}}}\n"), default);
        }
        await Eventually.True(async () => (await Bash($"overture-enc {names[0]}")).ExitCode == 0, "the Classifier answers",
            TimeSpan.FromMinutes(1));

        // A Classifier that has just started compiles its code at the first calls; fifty of them at once on two processors would wait for
        // that longer than a hook does.
        (await Bash("seq 0 199 | xargs -P 4 -I@ sh -c 'overture-enc node$((@ % 20)).example.com' > /dev/null 2>&1 || true")).Ok();

        // Each caller gets its own node's answer, and exit 0; those that do not are named.
        var storm = await Bash("""
            seq 0 499 | xargs -P 50 -I@ sh -c 'n=node$((@ % 20)).example.com; overture-enc $n > out.@ 2> err.@; code=$?; grep -q "of $n\"" out.@ && [ $code = 0 ] && echo ok || echo "@: $code $(cat err.@)"' | sort | uniq -c
            """);
        Assert.Equal("500 ok", storm.Ok().Trim());
    }

    private Task<Ran> Bash(string command) => Shell.Run("bash", ["-c", command],
        new Dictionary<string, string?> { ["PATH"] = $"{home.Path}:/usr/bin:/bin",
            ["OVERTURE_HOOKS_CONFIG"] = Path.Combine(pki.Home, "hooks.yaml") }, directory: home.Path);
}
