using System.Diagnostics;
using Overture.Platform.Telemetry;

namespace Overture.Platform.Tests;

public sealed class FlowTelemetryTests : IDisposable
{
    private readonly List<Activity> ended = [];
    private readonly ActivityListener listener;

    public FlowTelemetryTests()
    {
        listener = new ActivityListener
        {
            ShouldListenTo = s => s.Name == FlowTelemetry.SourceName,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = a =>
            {
                lock (ended)
                    ended.Add(a);
            },
        };
        ActivitySource.AddActivityListener(listener);
    }

    [Fact]
    public void Step_WithALaunchContext_JoinsThatTraceAndLinksTheRequest()
    {
        const string Trace = "0af7651916cd43dd8448eb211c80319c";
        using var request = new Activity("request").SetIdFormat(ActivityIdFormat.W3C).Start();
        using (FlowTelemetry.Step(FlowTelemetry.Sign, $"00-{Trace}-b7ad6b7169203331-01", "step-with-context"))
        {
        }
        var step = Ended("step-with-context");
        Assert.Equal(Trace, step.TraceId.ToString());
        Assert.Equal("b7ad6b7169203331", step.ParentSpanId.ToString());
        Assert.Equal(request.TraceId, Assert.Single(step.Links).Context.TraceId);
    }

    [Fact]
    public void Phase_WhenOver_HasItsTrueStartAndEnd()
    {
        var start = new DateTimeOffset(2026, 11, 22, 1, 2, 3, TimeSpan.Zero);
        FlowTelemetry.Phase(FlowTelemetry.Boot, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "phase", start,
            start.AddSeconds(7));
        var phase = Ended("phase");
        Assert.Equal(start.UtcDateTime, phase.StartTimeUtc);
        Assert.Equal(TimeSpan.FromSeconds(7), phase.Duration);
    }

    public void Dispose() => listener.Dispose();

    private Activity Ended(string certname)
    {
        lock (ended)
            return ended.Single(a => certname.Equals(a.GetTagItem(FlowTelemetry.CertNameTag)));
    }
}
