using System.Net;
using Microsoft.AspNetCore.Connections;

namespace Overture.CertAuthority.PuppetApi.Limits;

/// <summary>
/// Counts, below TLS, the connections of each address that have not completed a request. An address at its limit gets no further one, so
/// that a flood from one place leaves room for all others (threats T63).
/// </summary>
internal sealed class OpenConnections(PuppetLimitOptions limits, Budgets budgets)
{
    private readonly Lock gate = new();
    private readonly Dictionary<AddressKey, int> unfinished = [];
    private int open;

    /// <summary>
    /// More than half of all connections are taken. Answers then close theirs, else one address could fill the listener with idle ones that
    /// have each completed a request.
    /// </summary>
    public bool Crowded => Volatile.Read(ref open) > limits.Connections / 2;

    /// <summary>From the first byte to the end of a connection.</summary>
    public async Task Run(ConnectionContext connection, ConnectionDelegate next)
    {
        var address = AddressKey.Of((connection.RemoteEndPoint as IPEndPoint)?.Address);
        if (!Enter(address))
        {
            LimitMetrics.Count(LimitKind.Connection);
            connection.Abort(new ConnectionAbortedException("too many connections of this address without a request"));
            return;
        }
        var state = new OpenConnection(() => Leave(address));
        connection.Features.Set(state);
        Interlocked.Increment(ref open);
        try
        {
            await next(connection);
        }
        finally
        {
            Interlocked.Decrement(ref open);
            // No handshake, no headers, or not HTTP.
            if (state.Finish())
                budgets.Failures.Spend(address);
        }
    }

    private bool Enter(AddressKey address)
    {
        lock (gate)
        {
            var count = unfinished.GetValueOrDefault(address);
            if (count >= limits.UnfinishedPerAddress)
                return false;
            unfinished[address] = count + 1;
            return true;
        }
    }

    private void Leave(AddressKey address)
    {
        lock (gate)
        {
            if (unfinished[address] == 1)
                unfinished.Remove(address);
            else
                unfinished[address]--;
        }
    }
}

/// <summary>A connection that counts as unfinished until <see cref="Finish"/>; a feature of it.</summary>
internal sealed class OpenConnection(Action leave)
{
    private int finished;

    /// <returns>False: it had completed a request before.</returns>
    public bool Finish()
    {
        if (Interlocked.Exchange(ref finished, 1) == 1)
            return false;
        leave();
        return true;
    }
}
