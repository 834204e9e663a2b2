using Grpc.Net.Client;

namespace Overture.Compat.Tests.Calls;

public sealed class CallCredentialsTests
{
    [Fact]
    public async Task Composed_OnACall_AddTheirHeadersInOrder()
    {
        await using var host = await ProbeHost.StartAsync();
        using var channel = GrpcChannel.ForAddress(
            host.Address,
            new GrpcChannelOptions { UnsafeUseInsecureChannelCallCredentials = true, Credentials = ChannelCredentials.Insecure });
        var credentials = CallCredentials.Compose(Adding("first"), Adding("second"));

        await new Probe.ProbeClient(channel).EchoAsync(
            new EchoRequest(), new CallOptions().WithCredentials(credentials));

        Assert.Equal("first:Echo, second:Echo", Assert.Single(host.Seen.Calls).Headers.GetValue("credential"));
    }

    [Fact]
    public async Task OnAPlaintextChannel_NotAllowedExplicitly_AreNotSent()
    {
        await using var host = await ProbeHost.StartAsync();

        await host.Client.EchoAsync(new EchoRequest(), new CallOptions().WithCredentials(Adding("secret")));

        Assert.Null(Assert.Single(host.Seen.Calls).Headers.Get("credential"));
    }

    private static CallCredentials Adding(string name) => CallCredentials.FromInterceptor((context, metadata) =>
    {
        metadata.Add("credential", $"{name}:{context.MethodName}");
        return Task.CompletedTask;
    });
}
