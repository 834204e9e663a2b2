using Overture.TestSupport;

namespace Overture.EndToEnd.Tests;

/// <summary>One trace from launch to first good run, as a collector receives it.</summary>
[Collection(nameof(StackCollection))]
[Trait("Category", "e2e")]
public sealed class TraceTests(Stack stack)
{
    [Fact]
    public async Task Launch_Converged_IsOneTreeOfSpansWithTrueTimes()
    {
        var launched = await stack.Json("launch", "-c", stack.Example, "--wait", "--timeout", "5m");
        var trace = launched["traceId"]!.GetValue<string>();
        string[] expected = ["overture.launch", "overture.provider.start", "overture.boot", "overture.csr.decide", "overture.sign",
            "overture.collect", "overture.classify", "overture.first_run", "overture.report",
            // what the instance itself reports of cloud-init's stages
            "overture.boot.init_local", "overture.boot.init", "overture.boot.config", "overture.boot.final"];
        await Eventually.True(() => expected.All(n => stack.Otlp.Trace(trace).Any(s => s.Name == n)),
            $"all of {string.Join(", ", expected)} arrive; there are {string.Join(", ", stack.Otlp.Trace(trace).Select(s => s.Name))}",
            TimeSpan.FromSeconds(30));

        var spans = stack.Otlp.Trace(trace);
        var launch = Assert.Single(spans, s => s.Name == "overture.launch");
        Assert.Equal("overture-conductor", launch.Service);
        Assert.Equal("overture-certauthority", Assert.Single(spans, s => s.Name == "overture.sign").Service);
        Assert.All(spans.Where(s => s.Name == "overture.classify"), s => Assert.Equal("overture-classifier", s.Service));
        // Each step hangs below the launch, directly or through another step.
        foreach (var name in expected.Skip(1))
            Assert.Contains(spans.Where(s => s.Name == name), s => DescendsFrom(s, launch, spans));

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
            && l.Text.Contains(name, StringComparison.Ordinal)), $"a log line of the launch of {name} arrives", TimeSpan.FromSeconds(30));
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
            + string.Join(", ", expected.Where(m => !stack.Otlp.Metrics(m.Service).Contains(m.Metric))), TimeSpan.FromSeconds(90));
    }

    private static bool DescendsFrom(ReceivedSpan span, ReceivedSpan ancestor, IReadOnlyList<ReceivedSpan> spans)
    {
        for (var at = span; at is not null; at = spans.FirstOrDefault(s => s.SpanId == at.ParentId))
        {
            if (at.ParentId == ancestor.SpanId)
                return true;
        }
        return false;
    }
}
