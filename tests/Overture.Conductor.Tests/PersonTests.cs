using Grpc.Core;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Tls;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>People at the Conductor, over real mTLS: who did it, what a scope refuses, what a revoked certificate can't do.</summary>
[Trait("Category", "integration")]
public sealed class PersonTests : IAsyncLifetime
{
    private const string Blue = "profile=web,label.team=blue";

    private readonly ConductorFixture world = new();
    private readonly FakeProvider provider = new();
    private FaultyStore store = null!;
    private ConductorHost host = null!;

    public async Task InitializeAsync()
    {
        store = new FaultyStore(world.OpenStore());
        world.Pki.Issue("jo", Role.Operator, Blue);
        world.Pki.Issue("kim", Role.Admin);
        await Start();
    }

    public async Task DisposeAsync()
    {
        await host.DisposeAsync();
        world.Dispose();
    }

    [Fact]
    public async Task WhoDidIt_IsInTheRecordsAndTheTimeline()
    {
        var name = await Launch("jo", Is("web", "blue"));
        Assert.NotNull(await store.Get("requests/jo/r1", default));
        Assert.Equal("jo (operator)", (await store.Get<LaunchRequestRecord>("requests/jo/r1", default))!.Caller);
        // The same request again, the same instance.
        Assert.Equal(name, await Launch("jo", Is("web", "blue")));

        await host.As("kim").UpdateInstanceAsync(new() { Certname = $"{name}", Protected = true });
        await host.As("kim").QuarantineInstanceAsync(new() { Certname = $"{name}", Reason = "odd traffic" });
        await host.As("operator").QuarantineInstanceAsync(new() { Certname = $"{name}", Reason = "explained", Lift = true });
        var lines = (await host.As("viewer").GetTimelineAsync(new() { Certname = $"{name}" })).Events.Select(e => e.Detail).ToList();
        Assert.Contains("launch requested by jo (operator)", lines);
        Assert.Contains("quarantined by kim (admin): odd traffic", lines);
        Assert.Contains("released by operator: explained", lines);
        Assert.Contains(lines, l => l.EndsWith(", by kim (admin)", StringComparison.Ordinal));
    }

    [Fact]
    public async Task WhoseRequestItWas_IsThePersonsWhateverTheRole()
    {
        var name = await Launch("kim", Is("web", "blue"));
        File.Delete(world.Pki.Files("kim").Certificate);
        File.Delete(world.Pki.Files("kim").Key);
        world.Pki.Issue("kim", Role.Operator);
        Assert.Equal(name, await Launch("kim", Is("web", "blue")));
    }

    [Fact]
    public async Task Launch_OutsideOfTheScope_WritesNothing()
    {
        foreach (var change in new Action<LaunchSpec>[]
        {
            Is("web", "red"), Is("db", "blue"), Is("", "blue"), Is("web", null), Is("WEB", "blue"), _ => { },
            s =>
            {
                Is("web", "blue")(s);
                s.Role = "puppetserver";
            },
            s =>
            {
                Is("web", "blue")(s);
                s.DnsAltNames.Add("puppet");
            },
        })
        {
            await Missing(() => Launch("jo", change));
            await Missing(async () => await host.As("jo").RegisterInstanceAsync(new() { Spec = ConductorFixture.Spec(change) }));
        }
        await Missing(async () => await host.As("jo").RegisterInstanceAsync(
            new() { Spec = ConductorFixture.Spec(Is("web", "blue")), Certname = "puppet.example.com" }));
        Assert.Empty(provider.Starts);
        Assert.False(await store.Any("requests/", default));
        Assert.False(await store.Any(ObjectKeys.Launches, default));
        await host.As("jo").RegisterInstanceAsync(new() { Spec = ConductorFixture.Spec(Is("web", "blue")) });
    }

