using Grpc.Core;
using Grpc.Net.Client;

namespace Overture.Cli;

/// <summary>A gRPC channel to one service (<see cref="MutualTls"/>).</summary>
internal sealed class Connection : IDisposable
{
    private readonly GrpcChannel channel;

    private Connection(GrpcChannel channel, string address)
    {
        this.channel = channel;
        Address = address;
    }

    /// <summary>HOST:PORT, for messages.</summary>
    public string Address { get; }

    public CallInvoker Calls => channel.CreateCallInvoker();

    /// <inheritdoc cref="MutualTls.Handler"/>
    public static Connection Open(CliConfig config, string address, string key, TimeProvider clock) =>
        new(GrpcChannel.ForAddress($"https://{address}",
            new GrpcChannelOptions { HttpHandler = MutualTls.Handler(config, address, key, clock), DisposeHttpClient = true }), address);

    public void Dispose() => channel.Dispose();
}
