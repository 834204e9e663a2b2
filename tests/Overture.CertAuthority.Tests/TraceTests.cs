using System.Collections.Concurrent;
using System.Diagnostics;
using Overture.Platform.Telemetry;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>CertAuthority's steps are spans of the launch's trace.</summary>
[Collection(CaCollection.Name), Trait("Category", "integration")]
public sealed class TraceTests(CaFixture house)
{
    [Fact]
    public async Task Enrolment_IsThreeSpansOfTheLaunch()
    {
        var spans = new ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == FlowTelemetry.SourceName,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = spans.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        var instance = await house.Launch(l => l.Traceparent = "00-11111111111111111111111111111111-2222222222222222-01");
        using var key = CsrBuilder.EcKey();

        (await house.Ca.Put(instance, key)).Dispose();
        await house.Ca.Certificate(instance.Name);
        await house.Ca.Certificate(instance.Name);

        var own = spans.Where(s => (string?)s.GetTagItem(FlowTelemetry.CertNameTag) == instance.Name.ToString()).ToList();
        Assert.Equal([FlowTelemetry.DecideRequest, FlowTelemetry.Sign, FlowTelemetry.Collect], own.Select(s => s.OperationName));
        Assert.All(own, s =>
            Assert.Equal(("11111111111111111111111111111111", "2222222222222222"), (s.TraceId.ToString(), s.ParentSpanId.ToString())));
        Assert.Equal("TOKEN_ACCEPTED", own[0].GetTagItem(FlowTelemetry.ReasonTag));
    }
}
