using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using Overture.Conductor.Instances;
using Overture.Conductor.Launch;
using Overture.Conductor.Providers;
using Overture.Conductor.V1;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>A launch that was refused for good: what repeats it, and what takes its place.</summary>
public sealed class MendedLaunchTests : IAsyncLifetime
{
    private const string Document = """
        provider: local
        image: host
        instance_type: small
        puppet: { server: puppet.example.com }
        """;

    private static readonly ProviderException ForGood = new("there is no such image", final: true) { Means = NotStarted.Nothing };

    private readonly ConductorFixture world = new();
    private readonly FakeProvider provider = new() { Settling = TimeSpan.FromMinutes(10) };
    private readonly FakeTimeProvider clock = new(TimeProvider.System.GetUtcNow());
    private FaultyStore store = null!;
    private ConductorHost host = null!;

    public async Task InitializeAsync()
    {
        store = new FaultyStore(world.OpenStore());
        // Frozen time: no sweep comes between.
        host = await ConductorHost.Start(world, new() { Provider = provider, Store = store, Clock = clock });
    }

    public async Task DisposeAsync()
    {
        await host.DisposeAsync();
        world.Dispose();
    }

    [Fact]
    public async Task Launch_MendedWithItsRequestId_HasNewNamesAndTheOldOnesEnd()
    {
        var old = await Refused(2);
        provider.Refusal = null;
        var mended = await Launch("bigger", 3);
        Assert.Equal(3, mended.Results.Count(r => r is { Reason: "", Instance.InstanceId.Length: > 0 }));
        Assert.Empty(Names(mended).Intersect(old));
        Assert.All(old, n => Assert.Equal(InstanceState.Terminating, Get(n).State));
        // Repeated, it is the same; the old body is another launch now.
        Assert.Equal(Names(mended), Names(await Launch("bigger", 3)));
        Assert.Equal("REQUEST_ID_REUSED", RpcDetails.Reason(await Assert.ThrowsAsync<RpcException>(() => Launch("small", 2))));
        Assert.Equal(3, provider.Running.Count);
        // Nor does a retry find the other's spec under its own request.
        Assert.Equal("INSTANCE_ENDED", RpcDetails.Reason(await Assert.ThrowsAsync<RpcException>(() => Retry(old[0], force: true))));
        var records = (await host.Get<InstanceRecordsReader>().Read(CertName.Parse(old[0]), default))!;
        Assert.Null(await host.Get<LaunchLedger>().Asked(records.Launch, default));
    }

    // Its end may have counted the attempts before this one was written down.
    [Fact]
    public async Task Retry_TerminatedWhileItIsAnnounced_AsksForNothing()
    {
        var old = (await Refused(1)).Single();
        provider.Refusal = null;
        store.BeforeWrite = key => key.Contains("launch-attempt-", StringComparison.Ordinal)
            ? host.Get<BeginTermination>().Run(CertName.Parse(old), "meanwhile", default) : Task.CompletedTask;
        Assert.Equal(InstanceState.Terminating, (await Retry(old, force: true)).Instance.State);
        Assert.Empty(provider.Running);
        var records = (await host.Get<InstanceRecordsReader>().Read(CertName.Parse(old), default))!;
        Assert.True(LaunchAttempts.StartedNothing(records));
    }