    [Fact]
    public async Task Launch_OfAProfile_IsHeldAgainstWhatItSaysAndWhatWasRecorded()
    {
        await host.As("admin").PutProfileAsync(new() { Name = "web", Document = ProfileTests.Web + "\nlabels: {team: red}\n" });
        await Missing(async () => await host.As("jo").LaunchInstancesAsync(new() { Profile = "web", RequestId = "p1" }));
        // Asked for without a scope, when the profile was another's: with the scope it is not finished either.
        File.Delete(world.Pki.Files("jo").Certificate);
        File.Delete(world.Pki.Files("jo").Key);
        world.Pki.Issue("jo", Role.Operator);
        await host.As("jo").LaunchInstancesAsync(new() { Profile = "web", RequestId = "p1" });
        File.Delete(world.Pki.Files("jo").Certificate);
        File.Delete(world.Pki.Files("jo").Key);
        world.Pki.Issue("jo", Role.Operator, Blue);
        var profile = (await host.As("jo").GetProfileAsync(new() { Name = "web" })).Profile;
        await host.As("admin").PutProfileAsync(
            new() { Name = "web", Document = ProfileTests.Web + "\nlabels: {team: blue}\n", Etag = profile.Etag });
        await Missing(async () => await host.As("jo").LaunchInstancesAsync(new() { Profile = "web", RequestId = "p1" }));
        await host.As("jo").LaunchInstancesAsync(new() { Profile = "web", RequestId = "p2" });
    }

    public static TheoryData<string> Scoped => ["terminate", "retry", "update", "quarantine", "user-data", "console"];

    [Theory, MemberData(nameof(Scoped))]
    public async Task Scope_HoldsForEachRpcOfAnInstance(string rpc)
    {
        var (mine, other) = (await Launch("admin", Is("web", "blue"), "a"), await Launch("admin", Is("web", "red"), "b"));
        await Missing(() => Call("jo", rpc, other), "may only change instances with profile=web, label.team=blue");
        Assert.False(await store.Any(ObjectKeys.FactsOf(other) + "terminating", default));
        Assert.DoesNotContain((await host.As("jo").GetTimelineAsync(new() { Certname = $"{other}" })).Events,
            e => e.Detail.Contains("jo", StringComparison.Ordinal));
        // The labels match, but what it is reaches beyond them.
        var (server, named) = (await Launch("admin", Reaching(s => s.Role = "puppetserver"), "c"),
            await Launch("admin", Reaching(s => s.DnsAltNames.Add("puppet")), "d"));
        await Missing(() => Call("jo", rpc, server), "has the role puppetserver");
        await Missing(() => Call("jo", rpc, named), "has dns_alt_names");
        var unknown = await Assert.ThrowsAsync<RpcException>(() => Call("jo", rpc, CertName.Parse("nothing.example.com")));
        Assert.Equal(StatusCode.NotFound, unknown.StatusCode);
        provider.ConsoleText = "login:";
        // Its end waits for a CertAuthority.
        Assert.Equal(rpc == "terminate" ? "REVOCATION_PENDING" : "", await ReasonOf(() => Call("jo", rpc, mine)));
    }

    [Fact]
    public async Task Scope_WhatIsNoSingleInstances_IsRefusedAndReadingIsNot()
    {
        var other = await Launch("admin", Is("web", "red"));
        var jo = host.As("jo");
        await Missing(async () => await jo.ReconcileAsync(new() { Apply = true }));
        await Missing(async () => await jo.PutProfileAsync(new() { Name = "web", Document = ProfileTests.Web }));
        await Missing(async () => await jo.CheckBucketAsync(new()));
        await Missing(async () => await jo.CheckSiteAsync(new()));
        await Missing(async () => await jo.ReplayDeadLettersAsync(new() { Webhook = "chat" }));
        await Missing(async () => await jo.DeleteDeadLettersAsync(new() { Webhook = "chat" }));
        Assert.False(await store.Any(ObjectKeys.Profiles, default));

        Assert.Equal($"{other}", (await jo.GetInstanceAsync(new() { Certname = $"{other}" })).Instance.Certname);
        await Eventually.True(async () => (await jo.ListInstancesAsync(new())).Instances.Count == 1, "it is listed");
        await jo.ReconcileAsync(new());
        await jo.ListProfilesAsync(new());
        await jo.PreviewLaunchAsync(new() { Spec = ConductorFixture.Spec(Is("web", "red")) });
    }

