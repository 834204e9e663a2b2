using Google.Protobuf.Reflection;
using Overture.Protos;

namespace Overture.Platform.Tls;

/// <summary>
/// Which roles may call which RPC: of our own what their protos say (protos/overture/roles.proto), of others a row each. Deny by default;
/// the start is refused while an RPC that is served has no roles here, or a row names an RPC that is not served.
/// </summary>
public sealed class RoleTable
{
    private readonly Dictionary<string, HashSet<Role>> rows = [];
    private readonly HashSet<string> unscoped = new(StringComparer.Ordinal);

    /// <param name="service">Full service name, e.g. overture.conductor.v1.ConductorService</param>
    /// <param name="rpc">Method name.</param>
    /// <param name="roles">At least one.</param>
    public RoleTable Allow(ServiceDescriptor service, string rpc, params Role[] roles)
    {
        rows.Add($"/{service.FullName}/{rpc}", [.. roles]);
        return this;
    }

    /// <summary>A row for each RPC of services whose protos name the roles.</summary>
    /// <exception cref="InvalidOperationException">A proto names a role that there is not.</exception>
    public RoleTable Add(IEnumerable<ServiceDescriptor> services)
    {
        foreach (var method in services.SelectMany(s => s.Methods))
        {
            Role[] roles = [.. Named(method)];
            Allow(method.Service, method.Name, roles);
            if (!roles.Contains(Role.Viewer) && Option(method)?.Scoped != true)
                unscoped.Add($"/{method.Service.FullName}/{method.Name}");
        }
        return this;
    }

    public bool Allows(string method, PeerIdentity peer) => rows.TryGetValue(method, out var roles) && roles.Overlaps(peer.Roles);

    /// <summary>
    /// Whether a certificate with a scope may call it at all: it only reads, or the service holds the scope against what it is about.
    /// </summary>
    public bool TakesScope(string method) => rows.ContainsKey(method) && !unscoped.Contains(method);

    public IReadOnlyCollection<Role> RolesOf(string method) => rows.TryGetValue(method, out var roles) ? roles : [];

    /// <summary>Every gap between this table and the services served; the start is refused unless empty.</summary>
    public IReadOnlyList<string> Gaps(IEnumerable<ServiceDescriptor> served)
    {
        var methods = served.SelectMany(s => s.Methods.Select(m => $"/{s.FullName}/{m.Name}")).ToHashSet(StringComparer.Ordinal);
        return
        [
            .. methods.Where(m => !rows.TryGetValue(m, out var roles) || roles.Count == 0).Select(m => $"{m} has no roles"),
            .. rows.Keys.Where(m => !methods.Contains(m)).Select(m => $"{m} is not served"),
        ];
    }

    private static IEnumerable<Role> Named(MethodDescriptor method) =>
        (Option(method)?.AnyOf ?? []).Select(named =>
            Enum.TryParse<Role>(named.ToString(), out var role) && Enum.IsDefined(role) && named != Protos.Role.Unspecified ? role
                : throw new InvalidOperationException($"{method.FullName}: there is no role {named}"));

    private static Roles? Option(MethodDescriptor method) => method.GetOptions()?.GetExtension(RolesExtensions.Roles);
}
