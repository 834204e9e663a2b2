using System.Text;
using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.V1;
using Overture.TestSupport;

namespace Overture.EndToEnd.Tests;

/// <summary>
/// All spans of an instance that converged, of one that was refused and of one that stalled, as a collector receives them over OTLP, with
/// metrics and logs. The first two are registered and their agents simulated: one that converges from its boot on is TraceTests'.
/// </summary>
[Collection(nameof(SpanTreeCollection))]
[Trait("Category", "e2e")]
public sealed class SpanTreeTests : IAsyncLifetime
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);
    private const string Converged = """
        POST /overture.conductor.v1.ConductorService/RegisterInstance conductor
          overture.launch conductor
            overture.classify classifier
            overture.collect certauthority
            overture.csr.decide certauthority
            overture.first_run conductor
            overture.report conductor
            overture.sign certauthority
        """;
    private const string Refused = """
        POST /overture.conductor.v1.ConductorService/RegisterInstance conductor
          overture.launch conductor
            overture.csr.decide certauthority
        """;

    private const string Stalled = """
        POST /overture.conductor.v1.ConductorService/LaunchInstances conductor
          overture.launch conductor
            overture.boot.config conductor
            overture.boot.final conductor
            overture.boot.init conductor
            overture.boot.init_local conductor
            overture.provider.start conductor
            overture.terminate conductor
        """;

    private readonly ReplicaStack stack = new("a");
    private readonly TempDirectory instances = new();
    private readonly int firstBoot = FreePort.Next();
    private OtlpReceiver otlp = null!;

    public async Task InitializeAsync()
    {
        otlp = await OtlpReceiver.Start();
        stack.Environment = new Dictionary<string, string>
        {
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = $"http://127.0.0.1:{otlp.Port}", ["OTEL_BSP_SCHEDULE_DELAY"] = "200",
            ["OTEL_METRIC_EXPORT_INTERVAL"] = "1000",
        };
        stack.Options = service => service == "conductor" ? $$"""
            local: { directory: {{instances.Path}}, hide: [{{stack.Home}}] }
            firstBoot: { listen: "127.0.0.1:{{firstBoot}}", url: "https://localhost:{{firstBoot}}" }
            """ : "";
        try
        {
            await stack.InitializeAsync();
        }
        catch
        {
            await DisposeAsync();
            throw;
        }
    }

    public async Task DisposeAsync()
    {
        await stack.DisposeAsync();
        instances.Dispose();
        await otlp.DisposeAsync();
    }

    [Fact]
    public async Task ConvergedAndRefused_HaveTheirWholeTreeAndTheirLogs()
    {
        // 1. one that converges, one whose token is wrong
        var agent = await OfOneTry();
        var (name, converged) = (agent.Name, await TraceOf(agent.Name));
        var refused = (await stack.Conductors[0].Conductor.RegisterInstanceAsync(new() { Spec = SimulatedAgent.Spec() })).Instance;
        using (var key = CsrBuilder.EcKey())
        {
            await using var link = await AgentLink.Open(stack.CertAuthorities[0].PuppetPort, stack.Roots);
            var put = AgentLink.Request("PUT", $"certificate_request/{refused.Certname}",
                Encoding.ASCII.GetBytes(new CsrBuilder(refused.Certname, key).Challenge("wrong").Pem()));
            Assert.Equal(403, (await link.Send(put)).Status);
        }
        await Eventually.True(() => otlp.Trace(converged).Any(s => s.Name == "overture.first_run"), "its report is worked off", Limit);
        await Eventually.True(() => otlp.Metrics("overture-conductor").Contains("overture.instances")
            && otlp.Metrics("overture-conductor").Contains("overture.instance.converge.duration")
            && otlp.Metrics("overture-certauthority").Contains("overture.csr.decisions")
            && otlp.Metrics("overture-classifier").Contains("overture.classify.duration"), "metrics arrive", Limit);

        // 2. a service that ends sends what it has: nothing comes later
        foreach (var replica in stack.All)
            await replica.Stop();
        Assert.Equal(Converged, SpanTree.Of(otlp.Trace(converged)));
        Assert.Equal(Refused, SpanTree.Of(otlp.Trace(refused.TraceId)));
        var decided = Assert.Single(otlp.Trace(refused.TraceId), s => s.Name == "overture.csr.decide");
        Assert.Equal(("TOKEN_MISMATCH", refused.Certname),
            (decided.Attributes["overture.reason"], decided.Attributes["overture.certname"]));
        // the launch itself may be of many
        Assert.All(otlp.Trace(converged).Where(s => s.Name.StartsWith("overture.", StringComparison.Ordinal) && s.Name != "overture.launch"),
            s => Assert.Equal(name, s.Attributes["overture.certname"]));

        // 3. and what each said of them
        Assert.Contains(otlp.Lines, l => l.Service == "overture-conductor" && l.TraceId == converged
            && l.Text.Contains(name, StringComparison.Ordinal));
        Assert.Contains(otlp.Lines, l => l.Service == "overture-certauthority" && l.Text.Contains("TokenMismatch", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Stalled_BootsForRealAndHasItsWholeTreeUpToItsLastStage()
    {
        // The real cloud-init and the real agent, which knows no address of its CA.
        var spec = SimulatedAgent.Spec();
        (spec.Provider, spec.Image, spec.InstanceType) = ("local", "host", "small");
        (spec.Puppet.CaServer, spec.Deadlines) = ("nowhere.invalid", new() { Csr = TimeSpan.FromMinutes(1).ToDuration() });
        var conductor = stack.Conductors[0].Conductor;
        var launched = (await conductor.LaunchInstancesAsync(new() { Spec = spec })).Results.Single().Instance;
        await Eventually.True(() => Has(launched, "overture.boot.final"), "its last stage is over", Limit);
        await Eventually.True(async () => (await conductor.GetInstanceAsync(new() { Certname = launched.Certname })).Instance.Conditions
            .Any(c => c.Type == ConditionType.Stalled), "it is stalled", Limit);
        await Eventually.True(() => otlp.Metrics("overture-conductor").Contains("overture.instance.condition.age"), "metrics arrive",
            Limit);
        await conductor.TerminateInstanceAsync(new() { Certname = launched.Certname });
        await Eventually.True(() => Has(launched, "overture.terminate"), "it is terminated", Limit);

        foreach (var replica in stack.All)
            await replica.Stop();
        Assert.Equal(Stalled, SpanTree.Of(otlp.Trace(launched.TraceId)));
        Assert.Contains(otlp.Lines, l => l.Service == "overture-conductor" && l.TraceId == launched.TraceId
            && l.Text.Contains(launched.Certname, StringComparison.Ordinal));
    }

    // A call that was made again has its spans twice.
    private async Task<SimulatedAgent> OfOneTry()
    {
        for (var number = 1; number < 40; number += 4)
        {
            var agent = new SimulatedAgent(stack, number);
            await agent.Live();
            if (agent.Mended == 0)
                return agent;
        }
        throw new InvalidOperationException("each of ten agents had to repeat a call");
    }

    private bool Has(Instance instance, string span) => otlp.Trace(instance.TraceId).Any(s => s.Name == span);

    private async Task<string> TraceOf(string certname) =>
        (await stack.Conductors[0].Conductor.GetInstanceAsync(new() { Certname = certname })).Instance.TraceId;
}

/// <summary>Processes of its own, which wait for a deadline of a minute: beside others.</summary>
[CollectionDefinition(nameof(SpanTreeCollection))]
public sealed class SpanTreeCollection;