    [Fact]
    public async Task RevokedElsewhere_IsTakenOnAnOpenConnectionAndKeptWithoutTheStore()
    {
        var jo = host.As("jo");
        await jo.ListProfilesAsync(new());
        var list = world.Pki.Revoked(world.Pki.SerialOf("jo"));
        await world.OpenStore().PutIfAbsent(ObjectKeys.InternalCrl($"{list.Issuer}", list.Number),
            (ReadOnlyMemory<byte>)System.Text.Encoding.ASCII.GetBytes(list.Pem), default);
        await Eventually.True(async () => await ReasonOf(async () => await jo.ListProfilesAsync(new())) == "CERTIFICATE_REVOKED",
            "the list is taken within half a minute");
        await host.As("kim").ListProfilesAsync(new());

        // Started again, over a bucket from which it is gone.
        await host.DisposeAsync();
        await world.OpenStore().Delete(ObjectKeys.InternalCrl($"{list.Issuer}", list.Number), default);
        await Start();
        Assert.Equal("CERTIFICATE_REVOKED", await ReasonOf(async () => await host.As("jo").ListProfilesAsync(new())));
    }

    [Fact]
    public async Task ListsNeverRead_PeopleWaitAndServicesGoOn()
    {
        await host.DisposeAsync();
        var down = true;
        store = new FaultyStore(world.OpenStore())
        {
            BeforeList = prefix =>
            {
                if (down && prefix.StartsWith("pki/", StringComparison.Ordinal))
                    throw new FaultException(FaultKind.Unavailable, Reason.StoreUnavailable, "a test");
            },
        };
        await Start();
        Assert.Equal("STORE_UNAVAILABLE", await ReasonOf(async () => await host.As("kim").ValidateProfileAsync(new() { Document = "{}" })));
        await host.As("viewer").ValidateProfileAsync(new() { Document = "{}" });
        down = false;
        var kim = host.As("kim");
        await Eventually.True(async () => await ReasonOf(async () => await kim.ValidateProfileAsync(new() { Document = "{}" })) == "",
            "people are served once the lists were read");
    }

    private async Task Start() =>
        host = await ConductorHost.Start(world, new() { Provider = provider, Store = store, Clock = new QuickTurnsClock() });

    private static Action<LaunchSpec> Is(string profile, string? team) => spec =>
    {
        spec.Profile = profile;
        if (team is not null)
            spec.Labels["team"] = team;
    };

    private static Action<LaunchSpec> Reaching(Action<LaunchSpec> more) => Is("web", "blue") + more;

    private async Task<CertName> Launch(string party, Action<LaunchSpec> change, string id = "r1")
    {
        var request = new LaunchInstancesRequest { Spec = ConductorFixture.Spec(change), RequestId = id };
        var result = Assert.Single((await host.As(party).LaunchInstancesAsync(request)).Results);
        Assert.Equal("", result.Reason);
        return CertName.Parse(result.Instance.Certname);
    }

    private async Task Call(string party, string rpc, CertName name)
    {
        var (client, certname) = (host.As(party), $"{name}");
        switch (rpc)
        {
            case "terminate": await InTime.Terminate(client, certname, 1); break;
            case "retry": await client.RetryInstanceAsync(new() { Certname = certname }); break;
            case "update": await client.UpdateInstanceAsync(new() { Certname = certname, Protected = true }); break;
            case "quarantine": await client.QuarantineInstanceAsync(new() { Certname = certname, Reason = "a test" }); break;
            case "user-data": await client.GetUserDataAsync(new() { Certname = certname }); break;
            default: await client.GetConsoleAsync(new() { Certname = certname }); break;
        }
    }

    private static async Task Missing(Func<Task> call, string why = "may only change instances with")
    {
        var fault = await Assert.ThrowsAsync<RpcException>(call);
        Assert.Equal((StatusCode.PermissionDenied, "SCOPE_MISSING"), (fault.StatusCode, RpcDetails.Reason(fault)));
        Assert.Contains(why, fault.Status.Detail, StringComparison.Ordinal);
    }

    private static async Task<string> ReasonOf(Func<Task> call) =>
        await Record.ExceptionAsync(call) is RpcException fault ? RpcDetails.Reason(fault) : "";
}
