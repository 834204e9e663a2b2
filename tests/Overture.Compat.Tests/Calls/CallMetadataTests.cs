namespace Overture.Compat.Tests.Calls;

public sealed class CallMetadataTests
{
    private static readonly byte[] AllBytes = [.. Enumerable.Range(0, 256).Select(i => (byte)i)];

    [Fact]
    public async Task Headers_TextAndBinary_ReachTheServerAndComeBack()
    {
        await using var host = await ProbeHost.StartAsync();
        var headers = new Metadata { { "Probe-Text", "plain" }, { "Probe-bin", AllBytes } };

        using var call = host.Client.EchoAsync(new EchoRequest(), headers);
        var responseHeaders = await call.ResponseHeadersAsync;
        await call;

        Assert.Equal("plain", responseHeaders.GetValue("probe-text"));
        Assert.Equal(AllBytes, responseHeaders.GetValueBytes("probe-bin"));
    }

    [Fact]
    public async Task Trailers_TextAndBinary_AreThereWhenTheCallHasEnded()
    {
        await using var host = await ProbeHost.StartAsync();
        var headers = new Metadata { { "probe-text", "plain" }, { "probe-bin", AllBytes } };

        using var call = host.Client.EchoAsync(new EchoRequest(), headers);
        await call;

        var trailers = call.GetTrailers();
        Assert.Equal("plain", trailers.GetValue("probe-end"));
        Assert.Equal(AllBytes, trailers.GetValueBytes("probe-end-bin"));
        Assert.Equal(Status.DefaultSuccess.StatusCode, call.GetStatus().StatusCode);
    }

    [Fact]
    public async Task Status_AskedBeforeTheEnd_Throws()
    {
        await using var host = await ProbeHost.StartAsync();

        using var call = host.Client.HangAsync(new EchoRequest());

        Assert.Throws<InvalidOperationException>(() => call.GetStatus());
        Assert.Throws<InvalidOperationException>(() => call.GetTrailers());
    }

    [Fact]
    public async Task Context_OfACall_NamesMethodPeerAndNoDeadline()
    {
        await using var host = await ProbeHost.StartAsync();

        await host.Client.EchoAsync(new EchoRequest());

        var seen = Assert.Single(host.Seen.Calls);
        Assert.Equal("/overture.compat.tests.Probe/Echo", seen.Method);
        Assert.StartsWith("ipv4:127.0.0.1:", seen.Peer, StringComparison.Ordinal);
        Assert.Equal(DateTime.MaxValue, seen.Deadline);
        Assert.False(seen.PeerAuthenticated);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("deflate")]
    public async Task Compression_AskedForByTheCaller_IsUsedBothWays(string encoding)
    {
        await using var host = await ProbeHost.StartAsync(responseEncoding: encoding);
        var text = new string('x', 50_000);
        var headers = new Metadata { { "grpc-internal-encoding-request", encoding } };

        var reply = await host.Client.EchoAsync(new EchoRequest { Text = text }, headers);

        Assert.Equal(text, reply.Text);
        Assert.Equal((encoding, encoding), (host.Seen.RequestEncoding, host.Seen.ResponseEncoding));
        Assert.InRange(host.Seen.BytesReceived, 1, text.Length / 10);
    }

    [Fact]
    public async Task Compression_OnAStream_LeavesEveryMessageWhole()
    {
        await using var host = await ProbeHost.StartAsync(responseEncoding: "gzip");
        var headers = new Metadata { { "grpc-internal-encoding-request", "gzip" } };
        using var call = host.Client.Double(headers);

        for (var value = 1; value <= 20; value++)
        {
            await call.RequestStream.WriteAsync(new Number { Value = value });
        }

        await call.RequestStream.CompleteAsync();
        var values = await call.ResponseStream.ReadAllAsync().Select(number => number.Value).ToListAsync();
        Assert.Equal(Enumerable.Range(1, 20).Select(i => 2L * i), values);
    }
}
