using Overture.TestSupport;

namespace Overture.EndToEnd.Tests;

/// <summary>One trace from launch to first good run, as a collector receives it.</summary>
[Collection(nameof(StackCollection))]
[Trait("Category", "e2e")]
public sealed class TraceTests(Stack stack)
{
    private const string Converged = """
        POST /overture.conductor.v1.ConductorService/LaunchInstances conductor
          overture.launch conductor
            overture.boot conductor
            overture.boot.config conductor
            overture.boot.final conductor
            overture.boot.init conductor
            overture.boot.init_local conductor
            overture.classify classifier
            overture.collect certauthority
            overture.csr.decide certauthority
            overture.first_run conductor
            overture.provider.start conductor
            overture.report conductor
            overture.sign certauthority
        """;

    [Fact]
    public async Task Launch_Converged_IsOneTreeOfSpansWithTrueTimes()
    {
        var launched = await stack.Json("launch", "-c", stack.Example, "--wait", "--timeout", "5m");
        var trace = launched["traceId"]!.GetValue<string>();
        await SpanTree.Becomes(stack.Otlp, trace, Converged);
        await AllSent();
        Assert.Equal(Converged, SpanTree.Of(stack.Otlp.Trace(trace)));
        var spans = stack.Otlp.Trace(trace);

        // The request's own span says which RPC it was and what came of it.
        var served = Assert.Single(spans, s => s.Name == "POST /overture.conductor.v1.ConductorService/LaunchInstances");
        Assert.Equal("200", served.Attributes["http.response.status_code"]);
        Assert.Equal("/overture.conductor.v1.ConductorService/LaunchInstances", served.Attributes["http.route"]);

        // Waited-for phases have their true start and end.
        var boot = Assert.Single(spans, s => s.Name == "overture.boot");
        var decide = spans.Where(s => s.Name == "overture.csr.decide").MinBy(s => s.Start)!;
        Assert.InRange((boot.End - decide.Start).Duration(), TimeSpan.Zero, TimeSpan.FromSeconds(1));
        Assert.True(boot.End - boot.Start > TimeSpan.FromSeconds(1), "an instance does not boot in a second");
        string[] stages = ["init_local", "init", "config", "final"];
        Assert.Equal(stages, spans.Where(s => s.Name.StartsWith("overture.boot.", StringComparison.Ordinal)).OrderBy(s => s.Start)
            .Select(s => s.Name["overture.boot.".Length..]));
        var firstRun = Assert.Single(spans, s => s.Name == "overture.first_run");
        Assert.True(firstRun.Start >= boot.End - TimeSpan.FromMilliseconds(100));
        Assert.True(firstRun.End > firstRun.Start);
    }

    [Fact]
    public async Task Launch_Converged_SendsMetricsAndLogsToo()
    {
        var launched = await stack.Json("launch", "-c", stack.Example, "--wait", "--timeout", "5m");
        var (trace, name) = (launched["traceId"]!.GetValue<string>(), Stack.Instances(launched).Single()["certname"]!.GetValue<string>());
        await Eventually.True(() => stack.Otlp.Lines.Any(l => l.Service == "overture-conductor" && l.TraceId == trace
            && l.Text.Contains(name, StringComparison.Ordinal)), $"a log line of the launch of {name} arrives");
        // metrics are sent once a minute
        (string Service, string Metric)[] expected =
        [
            ("overture-conductor", "overture.instance.converge.duration"), ("overture-conductor", "overture.instances"),
            ("overture-conductor", "overture.launches"), ("overture-conductor", "overture.reports"),
            ("overture-certauthority", "overture.csr.decisions"), ("overture-certauthority", "overture.sign.duration"),
            ("overture-certauthority", "overture.expiry.time"), ("overture-classifier", "overture.classify.duration"),
            ("overture-classifier", "overture.store.duration"), ("overture-classifier", "overture.ready"),
        ];
        await Eventually.True(() => expected.All(m => stack.Otlp.Metrics(m.Service).Contains(m.Metric)), "all metrics arrive: missing "
            + string.Join(", ", expected.Where(m => !stack.Otlp.Metrics(m.Service).Contains(m.Metric))));
    }

    // Each service sends its spans in their order: once it sent one that began now, it has sent all before.
    private async Task AllSent()
    {
        var now = TimeProvider.System.GetUtcNow();
        foreach (var kind in new[] { "instance", "certificate", "node" })
            (await stack.Overture(kind, "list")).Ok();
        await Eventually.True(() => new[] { "conductor", "certauthority", "classifier" }.All(s => stack.Otlp.Sent($"overture-{s}", now)),
            "each service sends what it has", TimeSpan.FromMinutes(1));
    }
}
