using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Overture.Platform.Connections;

/// <summary>
/// Kestrel's sockets, but a connection that is not admitted is closed before the next one is accepted: a flood never has more files than
/// the limits say, however late the rest of the process gets its turn. A listener without limits can't be bound. Its socket may outlive this
/// process (<see cref="KeptListeners"/>).
/// </summary>
internal sealed class AdmittingTransport(IOptions<SocketTransportOptions> options, ILoggerFactory loggers, ListenerSet listeners,
    KeptListeners kept) : IConnectionListenerFactory
{
    private readonly SocketTransportFactory sockets = new(options, loggers);

    public async ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        var open = listeners.Of(endpoint);
        return new Admitting(await sockets.BindAsync(endpoint, cancellationToken), open, () => kept.Leave(endpoint));
    }

    private sealed class Admitting(IConnectionListener inner, OpenConnections open, Action leave) : IConnectionListener
    {
        public EndPoint EndPoint => inner.EndPoint;

        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
        {
            while (await inner.AcceptAsync(cancellationToken) is { } connection)
            {
                if (open.Admit(connection) is { } admitted)
                {
                    connection.Features.Set(admitted);
                    return connection;
                }
                connection.Abort(new ConnectionAbortedException("not admitted"));
                await connection.DisposeAsync();
            }
            return null;
        }

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
        {
            leave();
            return inner.UnbindAsync(cancellationToken);
        }

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
