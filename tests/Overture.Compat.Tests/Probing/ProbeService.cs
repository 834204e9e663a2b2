namespace Overture.Compat.Tests;

/// <summary>The server side of the probe, through generated code, as a real service is written.</summary>
internal sealed class ProbeService(ServerObservations seen) : Probe.ProbeBase
{
    public override async Task<EchoReply> Echo(EchoRequest request, ServerCallContext context)
    {
        seen.NoteCall(context);
        seen.Steps.Enqueue("Echo");
        var text = context.RequestHeaders.GetValue("probe-text");
        var bytes = context.RequestHeaders.GetValueBytes("probe-bin");
        if (text is not null && bytes is not null)
        {
            await context.WriteResponseHeadersAsync(new Metadata { { "probe-text", text }, { "probe-bin", bytes } });
            context.ResponseTrailers.Add("probe-end", text);
            context.ResponseTrailers.Add("probe-end-bin", bytes);
        }

        if (request.Crash)
        {
            throw new InvalidOperationException("A detail that must not leave the server.");
        }

        return request.FailWith == 0
            ? new EchoReply { Text = request.Text }
            : throw new RpcException(
                new Status((StatusCode)request.FailWith, request.Text), new Metadata { { "reason-bin", [1, 2, 255] } });
    }

    public override async Task<Number> Sum(IAsyncStreamReader<Number> requestStream, ServerCallContext context)
    {
        var sum = 0L;
        await foreach (var number in requestStream.ReadAllAsync(context.CancellationToken))
        {
            sum += number.Value;
        }

        return new Number { Value = sum };
    }

    public override async Task Count(Number request, IServerStreamWriter<Number> responseStream, ServerCallContext context)
    {
        for (var i = 1L; i <= request.Value; i++)
        {
            await responseStream.WriteAsync(new Number { Value = i }, context.CancellationToken);
        }
    }

    public override async Task Double(
        IAsyncStreamReader<Number> requestStream, IServerStreamWriter<Number> responseStream, ServerCallContext context)
    {
        while (await requestStream.MoveNext())
        {
            await responseStream.WriteAsync(new Number { Value = 2 * requestStream.Current.Value });
        }
    }

    public override async Task<EchoReply> Hang(EchoRequest request, ServerCallContext context)
    {
        seen.NoteCall(context);
        await UntilCancelled(context);
        return new EchoReply();
    }

    public override async Task HangAfterOne(
        Number request, IServerStreamWriter<Number> responseStream, ServerCallContext context)
    {
        await responseStream.WriteAsync(request);
        await UntilCancelled(context);
    }

    private async Task UntilCancelled(ServerCallContext context)
    {
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = context.CancellationToken.Register(cancelled.SetResult);
        seen.NoteStarted();
        await cancelled.Task;
        seen.NoteCancelled();
    }
}
