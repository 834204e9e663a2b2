using System.Net;
using Microsoft.AspNetCore.Connections;

namespace Overture.Platform.Connections;

/// <summary>A connection that was admitted; a feature of itself, so that middleware and requests find it.</summary>
public sealed class OpenConnection
{
    // Repeated refusals by a budget: a flood, or an agent that runs wild. Either may connect again.
    private const int MaxRefusals = 20;
    private readonly OpenConnections all;
    private int requests, refusals;

    internal OpenConnection(OpenConnections all, ConnectionContext connection, Share share)
    {
        (this.all, Connection, Share) = (all, connection, share);
        Node = new(this);
    }

    public AddressKey Address => Share.Address;

    /// <summary>It has completed a request.</summary>
    public bool Finished { get; internal set; }

    internal ConnectionContext Connection { get; }
    internal IPAddress? Peer => (Connection.RemoteEndPoint as IPEndPoint)?.Address;
    internal Share Share { get; }
    internal LinkedListNode<OpenConnection> Node { get; }

    /// <summary>It showed a certificate that is good here.</summary>
    internal bool Certified { get; set; }

    /// <summary>It made room for another and is being closed.</summary>
    internal bool GaveWay { get; set; }

    internal long TouchedAt { get; set; }

    /// <summary>A request has begun.</summary>
    /// <returns>True: its answer must be the last of this connection.</returns>
    internal bool Begin() => Interlocked.Increment(ref requests) >= all.RequestsPerConnection || Volatile.Read(ref refusals) >= MaxRefusals
        || all.Crowded;

    /// <summary>A request was answered.</summary>
    /// <param name="refused">By a budget.</param>
    internal void Answered(bool refused)
    {
        if (refused)
            Interlocked.Increment(ref refusals);
        all.Finish(this);
    }

    internal void Certify() => all.Certify(this);

    internal void Leave() => all.Leave(this);
}

/// <summary>What one address has of a listener. Its owner locks.</summary>
internal sealed class Share
{
    public Share(AddressKey address)
    {
        Address = address;
        (InAll, InUncertified) = (new(this), new(this));
    }

    public AddressKey Address { get; }
    public int Open => Uncertified.Count + Certified.Count;
    public int Unfinished { get; set; }

    /// <summary>Those that did nothing for longest first.</summary>
    public LinkedList<OpenConnection> Uncertified { get; } = [];
    public LinkedList<OpenConnection> Certified { get; } = [];

    /// <summary>Its places in both rankings.</summary>
    public LinkedListNode<Share> InAll { get; }
    public LinkedListNode<Share> InUncertified { get; }
}

/// <summary>Shares by a count that goes up and down by one: who has most is known at once, however many there are.</summary>
internal sealed class Ranking
{
    private readonly List<LinkedList<Share>> byCount = [[]];
    private int most;

    /// <summary>One of those with most; null: there is none with any.</summary>
    public Share? First => most > 0 ? byCount[most].First!.Value : null;

    public void Move(LinkedListNode<Share> node, int to)
    {
        node.List?.Remove(node);
        while (byCount.Count <= to)
            byCount.Add([]);
        if (to > 0)
            byCount[to].AddLast(node);
        most = Math.Max(most, to);
        while (most > 0 && byCount[most].Count == 0)
            most--;
    }
}
