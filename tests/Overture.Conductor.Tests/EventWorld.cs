using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.Instances;
using Overture.Conductor.Webhooks;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>
/// A deployment with a registry, whose Conductors record events and deliver them; instances that a test takes from state to state.
/// </summary>
internal sealed class EventWorld : IAsyncDisposable
{
    public const string Secret = "a-secret-of-32-bytes-for-the-test";
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(90);
    private readonly InstanceEventStore facts;

    private EventWorld(RedisServer redis)
    {
        Redis = redis;
        Store = World.OpenStore();
        facts = new InstanceEventStore(Store, TestIds.New(), TimeProvider.System);
        File.WriteAllText(SecretFile, Secret + "\n");
    }

    public ConductorFixture World { get; } = new();
    public RedisServer Redis { get; }
    public ObjectStore Store { get; }
    public FakeProvider Provider { get; } = new();
    public string SecretFile => World.Data.File("webhook.secret");

    public static async Task<EventWorld> Start() => new(await RedisServer.Start());

    /// <summary>A Conductor that has looked at all instances.</summary>
    public async Task<ConductorHost> Conductor(IReadOnlyDictionary<string, WebhookOptions>? webhooks = null, string replica = "1",
        QuickTurnsClock? clock = null)
    {
        clock ??= new QuickTurnsClock();
        var host = await ConductorHost.Start(World, new() { Provider = Provider, Clock = clock, Redis = Redis.Endpoint },
            o => o with { Webhooks = webhooks ?? o.Webhooks }, replica);
        await host.Get<InstanceTable>().FirstLook.WaitAsync(Limit);
        return host;
    }

    /// <summary>Sends CloudEvents that are signed.</summary>
    public WebhookOptions To(string url) => new() { Url = url, SecretFile = SecretFile };

    public static async Task<CertName> Launch(ConductorHost host, string team = "blue") => CertName.Parse((await host.As("admin")
        .LaunchInstancesAsync(new() { Spec = ConductorFixture.Spec(s => s.Labels.Add("team", team)) })).Results.Single().Instance.Certname);

    /// <summary>What CertAuthority would write.</summary>
    public async Task Sign(CertName name)
    {
        var now = TimeProvider.System.GetUtcNow().ToTimestamp();
        var serial = Convert.ToHexStringLower(Guid.Parse(name.ToString()).ToByteArray());
        await Store.PutIfAbsent(ObjectKeys.Certificate(serial),
            new CertificateRecord { Schema = 1, Serial = serial, Certname = name.ToString(), SignedAt = now }, default);
        await Store.PutIfAbsent(ObjectKeys.Claim(name, "1"),
            new Claim { Schema = 1, Certname = name.ToString(), Claim_ = "1", Serial = serial, CsrReceivedAt = now, ClaimedAt = now },
            default);
    }

    public Task Reaches(CertName name, string fact) => facts.Write(name, new InstanceFact { Event = fact }, default);

    public async ValueTask DisposeAsync()
    {
        await Redis.DisposeAsync();
        World.Dispose();
    }
}