    // A retry that was announced before the end was written goes on, and the mended request does not take the id.
    [Fact]
    public async Task Launch_MendedWhileARetryGoesOn_IsRefused()
    {
        var old = (await Refused(1)).Single();
        provider.Refusal = null;
        var retried = false;
        store.BeforeWrite = async key =>
        {
            if (retried || !key.EndsWith("/terminating", StringComparison.Ordinal))
                return;
            retried = true;
            await Retry(old, force: true);
        };
        Assert.Equal("REQUEST_ID_REUSED", RpcDetails.Reason(await Assert.ThrowsAsync<RpcException>(() => Launch("bigger", 1))));
        Assert.Equal([old], provider.Running.Select(n => n.ToString()));
        Assert.Equal(InstanceState.Terminating, Get(old).State); // and its end stops it
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public async Task Launch_MendedButTheOldOneMayRunYet_IsRefusedAndNothingEnds(bool final, bool nothing)
    {
        provider.Refusal = new ProviderException("no", final) { Means = nothing ? NotStarted.Nothing : NotStarted.Unclear };
        var old = Names(await Launch("small", 1));
        provider.Refusal = null;
        Assert.Equal("REQUEST_ID_REUSED", RpcDetails.Reason(await Assert.ThrowsAsync<RpcException>(() => Launch("bigger", 1))));
        Assert.Equal(InstanceTrouble.LaunchFailed, Get(old.Single()).Trouble);
        Assert.Equal("", (await Retry(old.Single(), force: true)).Reason);
    }

    [Fact]
    public async Task Launch_OneOfTheOldRuns_IsRefused()
    {
        var begun = 0;
        provider.BeforeStart = _ => Interlocked.Increment(ref begun) == 1 ? Task.FromException(ForGood) : Task.CompletedTask;
        var old = Names(await Launch("small", 2));
        Assert.Single(provider.Running);
        Assert.Equal("REQUEST_ID_REUSED", RpcDetails.Reason(await Assert.ThrowsAsync<RpcException>(() => Launch("bigger", 2))));
        Assert.All(old, n => Assert.NotEqual(InstanceState.Terminating, Get(n).State));
    }

    [Fact]
    public async Task Launch_MendedTwiceAtOnce_OneWins()
    {
        await Refused(2);
        provider.Refusal = null;
        var all = await Task.WhenAll(Enumerable.Range(0, 6).Select(async i =>
        {
            try
            {
                return (Type: i % 2 == 0 ? "bigger" : "biggest", Names: Names(await Launch(i % 2 == 0 ? "bigger" : "biggest", 1)));
            }
            catch (RpcException e) when (RpcDetails.Reason(e) == "REQUEST_ID_REUSED")
            {
                return (Type: "", Names: []);
            }
        }));
        var won = all.Where(a => a.Names.Length > 0).ToList();
        Assert.Equal(3, won.Count);
        Assert.Single(won.Select(w => w.Type).Distinct());
        Assert.Single(won.SelectMany(w => w.Names).Distinct());
        Assert.Single(provider.Running);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Launch_MendedAndEveryWriteFailsInTurn_RepeatedIsOneLaunch(bool answerLost)
    {
        for (var write = 1; ; write++)
        {
            var id = $"r-{answerLost}-{write}";
            var before = provider.Running.Count;
            var old = await Refused(2, id);
            provider.Refusal = null;
            store.Arm(write, answerLost);
            _ = await Record.ExceptionAsync(() => Launch("bigger", 1, id));
            store.Disarm();
            var name = Names(await Launch("bigger", 1, id)).Single();
            Assert.Contains(name, provider.Running.Select(n => n.ToString()));
            Assert.Equal(before + 1, provider.Running.Count);
            Assert.All(old, n => Assert.Equal(InstanceState.Terminating, Get(n).State));
            if (!store.Struck)
            {
                Assert.True(write > 5, $"only {write - 1} writes"); // the request, two ends, the request, node, record, launched
                break;
            }
        }
    }

    [Fact]
    public async Task Launch_OfAProfileThatWasMended_IsANewOneByTheSameRequest()
    {
        var etag = await PutProfile("small", "");
        provider.Refusal = ForGood;
        var old = Names(await LaunchProfile());
        // As it was: asked again, for the same ones.
        Assert.Equal(old, Names(await LaunchProfile()));
        await PutProfile("bigger", etag);
        provider.Refusal = null;
        var mended = await LaunchProfile();
        Assert.Equal("bigger", mended.Results.Single().Instance.InstanceType);
        Assert.NotEqual(old, Names(mended));
        Assert.Equal(InstanceState.Terminating, Get(old.Single()).State);
    }

    [Fact]
    public async Task Retry_RefusedForGood_IsNotRepeatedUnlessForced()
    {
        var old = (await Refused(1)).Single();
        var asked = provider.Asked.Count;
        var refused = await Assert.ThrowsAsync<RpcException>(() => Retry(old));
        Assert.Equal((StatusCode.FailedPrecondition, "LAUNCH_FAILURE_FINAL"), (refused.StatusCode, RpcDetails.Reason(refused)));
        Assert.Contains("there is no such image", refused.Status.Detail, StringComparison.Ordinal);
        Assert.Contains($"overture instance retry {old} --force", refused.Status.Detail, StringComparison.Ordinal);
        Assert.Equal(asked, provider.Asked.Count);
        provider.Refusal = null;
        Assert.Equal("", (await Retry(old, force: true)).Reason);
        Assert.Equal([old], provider.Running.Select(n => n.ToString()));
    }

    [Fact]
    public async Task Retry_RefusedForGoodAndItsProfileWasMended_IsReplacedByWhatThatIsNow()
    {
        var etag = await PutProfile("small", "");
        provider.Refusal = ForGood;
        var old = Names(await LaunchProfile()).Single();
        Assert.Equal("LAUNCH_FAILURE_FINAL", RpcDetails.Reason(await Assert.ThrowsAsync<RpcException>(() => Retry(old))));
        etag = await PutProfile("big", etag);
        Assert.Equal("PROVIDER_FAILED", (await Retry(old)).Reason);
        await PutProfile("bigger", etag);
        provider.Refusal = null;
        var answer = await Retry(old);
        Assert.Equal((old, "bigger", ""), (answer.Replaces, answer.Instance.InstanceType, answer.Reason));
        Assert.Equal(InstanceState.Terminating, Get(old).State);
        Assert.Equal([answer.Instance.Certname], provider.Running.Select(n => n.ToString()));
        Assert.Equal(answer.Instance.Certname, (await Retry(old)).Instance.Certname);
    }

    private async Task<string[]> Refused(int count, string id = "r1")
    {
        provider.Refusal = ForGood;
        return Names(await Launch("small", count, id));
    }

    private async Task<LaunchInstancesResponse> Launch(string type, int count, string id = "r1") => await host.As("admin")
        .LaunchInstancesAsync(new() { Spec = ConductorFixture.Spec(s => s.InstanceType = type), Count = count, RequestId = id });

    private async Task<LaunchInstancesResponse> LaunchProfile() =>
        await host.As("admin").LaunchInstancesAsync(new() { Profile = "web", Count = 1, RequestId = "p1" });

    private async Task<string> PutProfile(string type, string etag) => (await host.As("admin").PutProfileAsync(new()
    {
        Name = "web", Document = Document.Replace("small", type, StringComparison.Ordinal), Etag = etag,
    })).Profile.Etag;

    private async Task<RetryInstanceResponse> Retry(string name, bool force = false) =>
        await host.As("admin").RetryInstanceAsync(new() { Certname = name, Force = force });

    private Instance Get(string name) => host.As("viewer").GetInstance(new() { Certname = name }).Instance;

    private static string[] Names(LaunchInstancesResponse launched) => [.. launched.Results.Select(r => r.Instance.Certname)];
}
