using System.Text;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Overture.Conductor.Providers;
using Overture.Conductor.V1;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>Profiles and previews over real mTLS and a real directory store.</summary>
public sealed class ProfileTests : IAsyncLifetime
{
    private const string Web = """
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

    private readonly World world = new();
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
        var spec = World.Spec();
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
        var refused = await Assert.ThrowsAsync<RpcException>(async () => await host.As("operator").LaunchInstancesAsync(new() { Profile = profile }));
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
        await Seed("old", RecordJson.WriteText(World.Spec()));
        await Seed("bad", "provider: local\nimgae: host\n");
        await Seed("No-Name", Web);
        var profiles = (await host.As("viewer").ListProfilesAsync(new())).Profiles;
        Assert.Equal(["bad", "old", "web"], profiles.Select(p => p.Name));
        Assert.Equal((null, "host", "host"), (profiles[0].Spec, profiles[1].Spec?.Image, profiles[2].Spec?.Image));
        Assert.All(profiles, p => Assert.Equal("", p.Document));
        Assert.Contains(profiles[0].Problems, p => (p.Line, p.Field, p.Rule) == (2, "imgae", "is unknown"));
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
        var second = (await client.PutProfileAsync(new() { Name = "web", Document = Web + "\nprotected: true", Etag = first.Etag })).Profile;
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
                return (await client.PutProfileAsync(new() { Name = "web", Document = $"{Web}\nlabels: {{n: {n}}}", Etag = first.Etag })).Profile.Document;
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
        var refused = await Fails(() => host.As("operator").PutProfileAsync(new() { Name = "web", Document = "provider: moon\nimgae: host\nttl: 1m\n" }));
        Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
        var fields = RpcDetails.Of(refused).Unpack<Google.Rpc.BadRequest>()!.FieldViolations.Select(v => $"{v.Field} {v.Description}").ToList();
        Assert.Contains("imgae is unknown (line 2)", fields);
        Assert.Contains("provider is not a provider of this Conductor (line 1)", fields);
        Assert.Contains("ttl must be 10 minutes to 366 days, in whole seconds (line 3)", fields);
        Assert.Contains("puppet.server must be a host name", fields);
        Assert.False(await store.Any("profiles/", default));
        Assert.Equal(StatusCode.InvalidArgument, (await Fails(() => host.As("operator").PutProfileAsync(new() { Name = "../web", Document = Web }))).StatusCode);
        Assert.Equal(StatusCode.PermissionDenied, (await Fails(() => host.As("viewer").PutProfileAsync(new() { Name = "web", Document = Web }))).StatusCode);
    }

    [Theory]
    [InlineData("ttl: x\n", "ttl", 1)] // read wrong: not told again as missing or short
    [InlineData("node:\n  classes:\n    Not A Class:\n", "node.classes.Not A Class", 3)]
    [InlineData("extensions:\n  1.3.6.1.4.1.34380.1.3.39: x\n", "extensions.1.3.6.1.4.1.34380.1.3.39", 2)]
    [InlineData("cloud_config:\n  packages: [jq]\n  puppet: {}\n", "cloud_config.puppet", 3)]
    [InlineData("scripts:\n- |\n  #!/bin/sh\n- echo hi\n", "scripts[1]", 4)]
    [InlineData("deadlines: {csr: 25h}\n", "deadlines.csr", 1)]
    public async Task Validate_OneMistake_IsToldOnceWithItsLine(string wrong, string field, int line)
    {
        var good = string.Concat(Web.Split('\n').TakeWhile(l => !l.StartsWith("node", StringComparison.Ordinal)).Select(l => l + "\n"));
        Assert.Empty((await host.As("viewer").ValidateProfileAsync(new() { Document = good })).Problems);
        var problem = Assert.Single((await host.As("viewer").ValidateProfileAsync(new() { Document = wrong + good })).Problems);
        Assert.Equal((field, line), (problem.Field, problem.Line));
    }

    [Fact]
    public async Task Preview_Spec_HasDefaultsAndAMaskAndWritesNothing()
    {
        var answer = await host.As("viewer").PreviewLaunchAsync(new() { Spec = World.Spec(s => s.Scripts.Add("#!/bin/sh\n")) });
        Assert.Equal((8140, "puppet.example.com", 600L), (answer.Spec.Puppet.Serverport, answer.Spec.Puppet.CaServer, answer.Spec.Deadlines.Running.Seconds));
        Assert.Contains("\"1.2.840.113549.1.9.7\": \"********\"\n", answer.UserData, StringComparison.Ordinal);
        foreach (var prefix in new[] { "requests/", "nodes/", "launches/", "instances/" })
            Assert.False(await store.Any(prefix, default));
        // The size is that of the real thing.
        await host.As("admin").LaunchInstancesAsync(new() { Spec = World.Spec(s => s.Scripts.Add("#!/bin/sh\n")) });
        Assert.Equal(Encoding.UTF8.GetByteCount(provider.Asked.Single().UserData), answer.UserDataSize);
    }

    [Fact]
    public async Task Preview_ProvidersVerdict_IsForThoseWhoMayLaunchAndFailsNothing()
    {
        async Task<string> Verdict(string party) => (await host.As(party).PreviewLaunchAsync(new() { Spec = World.Spec() })).ProviderVerdict;
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

    /// <summary>Threats T74: refused before any write, and the field that takes the most is named.</summary>
    [Theory]
    [InlineData("spec.scripts")]
    [InlineData("spec.cloud_config")]
    public async Task T74_TooMuchUserData_IsRefusedBeforeAnyWriteByTheLargestField(string field)
    {
        void Swell(LaunchSpec spec)
        {
            if (field == "spec.scripts")
                spec.Scripts.Add("#!/bin/sh\n" + new string('#', 16_000));
            else
                spec.CloudConfig = $"write_files: [{{path: /a, content: {new string('x', 16_000)}}}]";
        }

        foreach (var call in new Func<Task>[]
        {
            () => host.As("admin").LaunchInstancesAsync(new() { Spec = World.Spec(Swell) }).ResponseAsync,
            () => host.As("admin").RegisterInstanceAsync(new() { Spec = World.Spec(Swell) }).ResponseAsync,
            () => host.As("admin").PreviewLaunchAsync(new() { Spec = World.Spec(Swell) }).ResponseAsync,
        })
        {
            var refused = await Assert.ThrowsAsync<RpcException>(call);
            Assert.Equal((StatusCode.InvalidArgument, "TOO_LARGE"), (refused.StatusCode, RpcDetails.Reason(refused)));
            Assert.Equal(field, Assert.Single(RpcDetails.Of(refused).Unpack<Google.Rpc.BadRequest>()!.FieldViolations).Field);
        }
        Assert.False(await store.Any("requests/", default));
    }

    [Fact]
    public async Task T74_ProfileOfTooMuchUserData_IsNoGoodProfile()
    {
        var document = Web + "\nscripts:\n- \"#!/bin/sh\\n" + new string('#', 16_000) + "\"\n";
        var problem = Assert.Single((await host.As("viewer").ValidateProfileAsync(new() { Document = document })).Problems);
        Assert.Equal(("scripts", 11), (problem.Field, problem.Line));
    }

    /// <summary>Threats T70-T72: a profile is read within the limits of definitions.</summary>
    [Theory]
    [InlineData("T70 aliases", "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n", "anchor")]
    [InlineData("T70 merge key", "a: &a {x: 1}\nb: {<<: *a}\n", "anchor")]
    [InlineData("T70 self", "a: &a [*a]\n", "anchor")]
    [InlineData("T71 lists", "[*100000", "32 levels")]
    [InlineData("T71 33 levels", "[*33", "32 levels")]
    [InlineData("T71 maps", "{a: *40000", "32 levels")]
    [InlineData("T71 json", "json*30000", "")]
    [InlineData("T72 large", "x*52428800", "256 KiB")]
    [InlineData("T72 keys", "keys*20000", "10,000")]
    [InlineData("T72 twice", "provider: local\nprovider: local\n", "twice")]
    [InlineData("T72 binary", "image: !!binary eA==\n", "tag")]
    [InlineData("T72 ruby", "image: !ruby/object:Object {}\n", "tag")]
    [InlineData("T72 python", "image: !!python/object/apply:os.system [reboot]\n", "tag")]
    public async Task T70_T71_T72_Bombs_AreProblemsAndTheConductorLives(string what, string shorthand, string rule)
    {
        var document = shorthand.Split('*') is [var piece, var times] && int.TryParse(times, out var count)
            ? piece == "json" ? "{\"node\": {\"parameters\": " + string.Concat(Enumerable.Repeat("{\"a\": ", count)) : piece == "keys" ? string.Concat(Enumerable.Range(0, count).Select(i => $"k{i}: 1\n")) : "image: " + string.Concat(Enumerable.Repeat(piece, count))
            : shorthand;
        if (what == "T72 large")
        {
            // gRPC's own limit stands before it; in the bucket anything may lie.
            await Seed("bomb", document);
            Assert.Contains(rule, Assert.Single((await host.As("viewer").ListProfilesAsync(new())).Profiles.Single().Problems).Rule, StringComparison.Ordinal);
            return;
        }
        Assert.Contains(rule, Assert.Single((await host.As("viewer").ValidateProfileAsync(new() { Document = document })).Problems).Rule, StringComparison.Ordinal);
    }

    [Fact]
    public async Task T71_DeepDefinitionInJson_IsAProblem()
    {
        var document = "{\"node\": {\"parameters\": " + string.Concat(Enumerable.Repeat("{\"a\": ", 40)) + "1" + new string('}', 42);
        Assert.Contains((await host.As("viewer").ValidateProfileAsync(new() { Document = document })).Problems, p => p.Field == "node" && p.Rule.Contains("32 levels", StringComparison.Ordinal));
    }

    /// <summary>Threats T75: names of a profile's definition go by Puppet's grammar.</summary>
    [Theory]
    [InlineData("node: {classes: ['a; reboot']}", "node.classes.a; reboot")]
    [InlineData("node: {classes: {'../x': {}}}", "node.classes.../x")]
    [InlineData("node: {classes: {ntp: {'$(x)': 1}}}", "node.classes.ntp.$(x)")]
    [InlineData("node: {parameters: {'<%= x %>': 1}}", "node.parameters.<%= x %>")]
    [InlineData("node: {parameters: {\"a\\nb\": 1}}", "node.parameters.a\nb")]
    [InlineData("node: {environment: '../prod'}", "node.environment")]
    public async Task T75_NamesOfAProfilesDefinition_FollowPuppetsGrammar(string node, string field)
    {
        var document = string.Concat(Web.Split('\n').Where(l => l is not ("node:" or "  classes: [ntp]")).Select(l => l + "\n")) + node;
        Assert.Equal(field, Assert.Single((await host.As("viewer").ValidateProfileAsync(new() { Document = document })).Problems).Field);
    }

    private async Task Seed(string name, string document) =>
        Assert.Equal(PutOutcome.Stored, await store.PutIfAbsent($"profiles/{name}", (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(document), default));

    private static Task<RpcException> Fails<T>(Func<AsyncUnaryCall<T>> call) => Assert.ThrowsAsync<RpcException>(async () => await call());
}
