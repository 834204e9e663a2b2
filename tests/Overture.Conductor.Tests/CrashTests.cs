using System.Security.Cryptography.X509Certificates;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Overture.Conductor.Specs;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>
/// A real Conductor process that is killed (SIGKILL) at each named step of a launch and of a terminate, and started again (threats
/// F25-F36): nothing lost, nothing doubled, nothing left behind. Built by eng/build.sh crash.
/// </summary>
[Trait("Category", "integration")]
public sealed class CrashTests : IAsyncLifetime
{
    private static readonly int Rounds = Full.Length(1, 20);
    private readonly ConductorFixture world = new();
    private readonly ObjectStore store;
    private readonly int port = FreePort.Next(), puppetDbPort = FreePort.Next();
    private readonly string config;
    private PuppetDbStandIn puppetDb = null!;

    public CrashTests()
    {
        store = world.OpenStore();
        var script = world.Data.File("instance.sh");
        File.WriteAllText(script, LocalProviderTests.Script);
        File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var tls = world.Pki.Files("conductor");
        using var own = world.Ca.Issue("conductor.example.com");
        File.WriteAllText(world.Data.File("own.pem"), own.ExportCertificatePem());
        File.WriteAllText(world.Data.File("own.key"), own.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        config = world.Data.File("conductor.yaml");
        // Nothing listens on port 9: without a registry there are fewer steps between which to die, and none of them durable.
        File.WriteAllText(config,
            $"""
            bucket: {world.Bucket}
            listen: 127.0.0.1:{port}
            stateDirectory: {world.Data.File("state")}
            tls: {"{"} certificate: {tls.Certificate}, key: {tls.Key}, roots: {tls.Roots} {"}"}
            registry: {"{"} endpoint: "127.0.0.1:9" {"}"}
            launch: {"{"} signingKey: {world.Pki.LaunchSigningKey}, tokenKey: {world.Pki.LaunchTokenKey}, caBundle: {world.Ca.BundleFile} {"}"}
            local: {"{"} directory: {world.Data.File("instances")}, script: {script} {"}"}
            reports: {"{"} listen: "" {"}"}
            puppetDb: {"{"} url: "https://localhost:{puppetDbPort}", certificate: {world.Data.File("own.pem")}, key: {world.Data.File("own.key")}, roots: {world.Ca.BundleFile} {"}"}
            """);
    }

    [Theory]
    [InlineData("launch.named")]
    [InlineData("launch.request")]
    [InlineData("launch.definition")]
    [InlineData("launch.record")]
    [InlineData("launch.indexed")]
    [InlineData("launch.started")]
    [InlineData("launch.fact")]
    [InlineData("launch.answer")]
    public async Task F25_KilledInALaunch_TheSameRequestFindsEveryInstanceOnce(string step)
    {
        for (var round = 0; round < Rounds; round++)
        {
            var request = new LaunchInstancesRequest { Spec = ConductorFixture.Spec(), Count = 2, RequestId = $"{step}.{round}" };
            await DiesOf(step, client => client.LaunchInstancesAsync(request));

            await using (Conductor(null))
            {
                var launched = await Answered(client => client.LaunchInstancesAsync(request));
                Assert.All(launched.Results, r => Assert.Equal("", r.Reason));
                var names = launched.Results.Select(r => CertName.Parse(r.Instance.Certname)).ToList();
                Assert.Equal(2, names.Distinct().Count());
                foreach (var name in names)
                {
                    Assert.Single(await File.ReadAllLinesAsync(world.Data.File($"instances/{name}/starts")));
                    Assert.NotNull(await store.Get(ObjectKeys.Fact(name, "launched"), default));
                    Assert.NotNull(await store.Get(ObjectKeys.Node(name), default));
                }
                var known = await Keys(ObjectKeys.Launches);
                Assert.Equal(2 * (round + 1), known.Count);
                Assert.Equal(known.Order(),
                    Directory.GetDirectories(world.Data.File("instances")).Select(d => $"launches/{Path.GetFileName(d)}").Order());
                Assert.Equal(known.Count, (await Keys(ObjectKeys.Nodes)).Count);
                Assert.Equal(names, (await Answered(client => client.LaunchInstancesAsync(request)))
                    .Results.Select(r => CertName.Parse(r.Instance.Certname)));
            }
        }
    }

    [Theory]
    [InlineData("terminate.intent")]
    [InlineData("terminate.revoked")]
    [InlineData("terminate.stopped")]
    [InlineData("terminate.history")]
    [InlineData("terminate.archived")]
    [InlineData("terminate.deactivated")]
    [InlineData("terminate.fact")]
    public async Task F25_KilledInATerminate_TheNextStartFinishesIt(string step)
    {
        for (var round = 0; round < Rounds; round++)
        {
            CertName name = default;
            await DiesOf(step, async client =>
            {
                name = CertName.Parse((await client.LaunchInstancesAsync(new() { Spec = ConductorFixture.Spec() })).Results.Single()
                    .Instance.Certname);
                await store.PutIfAbsent(ObjectKeys.Closed(name),
                    new Closure { Schema = 1, Certname = name.ToString(), At = TimeProvider.System.GetUtcNow().ToTimestamp() }, default);
                return await client.TerminateInstanceAsync(new() { Certname = name.ToString() });
            });

            await using (Conductor(null))
            {
                await Eventually.True(async () => await store.Get(ObjectKeys.Fact(name, "terminated"), default) is not null,
                    "it is finished without anybody asking");
                Assert.False(Directory.Exists(world.Data.File($"instances/{name}")));
                Assert.Null(await store.Get(ObjectKeys.Node(name), default));
                Assert.Single(await Keys(ObjectKeys.HistoryOf(name)));
                Assert.Contains(puppetDb.Commands, c => c.Query["certname"] == name.ToString());
                Assert.Equal(InstanceState.Terminated,
                    (await Answered(client => client.TerminateInstanceAsync(new() { Certname = name.ToString() }))).Instance.State);
            }
        }
    }

    public async Task InitializeAsync() => puppetDb = await PuppetDbStandIn.Start(world.Ca, port: puppetDbPort);

    public async Task DisposeAsync()
    {
        await EndAll();
        await puppetDb.DisposeAsync();
        world.Dispose();
    }

    private ServiceProcess Conductor(string? crashAt) => new(
        RepositoryPaths.File("services/Conductor/bin/Crash/net10.0/Overture.Conductor.dll"), config, crashAt is null ? null
            : new Dictionary<string, string> { ["OVERTURE_CRASH_AT"] = crashAt });

    private Task DiesOf<T>(string step, Func<ConductorService.ConductorServiceClient, AsyncUnaryCall<T>> call) =>
        DiesOf(step, client => call(client).ResponseAsync);

    private async Task DiesOf<T>(string step, Func<ConductorService.ConductorServiceClient, Task<T>> call)
    {
        await using var conductor = Conductor(step);
        await Assert.ThrowsAsync<RpcException>(() => Answered(call, conductor));
        await conductor.Ended(TimeSpan.FromSeconds(90));
        Assert.True(conductor.ExitCode == 137, $"ended by {conductor.ExitCode}: {await conductor.Printed()}");
    }

    private Task<T> Answered<T>(Func<ConductorService.ConductorServiceClient, AsyncUnaryCall<T>> call) =>
        Answered(client => call(client).ResponseAsync);

    // Once it listens.
    private async Task<T> Answered<T>(Func<ConductorService.ConductorServiceClient, Task<T>> call, ServiceProcess? dying = null)
    {
        using var channel = world.Pki.Channel(port, "admin");
        await Eventually.True(async () => dying is { HasExited: true } || await Listens(), "the Conductor listens");
        return await call(new ConductorService.ConductorServiceClient(channel));
    }

    private async Task<bool> Listens()
    {
        using var socket = new System.Net.Sockets.TcpClient();
        try
        {
            await socket.ConnectAsync("127.0.0.1", port);
            return true;
        }
        catch (System.Net.Sockets.SocketException)
        {
            return false;
        }
    }

    private async Task<List<string>> Keys(string prefix)
    {
        var keys = new List<string>();
        await foreach (var key in store.List(prefix, null, default))
            keys.Add(key);
        return keys;
    }

    // The instances are processes of their own.
    private async Task EndAll()
    {
        await using var conductor = Conductor(null);
        foreach (var key in await Keys(ObjectKeys.Launches))
        {
            var name = CertName.Parse(key[ObjectKeys.Launches.Length..]);
            await store.PutIfAbsent(ObjectKeys.Closed(name),
                new Closure { Schema = 1, Certname = name.ToString(), At = TimeProvider.System.GetUtcNow().ToTimestamp() }, default);
            await Answered(client => client.TerminateInstanceAsync(new() { Certname = name.ToString() }));
        }
        Assert.Empty(Directory.GetDirectories(world.Data.File("instances")));
    }
}
