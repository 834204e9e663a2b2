using System.Text;
using Grpc.Core;
using Overture.Conductor.V1;
using Overture.Conductor.Specs;
using Overture.Platform.Objects;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>
/// Profiles and specs that are looked at and refused, over real mTLS: nothing is written, so one Conductor serves all rows.
/// </summary>
public sealed class ProfileDocumentTests(ProfileDocumentTests.OneConductor one) : IClassFixture<ProfileDocumentTests.OneConductor>
{
    private const string Web = ProfileTests.Web;
    private readonly ConductorFixture world = one.World;
    private readonly ObjectStore store = one.Store;
    private readonly ConductorHost host = one.Host;

    [Theory]
    [InlineData("ttl: x\n", "ttl", 1)] // misread: not reported again as missing or short
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

    /// <summary>
    /// Review, point 11: the mapping that a colon makes of a command, by its line in the file, as a mapping or as a text.
    /// </summary>
    [Fact]
    public async Task P11_ColonInRuncmd_IsRefusedWithItsLine()
    {
        const string Commands =
            "  runcmd:\n    - touch /var/tmp/before\n    - echo Status: done\n    - [sleep, 5]\n    - touch /var/tmp/after\n";
        var above = Web[..Web.IndexOf("cloud_config", StringComparison.Ordinal)];
        foreach (var (document, first) in new[] { (above + "cloud_config:\n" + Commands, 0),
            (above + "cloud_config: |\n  #cloud-config\n\n" + Commands, 2) })
        {
            var problems = (await host.As("viewer").ValidateProfileAsync(new() { Document = document })).Problems;
            var line = above.Count(c => c == '\n') + first + 4;
            Assert.Equal([(line, "cloud_config.runcmd[1]"), (line + 1, "cloud_config.runcmd[2][1]")],
                problems.Select(p => (p.Line, p.Field)));
            Assert.EndsWith("must be a text or a list of texts; a colon and a space make it a mapping: quote the line that begins echo "
                + "Status:", problems[0].Rule, StringComparison.Ordinal);
            var refused = await Assert.ThrowsAsync<RpcException>(async () => await host.As("operator")
                .PutProfileAsync(new() { Name = "colon", Document = document }));
            Assert.Contains($"(line {line})", refused.Status.Detail, StringComparison.Ordinal);
        }
        Assert.Empty((await host.As("viewer")
            .ValidateProfileAsync(new()
                { Document = above + "cloud_config:\n"
                    + Commands.Replace("echo Status: done", "'echo Status: done'", StringComparison.Ordinal)
                    .Replace("5", "\"5\"", StringComparison.Ordinal) })).Problems);
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
            () => host.As("admin").LaunchInstancesAsync(new() { Spec = ConductorFixture.Spec(Swell) }).ResponseAsync,
            () => host.As("admin").RegisterInstanceAsync(new() { Spec = ConductorFixture.Spec(Swell) }).ResponseAsync,
            () => host.As("admin").PreviewLaunchAsync(new() { Spec = ConductorFixture.Spec(Swell) }).ResponseAsync,
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
    [InlineData("T70 aliases", "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n",
        "anchor")]
    [InlineData("T70 merge key", "a: &a {x: 1}\nb: {<<: *a}\n", "anchor")]
    [InlineData("T70 self", "a: &a [*a]\n", "anchor")]
    [InlineData("T71 lists", "[*100000", "32 levels")]
    [InlineData("T71 33 levels", "[*33", "32 levels")]
    [InlineData("T71 maps", "{a: *40000", "32 levels")]
    [InlineData("T71 json", "json*30000", "")]
    [InlineData("T72 large", "x*52428800", "at most 262144 are read")]
    [InlineData("T72 keys", "keys*20000", "10,000")]
    [InlineData("T72 twice", "provider: local\nprovider: local\n", "twice")]
    [InlineData("T72 binary", "image: !!binary eA==\n", "tag")]
    [InlineData("T72 ruby", "image: !ruby/object:Object {}\n", "tag")]
    [InlineData("T72 python", "image: !!python/object/apply:os.system [reboot]\n", "tag")]
    public async Task T70_T71_T72_Bombs_AreProblemsAndTheConductorLives(string what, string shorthand, string rule)
    {
        var document = shorthand.Split('*') is [var piece, var times] && int.TryParse(times, out var count)
            ? piece == "json" ? "{\"node\": {\"parameters\": " + string.Concat(Enumerable.Repeat("{\"a\": ", count)) : piece == "keys"
                ? string.Concat(Enumerable.Range(0, count).Select(i => $"k{i}: 1\n"))
                : "image: " + string.Concat(Enumerable.Repeat(piece, count))
            : shorthand;
        if (what == "T72 large")
        {
            // gRPC's own limit applies before it, and the store's; the bucket may hold anything.
            Directory.CreateDirectory(world.Data.File("objects/profiles"));
            await File.WriteAllTextAsync(world.Data.File("objects/profiles/bomb"), document);
            Assert.Contains(rule, Assert.Single((await host.As("viewer").ListProfilesAsync(new())).Profiles.Single().Problems).Rule,
                StringComparison.Ordinal);
            return;
        }
        Assert.Contains(rule, Assert.Single((await host.As("viewer").ValidateProfileAsync(new() { Document = document })).Problems).Rule,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task T71_DeepDefinitionInJson_IsAProblem()
    {
        var document = "{\"node\": {\"parameters\": " + string.Concat(Enumerable.Repeat("{\"a\": ", 40)) + "1" + new string('}', 42);
        Assert.Contains((await host.As("viewer").ValidateProfileAsync(new() { Document = document })).Problems,
            p => p.Field == "node" && p.Rule.Contains("32 levels", StringComparison.Ordinal));
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

    /// <summary>A Conductor that no test changes.</summary>
    public sealed class OneConductor : IAsyncLifetime
    {
        internal ConductorFixture World { get; } = new();
        internal ObjectStore Store { get; private set; } = null!;
        internal ConductorHost Host { get; private set; } = null!;

        public async Task InitializeAsync()
        {
            Store = World.OpenStore();
            Host = await ConductorHost.Start(World, new() { Provider = new FakeProvider(), Store = Store });
        }

        public async Task DisposeAsync()
        {
            await Host.DisposeAsync();
            World.Dispose();
        }
    }
}
