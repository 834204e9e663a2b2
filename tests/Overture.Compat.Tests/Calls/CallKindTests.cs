using Grpc.Net.Client;

namespace Overture.Compat.Tests.Calls;

public sealed class CallKindTests
{
    [Fact]
    public async Task Unary_Awaited_BringsTheResponse()
    {
        await using var host = await ProbeHost.StartAsync();

        var reply = await host.Client.EchoAsync(new EchoRequest { Text = "grüße" });

        Assert.Equal("grüße", reply.Text);
    }

    [Fact]
    public async Task Unary_Blocking_BringsTheResponse()
    {
        await using var host = await ProbeHost.StartAsync();

        var reply = await Task.Run(() => host.Client.Echo(new EchoRequest { Text = "blocking" }));

        Assert.Equal("blocking", reply.Text);
    }

    [Fact]
    public async Task ClientStreaming_Completed_BringsOneResponseForAllRequests()
    {
        await using var host = await ProbeHost.StartAsync();
        using var call = host.Client.Sum();

        foreach (var value in new[] { 1, 20, 300 })
        {
            await call.RequestStream.WriteAsync(new Number { Value = value });
        }

        Assert.False(call.ResponseAsync.IsCompleted);
        await call.RequestStream.CompleteAsync();
        Assert.Equal(321, (await call).Value);
    }

    [Fact]
    public async Task ServerStreaming_ReadAllAsync_BringsEveryResponseInOrder()
    {
        await using var host = await ProbeHost.StartAsync();
        using var call = host.Client.Count(new Number { Value = 200 });

        var values = new List<long>();
        await foreach (var number in call.ResponseStream.ReadAllAsync())
        {
            values.Add(number.Value);
        }

        Assert.Equal(Enumerable.Range(1, 200).Select(i => (long)i), values);
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
    }

    [Fact]
    public async Task DuplexStreaming_AnswerAwaitedBeforeNextRequest_GoesBackAndForth()
    {
        await using var host = await ProbeHost.StartAsync();
        using var call = host.Client.Double();

        for (var value = 1; value <= 5; value++)
        {
            await call.RequestStream.WriteAsync(new Number { Value = value });
            Assert.True(await call.ResponseStream.MoveNext());
            Assert.Equal(2 * value, call.ResponseStream.Current.Value);
        }

        await call.RequestStream.CompleteAsync();
        Assert.False(await call.ResponseStream.MoveNext());
    }

    [Fact]
    public async Task Unary_LargeMessage_ArrivesWhole()
    {
        await using var host = await ProbeHost.StartAsync();
        var text = string.Concat(Enumerable.Range(0, 300_000).Select(i => (char)('a' + i % 26)));

        var reply = await host.Client.EchoAsync(new EchoRequest { Text = text });

        Assert.Equal(text, reply.Text);
    }

    [Fact]
    public async Task Definition_BoundToAnInstance_ServesAllItsMethods()
    {
        await using var host = await ProbeHost.StartBoundAsync();

        var reply = await host.Client.EchoAsync(new EchoRequest { Text = "bound" });
        using var call = host.Client.Count(new Number { Value = 3 });

        Assert.Equal("bound", reply.Text);
        Assert.Equal([1, 2, 3], await call.ResponseStream.ReadAllAsync().Select(number => number.Value).ToListAsync());
    }

    [Fact]
    public async Task Channel_Target_IsTheAddressWithoutScheme()
    {
        await using var host = await ProbeHost.StartAsync();
        ChannelBase channel = host.Channel;

        Assert.Equal(new Uri(host.Address).Authority, channel.Target);
        Assert.IsType<GrpcChannel>(channel);
    }
}
