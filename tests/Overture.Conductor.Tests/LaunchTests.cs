using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Overture.Conductor.Instances;
using Overture.Conductor.Launch;
using Overture.Conductor.Providers;
using Overture.Conductor.Specs;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Tls;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>Launch and register over real mTLS and a real directory store; the registry is away, which must not matter.</summary>
public sealed class LaunchTests : IAsyncLifetime
{
    private readonly ConductorFixture world = new();
    private readonly FakeProvider provider = new();
    private FaultyStore store = null!;
    private ConductorHost host = null!;

    public async Task InitializeAsync()
    {
        store = new FaultyStore(world.OpenStore());
        host = await ConductorHost.Start(world, new() { Provider = provider, Store = store });
    }

    public async Task DisposeAsync()
    {
        await host.DisposeAsync();
        world.Dispose();
    }

    [Fact]
    public async Task Launch_Three_WritesRecordsInTheirPlacesAndStartsThree()
    {
        var answer = await Launch("r1", 3);

        Assert.Equal("r1", answer.RequestId);
        Assert.Equal(32, answer.TraceId.Length);
        Assert.Equal(3, answer.Results.Select(r => r.Instance.Certname).Distinct().Count());
        Assert.Equal(3, provider.Starts.Count);
        foreach (var result in answer.Results)
        {
            Assert.Equal("", result.Reason);
            Assert.Equal(InstanceState.Running, result.Instance.State);
            Assert.Equal(answer.TraceId, result.Instance.TraceId);
            var name = CertName.Parse(result.Instance.Certname);
            Assert.True(name.IsUuid);
            var signed = (await store.Get<SignedLaunch>(ObjectKeys.Launch(name), default))!;
            var record = LaunchVerifier.FromDirectory(world.Pki.TrustedLaunchKeys).Verify(signed, name)!;
            Assert.Equal(("admin", "r1", "local", "fake-account"), (record.Caller, record.RequestId, record.Provider, record.Account));
            Assert.Equal(TimeSpan.FromMinutes(60), record.Deadline.ToDateTimeOffset() - record.NotBefore.ToDateTimeOffset());
            Assert.StartsWith($"00-{answer.TraceId}-", record.Traceparent, StringComparison.Ordinal);
            Assert.EndsWith("-01", record.Traceparent, StringComparison.Ordinal);
            var definition = NodeDefinition.Parse(
                System.Text.Encoding.UTF8.GetString((await store.Get(ObjectKeys.Node(name), default))!.Body));
            Assert.Equal("0777", definition.Parameters["mode"]);
            Assert.Equal(42L, definition.Parameters["answer"]);
            var launched = (await store.Get<InstanceFact>(ObjectKeys.Fact(name, "launched"), default))!;
            Assert.Equal(result.Instance.InstanceId, launched.InstanceId);
            var userData = provider.Asked.Single(a => a.Name == name).UserData;
            Assert.Contains(result.Instance.Certname, userData, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Launch_TokenInUserData_HashIsInTheRecordAndTheTokenNowhereInTheStore()
    {
        await Launch("r1", 1);
        var (name, userData) = provider.Asked.Single();
        var token = TokenOf(userData);
        var record = (await host.Get<InstanceRecordsReader>().Read(name, default))!.Launch;
        Assert.True(EnrollmentToken.Matches(EnrollmentToken.Hash(token), record.TokenSha256));
        foreach (var file in Directory.EnumerateFiles(world.Data.Path, "*", SearchOption.AllDirectories))
            Assert.DoesNotContain(token, await File.ReadAllTextAsync(file), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Launch_TimesAndProtection_AreInTheRecord()
    {
        await Launch("r1", 1, s =>
        {
            s.Ttl = Duration.FromTimeSpan(TimeSpan.FromDays(366));
            s.Protected = true;
            s.Deadlines = new StepDeadlines { Csr = Duration.FromTimeSpan(TimeSpan.FromMinutes(1)) };
        });
        await Launch("r2", 1);
        var (told, usual) = (await Record("r1"), await Record("r2"));
        Assert.Equal(TimeSpan.FromDays(366), told.Expires.ToDateTimeOffset() - told.NotBefore.ToDateTimeOffset());
        Assert.Equal((true, 600u, 60u, 3600u), (told.Protected, told.RunningSeconds, told.CsrSeconds, told.ConvergedSeconds));
        Assert.Equal((null, false, 600u, 1800u, 3600u),
            (usual.Expires, usual.Protected, usual.RunningSeconds, usual.CsrSeconds, usual.ConvergedSeconds));

        async Task<LaunchRecord> Record(string requestId)
        {
            var names = (await store.Get<LaunchRequestRecord>(ObjectKeys.Request("admin", requestId), default))!.Certnames;
            return (await host.Get<InstanceRecordsReader>().Read(CertName.Parse(names.Single()), default))!.Launch;
        }
    }

    [Fact]
    public async Task Launch_SameRequestTwice_SameInstancesAndNoSecondStart()
    {
        var first = await Launch("r1", 2);
        var second = await Launch("r1", 2);
        Assert.Equal(Names(first), Names(second));
        Assert.Equal(first.TraceId, second.TraceId);
        Assert.All(provider.Starts.Values, n => Assert.Equal(1, n));
        Assert.Equal(2, provider.Asked.Count);
    }

    [Fact]
    public async Task Launch_SameIdOtherBody_IsAlreadyExists()
    {
        await Launch("r1", 1);
        var count = await Fails(() => Launch("r1", 2));
        var spec = await Fails(() => Launch("r1", 1, s => s.Labels["a"] = "b"));
        Assert.Equal((StatusCode.AlreadyExists, "REQUEST_ID_REUSED"), (count.StatusCode, RpcDetails.Reason(count)));
        Assert.Equal(StatusCode.AlreadyExists, spec.StatusCode);
        var register = await Assert.ThrowsAsync<RpcException>(async () => await host.As("admin")
            .RegisterInstanceAsync(new() { RequestId = "r1", Spec = ConductorFixture.Spec() }));
        Assert.Equal(StatusCode.AlreadyExists, register.StatusCode);
    }

    [Fact]
    public async Task Launch_SameBodyWithMapsInAnotherOrder_IsTheSameRequest()
    {
        var first = await Launch("r1", 1,
            s => { s.Labels["a"] = "1"; s.Labels["b"] = "2"; s.Ec2 = new Ec2Settings { Tags = { ["a"] = "1", ["b"] = "2" } }; });
        var second = await Launch("r1", 1,
            s => { s.Labels["b"] = "2"; s.Labels["a"] = "1"; s.Ec2 = new Ec2Settings { Tags = { ["b"] = "2", ["a"] = "1" } }; });
        Assert.Equal(Names(first), Names(second));
    }

    [Fact]
    public async Task Launch_SameIdOfAnotherCaller_IsAnotherRequest()
    {
        var first = await Launch("r1", 1);
        var other = await host.As("operator").LaunchInstancesAsync(new() { Spec = ConductorFixture.Spec(), Count = 1, RequestId = "r1" });
        Assert.NotEqual(Names(first), Names(other));
    }

    [Fact]
    public async Task Launch_TwentyIdenticalAtOnce_OneSetOfInstances()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Launch("storm", 3)));
        Assert.Single(answers.Select(a => string.Join(',', Names(a))).Distinct());
        Assert.Equal(3, provider.Starts.Count);
        Assert.All(provider.Starts.Values, n => Assert.Equal(1, n));
        Assert.Single(provider.Asked.Select(a => a.UserData).Distinct().GroupBy(u => u.Length));
        Assert.Equal(3, provider.Asked.Select(a => a.UserData).Distinct().Count());
        Assert.All(answers.SelectMany(a => a.Results), r => Assert.Equal(InstanceState.Running, r.Instance.State));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Launch_EveryWriteFailsInTurn_TheRetryFinishesWithOneSetOfInstances(bool answerLost)
    {
        for (var write = 1; ; write++)
        {
            store.Arm(write, answerLost);
            var attempt = await Record.ExceptionAsync(() => Launch($"crash-{write}", 2));
            store.Disarm();
            Assert.True(attempt is null or RpcException { StatusCode: StatusCode.Unavailable }, $"{attempt}");

            var retried = await Launch($"crash-{write}", 2);
            Assert.All(retried.Results, r => Assert.Equal(("", InstanceState.Running), (r.Reason, r.Instance.State)));
            var names = Names(retried).Select(CertName.Parse).ToList();
            foreach (var name in names)
            {
                Assert.Equal(1, provider.Starts[name]);
                Assert.Single(provider.Asked.Where(a => a.Name == name).Select(a => a.UserData).Distinct());
                Assert.NotNull(await store.Get(ObjectKeys.Node(name), default));
            }
            if (!store.Struck)
            {
                Assert.Equal(1 + (2 * 3) + 1, write); // request, and per instance: definition, record, fact
                break;
            }
        }
    }

    [Fact]
    public async Task Launch_ProvidersAnswerLost_RetryAdoptsWhatRuns()
    {
        provider.LostAnswer = new ProviderException("the line broke");
        var first = Assert.Single((await Launch("r1", 1)).Results);
        Assert.Equal(("PROVIDER_FAILED", InstanceTrouble.LaunchFailed), (first.Reason, first.Instance.Trouble));
        provider.LostAnswer = null;

        var second = Assert.Single((await Launch("r1", 1)).Results);
        Assert.Equal(("", InstanceState.Running, InstanceTrouble.Unspecified),
            (second.Reason, second.Instance.State, second.Instance.Trouble));
        Assert.Equal(1, Assert.Single(provider.Starts).Value);
        Assert.Single(provider.Asked.Distinct());
    }

    [Fact]
    public async Task Launch_ProviderRefuses_IsAResultNotAnErrorAndStaysInTheStore()
    {
        provider.Refusal = new ProviderException("no room");
        var result = Assert.Single((await Launch("r1", 1)).Results);
        Assert.Equal("PROVIDER_FAILED", result.Reason);
        Assert.Equal("no room", result.Detail);
        Assert.Contains("no room", result.Instance.TroubleDetail, StringComparison.Ordinal);
        Assert.NotNull(await store.Get(ObjectKeys.Fact(CertName.Parse(result.Instance.Certname), "launch-failed"), default));
    }

    [Fact]
    public async Task Launch_UnfitProvider_IsRefusedBeforeAnyWrite()
    {
        provider.WhyUnfit = "local instances need root";
        var refused = await Fails(() => Launch("r1", 1));
        Assert.Equal((StatusCode.FailedPrecondition, "PROVIDER_UNFIT"), (refused.StatusCode, RpcDetails.Reason(refused)));
        Assert.False(await store.Any("requests/", default));
    }

    [Fact]
    public async Task Launch_TooMuchUserData_IsRefusedBeforeAnyWrite()
    {
        // 32 KiB of classes make no user data; 60 granted extensions of 255 characters do.
        var refused = await Fails(() => Launch("r1", 1, s =>
        {
            for (var i = 1; i <= 70; i++)
                s.Extensions[$"1.3.6.1.4.1.34380.1.2.{i}"] = new string('x', 255);
        }));
        Assert.Equal((StatusCode.InvalidArgument, "TOO_LARGE"), (refused.StatusCode, RpcDetails.Reason(refused)));
        Assert.False(await store.Any("requests/", default));
    }

    [Fact]
    public async Task Launch_StoreDown_IsUnavailableAndNothingWasLaunched()
    {
        store.Down = true;
        var refused = await Fails(() => Launch("r1", 1));
        store.Down = false;
        Assert.Equal(StatusCode.Unavailable, refused.StatusCode);
        Assert.Empty(provider.Asked);
    }

    [Fact]
    public async Task Launch_DefinitionEditedThenRepeated_TheEditStays()
    {
        var name = CertName.Parse(Names(await Launch("r1", 1)).Single());
        var stored = (await store.Get(ObjectKeys.Node(name), default))!;
        await store.PutIfMatch(ObjectKeys.Node(name), "classes: {}\n"u8.ToArray(), stored.ETag, default);
        await Launch("r1", 1);
        Assert.Equal("classes: {}\n", System.Text.Encoding.UTF8.GetString((await store.Get(ObjectKeys.Node(name), default))!.Body));
    }

    [Fact]
    public async Task Launch_RepeatedAfterTermination_StartsNothing()
    {
        var name = CertName.Parse(Names(await Launch("r1", 1)).Single());
        await host.Get<InstanceEventStore>().Write(name, new InstanceFact { Event = InstanceEvents.Terminating }, default);
        await provider.Stop(name, "", default, default);
        await store.Delete(ObjectKeys.Node(name), default);

        var again = Assert.Single((await Launch("r1", 1)).Results);
        Assert.Equal(InstanceState.Terminating, again.Instance.State);
        Assert.Empty(provider.Running);
        Assert.Null(await store.Get(ObjectKeys.Node(name), default));
    }

    [Fact]
    public async Task Launch_TerminatedWhileItStarts_DoesNotStayRunning()
    {
        // The saga passes the provider before there is anything to stop.
        provider.BeforeStart = async name =>
        {
            await host.Get<InstanceEventStore>().Write(name, new InstanceFact { Event = InstanceEvents.Terminating }, default);
            await provider.Stop(name, "", default, default);
        };
        var result = Assert.Single((await Launch("r1", 1)).Results);
        Assert.Equal(InstanceState.Terminating, result.Instance.State);
        Assert.Empty(provider.Running);
    }

    [Fact]
    public async Task Launch_RepeatedAfterTheDeadline_StartsNothingThatCouldNotEnrol()
    {
        var clock = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await using var later = await ConductorHost.Start(world, new() { Provider = provider, Store = store, Clock = clock }, replica: "2");
        provider.Refusal = new ProviderException("no room");
        await later.As("admin").LaunchInstancesAsync(new() { Spec = ConductorFixture.Spec(), RequestId = "late" });
        provider.Refusal = null;
        clock.Advance(TimeSpan.FromMinutes(61));
        var again = await later.As("admin").LaunchInstancesAsync(new() { Spec = ConductorFixture.Spec(), RequestId = "late" });
        Assert.Equal("TOKEN_EXPIRED", Assert.Single(again.Results).Reason);
        Assert.Empty(provider.Running);
    }

    [Fact]
    public async Task Launch_InstanceOfAnotherConductorsProvider_IsNotStartedHere()
    {
        provider.Refusal = new ProviderException("killed here");
        await Launch("r1", 1);
        var theirs = new FakeProvider { Account = "another-host" };
        await using var second = await ConductorHost.Start(world, new() { Provider = theirs, Store = store }, replica: "2");
        await second.As("admin").LaunchInstancesAsync(new() { Spec = ConductorFixture.Spec(), Count = 1, RequestId = "r1" });
        Assert.Empty(theirs.Asked);
    }

    [Fact]
    public async Task Launch_SpecWithEverythingWrong_NamesEveryField()
    {
        var refused = await Fails(() => host.As("admin").LaunchInstancesAsync(new LaunchInstancesRequest
        {
            Count = 101,
            RequestId = "a b",
            Spec = new LaunchSpec
            {
                Bucket = "file:/elsewhere",
                Provider = "moon",
                Puppet = new PuppetSettings { Server = "a b", Serverport = 70000, CaServer = "-x", CaPort = -1 },
                Node = new NodeSpec { Classes = Struct.Parser.ParseJson("""{"Not A Class": {}}"""), Environment = "Prod uction" },
                Labels = { ["bad key"] = "v", ["ok"] = "line\nbreak" },
                DnsAltNames = { "UPPER.example.com" },
                Extensions = { ["pp_cli_auth"] = "true", ["1.3.6.1.4.1.34380.1.3.39"] = "true", ["2.5.29.19"] = "x", ["pp_role"] = "web",
                    ["1.3.6.1.4.1.34380.1.1.13"] = "db" },
                Role = "root",
                Deadline = Duration.FromTimeSpan(TimeSpan.FromMinutes(1)),
                Profile = "a b",
                Attestation = (Attestation)99,
                Ttl = Duration.FromTimeSpan(TimeSpan.FromMinutes(9)),
                Deadlines = new StepDeadlines
                {
                    Running = Duration.FromTimeSpan(TimeSpan.FromSeconds(59)),
                    Csr = Duration.FromTimeSpan(TimeSpan.FromHours(25)),
                    Converged = new Duration { Seconds = 60, Nanos = 1 },
                },
            },
        }).ResponseAsync);
        var fields = RpcDetails.Of(refused).Unpack<Google.Rpc.BadRequest>()!.FieldViolations.Select(v => v.Field).ToHashSet();
        Assert.Superset(new HashSet<string>
        {
            "count", "request_id", "spec.bucket", "spec.provider", "spec.puppet.server", "spec.puppet.serverport", "spec.puppet.ca_server",
            "spec.puppet.ca_port", "spec.extensions.pp_cli_auth", "spec.extensions.1.3.6.1.4.1.34380.1.3.39", "spec.extensions.2.5.29.19",
            "spec.extensions", "spec.role", "spec.deadline", "spec.profile", "spec.attestation",
            "spec.ttl", "spec.deadlines.running", "spec.deadlines.csr", "spec.deadlines.converged",
        }, fields);
        Assert.False(await store.Any("requests/", default));
    }

    [Fact]
    public async Task Register_Instance_ReturnsUserDataAndTokenAndAsksNoProvider()
    {
        var answer = await host.As("operator").RegisterInstanceAsync(new()
        {
            RequestId = "reg",
            Spec = ConductorFixture.Spec(s => { s.Provider = ""; s.Role = "puppetserver"; s.DnsAltNames.Add("puppet"); }),
        });
        Assert.Equal(("registered", InstanceState.Launching, "puppetserver"),
            (answer.Instance.Provider, answer.Instance.State, answer.Instance.Role));
        Assert.StartsWith("#cloud-config\n", answer.UserData, StringComparison.Ordinal);
        Assert.Equal(answer.Token, TokenOf(answer.UserData));
        Assert.Empty(provider.Asked);
        var again = await host.As("operator").RegisterInstanceAsync(new()
        {
            RequestId = "reg",
            Spec = ConductorFixture.Spec(s => { s.Provider = ""; s.Role = "puppetserver"; s.DnsAltNames.Add("puppet"); }),
        });
        Assert.Equal((answer.UserData, answer.Token), (again.UserData, again.Token));
    }

    [Theory]
    [InlineData("viewer", "launch")]
    [InlineData("viewer", "terminate")]
    [InlineData("enc", "get")]
    [InlineData("autosign", "list")]
    [InlineData("certauthority", "launch")]
    public async Task Calls_ByAPartyWithoutTheRole_AreDenied(string party, string call)
    {
        var client = host.As(party);
        var refused = await Assert.ThrowsAsync<RpcException>(async () => await (call switch
        {
            "launch" => (Task)client.LaunchInstancesAsync(new() { Spec = ConductorFixture.Spec() }).ResponseAsync,
            "terminate" => client.TerminateInstanceAsync(new() { Certname = "x" }).ResponseAsync,
            "get" => client.GetInstanceAsync(new() { Certname = "x" }).ResponseAsync,
            _ => client.ListInstancesAsync(new()).ResponseAsync,
        }));
        Assert.Equal((StatusCode.PermissionDenied, "ROLE_MISSING"), (refused.StatusCode, RpcDetails.Reason(refused)));
    }

    private Task<LaunchInstancesResponse> Launch(string requestId, int count, Action<LaunchSpec>? change = null) =>
        host.As("admin").LaunchInstancesAsync(new LaunchInstancesRequest { Spec = ConductorFixture.Spec(change), Count = count,
            RequestId = requestId }).ResponseAsync;

    private static List<string> Names(LaunchInstancesResponse answer) => [.. answer.Results.Select(r => r.Instance.Certname)];

    private static string TokenOf(string userData) =>
        UserDataTree.Of(userData).CsrAttributes.Text("custom_attributes", "1.2.840.113549.1.9.7");

    private static Task<RpcException> Fails(Func<Task> call) => Assert.ThrowsAsync<RpcException>(call);
}
