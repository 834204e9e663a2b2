using System.Text;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Overture.Conductor.Launch;
using Overture.Conductor.Providers;
using Overture.Conductor.Specs;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>Profiles and previews over real mTLS and a real directory store.</summary>
public sealed class ProfileTests : IAsyncLifetime
{
    internal const string Web = """
        provider: local
        image: host
        instance_type: large
        puppet:
          server: puppet.example.com
        node:
          classes: [ntp]
        ttl: 8h
        cloud_config:
          packages: [jq]
        """;

    private readonly ConductorFixture world = new();
    private readonly FakeProvider provider = new();
    private ObjectStore store = null!;
    private ConductorHost host = null!;

    public async Task InitializeAsync()
    {
        store = world.OpenStore();
        host = await ConductorHost.Start(world, new() { Provider = provider, Store = store });
    }

    public async Task DisposeAsync()
    {
        await host.DisposeAsync();
        world.Dispose();
    }

    [Fact]
    public async Task Launch_Profile_LaunchesWhatTheBucketSays()
    {
        var spec = ConductorFixture.Spec();
        spec.InstanceType = "large";
        await store.PutIfAbsent("profiles/web", RecordJson.Write(spec), default);
        var answer = await host.As("operator").LaunchInstancesAsync(new() { Profile = "web", RequestId = "p1" });
        Assert.Equal(("web", "large"), answer.Results.Single().Instance is var i ? (i.Profile, i.InstanceType) : default);
        var again = await host.As("operator").LaunchInstancesAsync(new() { Profile = "web", RequestId = "p1" });
        Assert.Equal(answer.Results.Select(r => r.Instance.Certname), again.Results.Select(r => r.Instance.Certname));
    }

    [Theory]
    [InlineData("nope", null, StatusCode.NotFound, "NOT_FOUND")]
    [InlineData("../x", null, StatusCode.InvalidArgument, "INVALID_FIELD")]
    [InlineData("typo", "{\"provder\": \"local\"}", StatusCode.InvalidArgument, "INVALID_FIELD")]
    [InlineData("typo", "provder: local", StatusCode.InvalidArgument, "INVALID_FIELD")]
    [InlineData("short", "provider: local", StatusCode.InvalidArgument, "INVALID_FIELD")]
    [InlineData("broken", "{\"provider\": ", StatusCode.InvalidArgument, "INVALID_FIELD")]
    public async Task Launch_ProfileThatIsNone_IsRefusedByName(string profile, string? document, StatusCode status, string reason)
    {
        if (document is not null)
            await Seed(profile, document);
        var refused = await Assert.ThrowsAsync<RpcException>(async () => await host.As("operator")
            .LaunchInstancesAsync(new() { Profile = profile }));
        Assert.Equal((status, reason), (refused.StatusCode, RpcDetails.Reason(refused)));
        Assert.Empty(provider.Starts);
    }

    [Fact]
    public async Task Launch_YamlProfile_LaunchesWhatItSays()
    {
        await Seed("web", Web);
        var instance = (await host.As("operator").LaunchInstancesAsync(new() { Profile = "web" })).Results.Single().Instance;
        Assert.Equal(("web", "large"), (instance.Profile, instance.InstanceType));
        var userData = provider.Asked.Single().UserData;
        Assert.Equal("jq", UserDataTree.Of(userData).Text("packages", "0"));
    }

    [Fact]
    public async Task List_GoodAndBad_TellsEachByName()
    {
        await Seed("web", Web);
        await Seed("old", RecordJson.WriteText(ConductorFixture.Spec()));
        await Seed("bad", "provider: local\nimgae: host\n");
        await Seed("No-Name", Web);
        var profiles = (await host.As("viewer").ListProfilesAsync(new())).Profiles;
        Assert.Equal(["bad", "old", "web"], profiles.Select(p => p.Name));
        Assert.Equal((null, "host", "host"), (profiles[0].Spec, profiles[1].Spec?.Image, profiles[2].Spec?.Image));
        Assert.All(profiles, p => Assert.Equal("", p.Document));
        Assert.Contains(profiles[0].Problems, p => (p.Line, p.Field, p.Rule) == (2, "imgae", "is unknown; is image meant?"));
        Assert.Empty(profiles[2].Problems);
    }

    [Fact]
    public async Task Put_VersionByVersion_OnlyTheCurrentOneIsReplaced()
    {
        var client = host.As("operator");
        var first = (await client.PutProfileAsync(new() { Name = "web", Document = Web })).Profile;
        Assert.Equal(first.Etag, (await client.PutProfileAsync(new() { Name = "web", Document = Web })).Profile.Etag);
        var taken = await Fails(() => client.PutProfileAsync(new() { Name = "web", Document = Web + "\nprotected: true" }));
        Assert.Equal((StatusCode.Aborted, "ETAG_MISMATCH"), (taken.StatusCode, RpcDetails.Reason(taken)));
        var second = (await client.PutProfileAsync(new() { Name = "web", Document = Web + "\nprotected: true", Etag = first.Etag }))
            .Profile;
        Assert.True(second.Spec.Protected);
        var old = await Fails(() => client.PutProfileAsync(new() { Name = "web", Document = Web + "\nlabels: {a: b}", Etag = first.Etag }));
        Assert.Equal((StatusCode.Aborted, "ETAG_MISMATCH"), (old.StatusCode, RpcDetails.Reason(old)));
        var got = (await host.As("viewer").GetProfileAsync(new() { Name = "web" })).Profile;
        Assert.Equal((second.Etag, Web + "\nprotected: true"), (got.Etag, got.Document));
    }

