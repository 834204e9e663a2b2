using System.Collections.Concurrent;
using Grpc.Core;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Rpc;
using Overture.Platform.Tls;

namespace Overture.Console.Tests.Fakes;

/// <summary>What the three services are asked, by whom; and what they answer.</summary>
internal sealed class World
{
    private List<Instance> fleet = Sorted(Scene.Fleet());

    /// <summary>The newest first, sorted once and not for each answer.</summary>
    public List<Instance> Fleet { get => fleet; set => fleet = Sorted(value); }

    /// <summary>"TerminateInstance NAME by jo (operator), by console".</summary>
    public ConcurrentQueue<string> Acts { get; } = new();

    /// <summary>Definitions with their versions; of the empty name the layers.</summary>
    public ConcurrentDictionary<string, (string Document, int Version)> Documents { get; } = new();

    /// <summary>Reasons that came with what was only to be validated.</summary>
    public ConcurrentDictionary<string, string> LookedAt { get; } = new();

    /// <summary>Each call, by its method: "/overture.conductor.v1.ConductorService/ListInstances".</summary>
    public ConcurrentQueue<string> Calls { get; } = new();

    public ConcurrentQueue<WatchInstancesRequest> Watches { get; } = new();

    /// <summary>Of sessions, by nonce: what the registry would keep.</summary>
    public ConcurrentDictionary<string, SessionMark> Marks { get; } = new();

    /// <summary>Calls of MarkSession, answered or not.</summary>
    public ConcurrentQueue<SessionMark> Asks { get; } = new();

    /// <summary>Services that answer nothing.</summary>
    public ConcurrentDictionary<Role, bool> Away { get; } = new();

    public Instance Of(string certname) => Fleet.Find(i => i.Certname == certname)
        ?? throw new FaultException(FaultKind.NotFound, Reason.NotFound, $"there is no instance {certname}");

    public IEnumerable<Instance> Matching(InstanceFilter filter) => Fleet.Where(i =>
        (filter.States.Count == 0 || filter.States.Contains(i.State))
        && (filter.Conditions.Count == 0 || i.Conditions.Any(c => filter.Conditions.Contains(c.Type)))
        && (filter.Profile.Length == 0 || i.Profile == filter.Profile) && i.Certname.StartsWith(filter.Prefix, StringComparison.Ordinal));

    private static List<Instance> Sorted(List<Instance> some) => [.. some.OrderByDescending(i => i.CreatedAt)];

    public event Action<Instance>? Changed;

    public void Change(Instance instance) => Changed?.Invoke(instance);

    /// <summary>A call came.</summary>
    /// <param name="what">An act, for which it takes a role; empty: it only reads.</param>
    /// <exception cref="FaultException">The service is away, or the caller may not.</exception>
    public PeerIdentity Asked(ServerCallContext context, Role service, string what = "")
    {
        Calls.Enqueue(context.Method);
        if (Away.ContainsKey(service))
            throw new FaultException(FaultKind.Unavailable, Reason.StoreUnavailable, "the object store does not answer");
        var peer = context.Peer();
        if (what.Length > 0)
        {
            if (!peer.Roles.Overlaps([Role.Operator, Role.Admin]))
                throw new FaultException(FaultKind.Denied, Reason.RoleMissing, $"{peer.Caller} may not do that");
            Acts.Enqueue($"{what} by {peer.Caller}");
        }
        return peer;
    }
}
