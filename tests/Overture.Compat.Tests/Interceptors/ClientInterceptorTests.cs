using Grpc.Core.Interceptors;

namespace Overture.Compat.Tests.Interceptors;

public sealed class ClientInterceptorTests
{
    private readonly List<string> steps = [];

    [Fact]
    public async Task Unary_ListOfInterceptors_FirstSeesTheCallFirstAndTheResponseLast()
    {
        await using var host = await ProbeHost.StartAsync();
        var client = host.ClientWith(Recording("first"), Recording("second"));

        await client.EchoAsync(new EchoRequest());

        Assert.Equal(["first Echo", "second Echo", "second out", "first out"], steps);
        Assert.Equal("second, first", Assert.Single(host.Seen.Calls).Headers.GetValue("interceptor"));
    }

    [Fact]
    public async Task Unary_InterceptedTwice_LastCallOfInterceptStandsOutside()
    {
        await using var host = await ProbeHost.StartAsync();
        var invoker = host.Channel.Intercept(Recording("near")).Intercept(Recording("far"));

        await new Probe.ProbeClient(invoker).EchoAsync(new EchoRequest());

        Assert.Equal(["far Echo", "near Echo", "near out", "far out"], steps);
    }

    [Fact]
    public async Task WrappedUnary_AfterTheEnd_StillHasHeadersStatusAndTrailers()
    {
        await using var host = await ProbeHost.StartAsync();
        var headers = new Metadata { { "probe-text", "kept" }, { "probe-bin", [9] } };

        using var call = host.ClientWith(Recording("only")).EchoAsync(new EchoRequest(), headers);
        await call;

        Assert.Equal("kept", (await call.ResponseHeadersAsync).GetValue("probe-text"));
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
        Assert.Equal("kept", call.GetTrailers().GetValue("probe-end"));
    }

    [Fact]
    public async Task WrappedUnary_Disposed_CancelsTheCallInside()
    {
        await using var host = await ProbeHost.StartAsync();
        var call = host.ClientWith(Recording("only")).HangAsync(new EchoRequest());
        await host.Seen.OneStartedAsync();

        call.Dispose();

        await host.Seen.OneCancelledAsync();
    }

    [Fact]
    public async Task EveryOtherShape_Intercepted_IsSeenAndWorks()
    {
        await using var host = await ProbeHost.StartAsync();
        var client = host.ClientWith(Recording("only"));

        var streams = await client.EveryStreamAsync();
        var reply = await Task.Run(() => client.Echo(new EchoRequest { Text = "blocking" }));

        Assert.Equal("3; 1,2; 4", streams);
        Assert.Equal("blocking", reply.Text);
        Assert.Equal(["only Sum", "only Count", "only Double", "only Echo"], steps);
    }

    [Fact]
    public async Task Default_OfEveryShape_GoesOnToTheChannel()
    {
        await using var host = await ProbeHost.StartAsync();
        var client = host.ClientWith(new PassingInterceptor());

        Assert.Equal("3; 1,2; 4", await client.EveryStreamAsync());
        Assert.Equal("async", (await client.EchoAsync(new EchoRequest { Text = "async" })).Text);
        Assert.Equal("blocking", (await Task.Run(() => client.Echo(new EchoRequest { Text = "blocking" }))).Text);
    }

    [Fact]
    public async Task HeaderFunction_CallsWithAndWithoutHeaders_ReplacesThem()
    {
        await using var host = await ProbeHost.StartAsync();
        var counts = new List<int>();
        var client = new Probe.ProbeClient(host.Channel.Intercept(headers =>
        {
            counts.Add(headers.Count);
            return new Metadata { { "probe-replaced", "yes" } };
        }));

        await client.EchoAsync(new EchoRequest());
        await client.EchoAsync(new EchoRequest(), new Metadata { { "probe-gone", "1" } });
        await client.EveryStreamAsync();

        Assert.Equal([0, 1, 0, 0, 0], counts);
        Assert.All(host.Seen.Calls, call => Assert.Equal("yes", call.Headers.GetValue("probe-replaced")));
        Assert.All(host.Seen.Calls, call => Assert.Null(call.Headers.Get("probe-gone")));
    }

    private RecordingClientInterceptor Recording(string name) => new(name, steps);
}