    [Fact]
    public async Task Put_TwentyAtOnceFromOneVersion_OneWins()
    {
        var client = host.As("operator");
        var first = (await client.PutProfileAsync(new() { Name = "web", Document = Web })).Profile;
        var outcomes = await Task.WhenAll(Enumerable.Range(1, 20).Select(async n =>
        {
            try
            {
                return (await client.PutProfileAsync(new() { Name = "web", Document = $"{Web}\nlabels: {{n: {n}}}", Etag = first.Etag }))
                    .Profile.Document;
            }
            catch (RpcException e) when (RpcDetails.Reason(e) == "ETAG_MISMATCH")
            {
                return "";
            }
        }));
        var won = Assert.Single(outcomes, o => o.Length > 0);
        Assert.Equal(won, (await client.GetProfileAsync(new() { Name = "web" })).Profile.Document);
    }

    [Fact]
    public async Task Put_NotValid_IsRefusedWithEveryRuleAndWritesNothing()
    {
        var refused = await Fails(() => host.As("operator")
            .PutProfileAsync(new() { Name = "web", Document = "provider: moon\nimgae: host\nttl: 1m\n" }));
        Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
        var fields = RpcDetails.Of(refused)
            .Unpack<Google.Rpc.BadRequest>()!.FieldViolations.Select(v => $"{v.Field} {v.Description}").ToList();
        Assert.Contains("imgae is unknown; is image meant? (line 2)", fields);
        Assert.Contains("provider is not a provider of this Conductor (line 1)", fields);
        Assert.Contains("ttl must be 10 minutes to 366 days, in whole seconds (line 3)", fields);
        Assert.Contains("puppet.server must be a host name", fields);
        Assert.False(await store.Any("profiles/", default));
        Assert.Equal(StatusCode.InvalidArgument,
            (await Fails(() => host.As("operator").PutProfileAsync(new() { Name = "../web", Document = Web }))).StatusCode);
        Assert.Equal(StatusCode.PermissionDenied,
            (await Fails(() => host.As("viewer").PutProfileAsync(new() { Name = "web", Document = Web }))).StatusCode);
    }

    [Fact]
    public async Task Preview_Spec_HasDefaultsAndAMaskAndWritesNothing()
    {
        var answer = await host.As("viewer").PreviewLaunchAsync(new() { Spec = ConductorFixture.Spec(s => s.Scripts.Add("#!/bin/sh\n")) });
        Assert.Equal((8140, "puppet.example.com", 600L),
            (answer.Spec.Puppet.Serverport, answer.Spec.Puppet.CaServer, answer.Spec.Deadlines.Running.Seconds));
        Assert.Contains("\\\"1.2.840.113549.1.9.7\\\": \\\"********\\\"\\n", answer.UserData, StringComparison.Ordinal);
        foreach (var prefix in new[] { "requests/", "nodes/", "launches/", "instances/" })
            Assert.False(await store.Any(prefix, default));
        // The size is that of the real thing.
        await host.As("admin").LaunchInstancesAsync(new() { Spec = ConductorFixture.Spec(s => s.Scripts.Add("#!/bin/sh\n")) });
        Assert.Equal(Encoding.UTF8.GetByteCount(provider.Asked.Single().UserData), answer.UserDataSize);
    }

    [Fact]
    public async Task Preview_ProvidersVerdict_IsForThoseWhoMayLaunchAndFailsNothing()
    {
        async Task<string> Verdict(string party) =>
            (await host.As(party).PreviewLaunchAsync(new() { Spec = ConductorFixture.Spec() })).ProviderVerdict;
        Assert.Equal("", await Verdict("operator"));
        provider.Says = _ => Task.FromResult<Rehearsal?>(new(true, ""));
        Assert.Equal(("yes", ""), (await Verdict("operator"), await Verdict("viewer")));
        provider.Says = _ => Task.FromResult<Rehearsal?>(new(false, "not you"));
        Assert.Equal("no: not you", await Verdict("admin"));
        provider.Says = _ => throw new ProviderException("away");
        Assert.Equal("unknown: away", await Verdict("admin"));
        provider.Says = async cancel =>
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, cancel);
            return null;
        };
        Assert.Equal("unknown: no answer within 5 s", await Verdict("admin"));
        Assert.False(await store.Any("requests/", default));
    }

    [Fact]
    public async Task Preview_Profile_IsWhatTheBucketSays()
    {
        await Seed("web", Web);
        var answer = await host.As("viewer").PreviewLaunchAsync(new() { Profile = "web" });
        Assert.Equal(("web", 28_800L), (answer.Spec.Profile, answer.Spec.Ttl.Seconds));
        Assert.Equal(StatusCode.NotFound, (await Fails(() => host.As("viewer").PreviewLaunchAsync(new() { Profile = "nope" }))).StatusCode);
        Assert.Equal(StatusCode.InvalidArgument, (await Fails(() => host.As("viewer").PreviewLaunchAsync(new()))).StatusCode);
    }

    private async Task Seed(string name, string document) =>
        Assert.Equal(PutOutcome.Stored,
            await store.PutIfAbsent($"profiles/{name}", (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(document), default));

    private static Task<RpcException> Fails<T>(Func<AsyncUnaryCall<T>> call) => Assert.ThrowsAsync<RpcException>(async () => await call());
}
