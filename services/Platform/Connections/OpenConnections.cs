using System.Net;
using Microsoft.AspNetCore.Connections;
using Overture.Platform.Rpc;

namespace Overture.Platform.Connections;

/// <summary>
/// Who may open a connection to a listener, decided when it is accepted and before it costs a handshake (threats T63). An address has its
/// limits; when the listener is full, the address with most of it gives way to one that has less, those without a client certificate before
/// those with one. So a few addresses can never shut out others, and a whole site behind one address may have what no other address needs.
/// </summary>
public sealed class OpenConnections
{
    // Closing takes a moment; no more are closed at once than the reserve of files bears.
    private const int MaxGivingWay = 64;
    private readonly Lock gate = new();
    private readonly Dictionary<AddressKey, Share> shares = [];
    private readonly Ranking all = new(), uncertified = new();
    private readonly string listener;
    private readonly ListenerLimits limits;
    private readonly ConnectionLog log;
    private readonly TimeProvider clock;
    private int open, givingWay;

    internal OpenConnections(string listener, ListenerLimits limits, ConnectionLog log, TimeProvider clock) =>
        (this.listener, this.limits, this.log, this.clock) = (listener, limits, log, clock);

    /// <summary>More than half of all connections are taken: answers of HTTP/1.1 then close theirs.</summary>
    internal bool Crowded => limits is HttpListenerLimits && Volatile.Read(ref open) > limits.Connections / 2;

    internal int RequestsPerConnection => (limits as HttpListenerLimits)?.RequestsPerConnection ?? int.MaxValue;

    internal int Open => Volatile.Read(ref open);

    /// <summary>Decides on a connection that was accepted just now.</summary>
    /// <returns>Null: it is to be closed at once. Else it counts until it leaves.</returns>
    internal OpenConnection? Admit(ConnectionContext connection)
    {
        var peer = (connection.RemoteEndPoint as IPEndPoint)?.Address;
        var address = AddressKey.Of(peer);
        OpenConnection? admitted = null, victim = null;
        string? refusal;
        lock (gate)
        {
            var share = shares.GetValueOrDefault(address) ?? new Share(address);
            refusal = share.Open >= limits.PerAddress ? ConnectionCause.PerAddress : share.Unfinished >= limits.UnfinishedPerAddress
                ? ConnectionCause.Unfinished : null;
            if (refusal is null && open >= limits.Connections)
            {
                victim = givingWay < MaxGivingWay ? Victim(share) : null;
                if (victim is null)
                    refusal = ConnectionCause.Full;
                else
                    GiveWay(victim);
            }
            if (refusal is null)
                Add(admitted = new OpenConnection(this, connection, share));
        }
        if (refusal is not null)
            log.Note(listener, refusal, peer, Why(refusal));
        if (victim is not null)
        {
            log.Note(listener, ConnectionCause.GaveWay, victim.Peer, Why(ConnectionCause.GaveWay));
            victim.Connection.Abort(new ConnectionAbortedException("its address has most connections, and others wait"));
        }
        return admitted;
    }

    /// <summary>It has completed a request, and is the last that would give way.</summary>
    internal void Finish(OpenConnection connection)
    {
        // Of a connection with many requests a second, one look is enough.
        if (connection.Finished && clock.GetElapsedTime(connection.TouchedAt) < TimeSpan.FromSeconds(1))
            return;
        lock (gate)
        {
            connection.TouchedAt = clock.GetTimestamp();
            if (connection.Node.List is not { } list)
                return;
            if (!connection.Finished)
                connection.Share.Unfinished--;
            connection.Finished = true;
            list.Remove(connection.Node);
            list.AddLast(connection.Node);
        }
    }

    internal void Certify(OpenConnection connection)
    {
        lock (gate)
        {
            if (connection.Certified || connection.Node.List is not { } list)
                return;
            connection.Certified = true;
            list.Remove(connection.Node);
            connection.Share.Certified.AddLast(connection.Node);
            Rank(connection.Share);
        }
    }

    internal void Leave(OpenConnection connection)
    {
        lock (gate)
        {
            if (connection.GaveWay)
                givingWay--;
            else
                Remove(connection);
        }
    }

    // Connections without a certificate go first; and never for an address that would then have as many.
    private OpenConnection? Victim(Share newcomer)
    {
        if (uncertified.First is { } strangers && strangers.Uncertified.Count > newcomer.Uncertified.Count + 1)
            return strangers.Uncertified.First!.Value;
        return all.First is { } largest && largest.Open > newcomer.Open + 1
            ? (largest.Uncertified.First ?? largest.Certified.First)!.Value : null;
    }

    private string Why(string cause) => cause switch
    {
        ConnectionCause.PerAddress => $"perAddress is {limits.PerAddress}",
        ConnectionCause.Unfinished => $"unfinishedPerAddress is {limits.UnfinishedPerAddress}, and none of these has completed a request",
        _ => $"connections is {limits.Connections}, and all are taken",
    };

    private void GiveWay(OpenConnection victim)
    {
        Remove(victim);
        victim.GaveWay = true;
        givingWay++;
    }

    private void Add(OpenConnection connection)
    {
        var share = connection.Share;
        shares[share.Address] = share;
        share.Unfinished++;
        share.Uncertified.AddLast(connection.Node);
        open++;
        Rank(share);
    }

    private void Remove(OpenConnection connection)
    {
        if (connection.Node.List is not { } list)
            return;
        var share = connection.Share;
        list.Remove(connection.Node);
        if (!connection.Finished)
            share.Unfinished--;
        open--;
        Rank(share);
        if (share.Open == 0)
            shares.Remove(share.Address);
    }

    private void Rank(Share share)
    {
        all.Move(share.InAll, share.Open);
        uncertified.Move(share.InUncertified, share.Uncertified.Count);
    }
}
