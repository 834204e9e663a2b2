using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using Overture.Conductor.Instances;
using Overture.Conductor.Launch;
using Overture.Conductor.Providers;
using Overture.Conductor.Reconcile;
using Overture.Conductor.V1;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Tls;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>What takes another's place is held against the scope of who asks for it, and says who that was.</summary>
[Trait("Category", "integration")]
public sealed class PersonRetryTests : IAsyncLifetime
{
    private const string Blue = "profile=web,label.team=blue";

    private static readonly ProviderException ForGood = new("there is no such image", final: true) { Means = NotStarted.Nothing };

    private readonly ConductorFixture world = new();
    private readonly FakeProvider provider = new();
    private readonly FakeTimeProvider clock = new(TimeProvider.System.GetUtcNow());
    private ObjectStore store = null!;
    private ConductorHost host = null!;

    public async Task InitializeAsync()
    {
        store = world.OpenStore();
        world.Pki.Issue("kim", Role.Admin);
        // Frozen time: no sweep comes between.
        host = await ConductorHost.Start(world, new() { Provider = provider, Clock = clock });
    }

    public async Task DisposeAsync()
    {
        await host.DisposeAsync();
        world.Dispose();
    }

    [Fact]
    public async Task Retry_TheProfileLeftTheScope_IsRefusedAndNothingEnds()
    {
        Jo(Blue);
        var etag = await PutProfile("blue", "");
        provider.Refusal = ForGood;
        var old = Assert.Single((await host.As("jo").LaunchInstancesAsync(new() { Profile = "web", RequestId = "p1" })).Results).Instance;
        await PutProfile("red", etag);
        provider.Refusal = null;
        await Missing(async () => await host.As("jo").RetryInstanceAsync(new() { Certname = old.Certname }));
        Assert.Empty(provider.Running);
        Assert.False(await Ends(old.Certname));

        // Without a scope it is launched, and both say by whom.
        var answer = await host.As("kim").RetryInstanceAsync(new() { Certname = old.Certname });
        Assert.Equal("red", answer.Instance.Labels["team"]);
        Assert.Contains($"launched in the place of {old.Certname}: retry by kim (admin)", await Lines(answer.Instance.Certname));
        Assert.Contains(await Lines(old.Certname), l => l.Contains("kim (admin)", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Launch_MendedOverOneOutsideTheScope_IsRefusedAndNothingEnds()
    {
        Jo("");
        provider.Refusal = ForGood;
        var old = await Launch("jo", "red");
        provider.Refusal = null;
        Jo(Blue);
        await Missing(() => Launch("jo", "blue"));
        Assert.False(await Ends(old.Certname));
        Assert.Empty(provider.Running);

        Jo("");
        await Launch("jo", "blue");
        Assert.Contains("its request was launched again, mended, by jo (operator)", await Lines(old.Certname));
    }

    [Fact]
    public async Task Retry_OfOneThatWasNotStarted_SaysWhoAsked()
    {
        provider.Refusal = new ProviderException("no capacity");
        var name = (await Launch("kim", "red")).Certname;
        await host.As("admin").RetryInstanceAsync(new() { Certname = name });
        provider.Refusal = null;
        await host.As("kim").RetryInstanceAsync(new() { Certname = name });
        // It runs: a retry of it asks for nothing, and is no news.
        await host.As("admin").RetryInstanceAsync(new() { Certname = name });
        Assert.Equal(["the provider is to be asked again: retry by admin", "the provider is to be asked again: retry by kim (admin)"],
            (await Lines(name)).Where(l => l.Contains("retry by", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task ProfilesAndRepairs_TheLogSaysBySomeone()
    {
        var (profiles, repairs) = (new LoggedLines<ProfileStore>(), new LoggedLines<Reconciler>());
        await host.DisposeAsync();
        host = await ConductorHost.Start(world, new() { Provider = provider, Clock = clock, ProfileLog = profiles,
            ReconcileLog = repairs });
        var etag = await PutProfile("blue", "");
        await host.As("kim").ReconcileAsync(new() { Apply = true, Limit = 3 });
        await host.As("kim").ReconcileAsync(new());
        Assert.Equal([$"profile.put: profile web is at version {etag}, put by kim (admin) "], profiles.Said);
        Assert.StartsWith("reconcile.applied: kim (admin) ", Assert.Single(repairs.Of("reconcile.applied")), StringComparison.Ordinal);
    }

    private void Jo(string scope)
    {
        File.Delete(world.Pki.Files("jo").Certificate);
        File.Delete(world.Pki.Files("jo").Key);
        world.Pki.Issue("jo", Role.Operator, scope);
    }

    private async Task<Instance> Launch(string party, string team)
    {
        var spec = ConductorFixture.Spec(s =>
        {
            s.Profile = "web";
            s.Labels["team"] = team;
        });
        return Assert.Single((await host.As(party).LaunchInstancesAsync(new() { Spec = spec, RequestId = "r1" })).Results).Instance;
    }

    private async Task<string> PutProfile(string team, string etag) => (await host.As("kim").PutProfileAsync(new()
    {
        Name = "web", Document = ProfileTests.Web + $"\nlabels: {{team: {team}}}\n", Etag = etag,
    })).Profile.Etag;

    private Task<bool> Ends(string name) => store.Any(ObjectKeys.Fact(CertName.Parse(name), InstanceEvents.Terminating), default);

    private async Task<List<string>> Lines(string name) =>
        [.. (await host.As("viewer").GetTimelineAsync(new() { Certname = name })).Events.Select(e => e.Detail)];

    private static async Task Missing(Func<Task> call)
    {
        var fault = await Assert.ThrowsAsync<RpcException>(call);
        Assert.Equal((StatusCode.PermissionDenied, "SCOPE_MISSING"), (fault.StatusCode, RpcDetails.Reason(fault)));
    }
}
