using System.Text;
using Overture.TestSupport;

namespace Overture.EndToEnd.Tests;

/// <summary>
/// The whole tree of spans of an instance that converged and of one that was refused, as a collector receives them over OTLP, with metrics.
/// Agents are simulated and instances registered, so there are no stages of cloud-init and no boot.
/// </summary>
[Collection(nameof(SpanTreeCollection))]
[Trait("Category", "e2e")]
public sealed class SpanTreeTests : IAsyncLifetime
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);
    private readonly ReplicaStack stack = new();
    private OtlpReceiver otlp = null!;

    public async Task InitializeAsync()
    {
        otlp = await OtlpReceiver.Start();
        stack.Environment = new Dictionary<string, string>
        {
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = $"http://127.0.0.1:{otlp.Port}", ["OTEL_BSP_SCHEDULE_DELAY"] = "200",
            ["OTEL_METRIC_EXPORT_INTERVAL"] = "1000",
        };
        await stack.InitializeAsync();
    }

    public async Task DisposeAsync()
    {
        await stack.DisposeAsync();
        await otlp.DisposeAsync();
    }

    [Fact]
    public async Task ConvergedAndRefused_HaveTheirWholeTree()
    {
        // 1. one that converges
        var agent = new SimulatedAgent(stack, 1);
        await agent.Live();
        await HasTree(agent.Name, "launch(classify collect csr.decide first_run report sign)");
        // 2. one whose token is wrong
        var refused = (await stack.Conductors[0].Conductor.RegisterInstanceAsync(new() { Spec = SimulatedAgent.Spec() })).Instance;
        using (var key = CsrBuilder.EcKey())
        {
            await using var link = await AgentLink.Open(stack.CertAuthorities[0].PuppetPort, stack.Roots);
            var put = AgentLink.Request("PUT", $"certificate_request/{refused.Certname}",
                Encoding.ASCII.GetBytes(new CsrBuilder(refused.Certname, key).Challenge("wrong").Pem()));
            Assert.Equal(403, (await link.Send(put)).Status);
        }
        await HasTree(refused.Certname, "launch(csr.decide)");
        var decided = Assert.Single(otlp.Trace(refused.TraceId), s => s.Name == "overture.csr.decide");
        Assert.Equal(("overture-certauthority", "TOKEN_MISMATCH", refused.Certname),
            (decided.Service, decided.Attributes["overture.reason"], decided.Attributes["overture.certname"]));
        // metrics of the same
        await Eventually.True(() => otlp.Metrics("overture-conductor").Contains("overture.instances")
            && otlp.Metrics("overture-certauthority").Contains("overture.csr.decisions")
            && otlp.Metrics("overture-classifier").Contains("overture.classify.duration"), "metrics arrive", Limit);
    }

    // By names: one span of each name below a span, without those of requests that were served.
    private async Task HasTree(string certname, string expected)
    {
        var trace = (await stack.Conductors[0].Conductor.GetInstanceAsync(new() { Certname = certname })).Instance.TraceId;
        var tree = "";
        try
        {
            await Eventually.True(() => (tree = Tree(trace)) == expected, expected, Limit);
        }
        catch (TimeoutException)
        {
            Assert.Equal(expected, tree);
        }
    }

    private string Tree(string trace)
    {
        var spans = otlp.Trace(trace);
        return string.Join(' ', spans.Where(s => s.Name == "overture.launch").Select(s => Below(s, spans)));
    }

    private static string Below(ReceivedSpan span, IReadOnlyList<ReceivedSpan> spans)
    {
        var children = Children(span.SpanId, spans).Select(s => Below(s, spans)).Distinct().Order(StringComparer.Ordinal).ToList();
        var isRoot = span.Name == "overture.launch";
        return span.Name["overture.".Length..] + (children.Count > 0 || isRoot ? $"({string.Join(' ', children)})" : "");
    }

    private static IEnumerable<ReceivedSpan> Children(string parent, IReadOnlyList<ReceivedSpan> spans) => spans
        .Where(s => s.ParentId == parent)
        .SelectMany(s => s.Name.StartsWith("overture.", StringComparison.Ordinal) ? [s] : Children(s.SpanId, spans));
}

/// <summary>Six processes of its own: not beside others.</summary>
[CollectionDefinition(nameof(SpanTreeCollection), DisableParallelization = true)]
public sealed class SpanTreeCollection;
