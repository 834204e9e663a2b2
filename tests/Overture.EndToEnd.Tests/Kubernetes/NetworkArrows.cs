using System.Net;
using System.Text.Json.Nodes;
using Overture.TestSupport;

namespace Overture.EndToEnd.Tests.Kubernetes;

/// <summary>
/// Who may open a connection to whom: "conductor certauthority 8141", out of NetworkPolicies and out of docs/architecture.md.
/// </summary>
internal static class NetworkArrows
{
    /// <summary>
    /// Rows "| from | to | port | …" below "Who calls whom", and "| component | from | to | port | …" of the components; several names in
    /// a cell are parted by commas.
    /// </summary>
    public static IReadOnlySet<string> OfTheTable(IReadOnlyCollection<string> components) =>
        Rows("| from |").Concat(Rows("| component |").Where(r => components.Contains(r[0])).Select(r => r[1..]))
            .SelectMany(c => c[0].Split(", ").SelectMany(from => c[1].Split(", ").Select(to => $"{from} {to} {c[2]}"))).ToHashSet();

    /// <param name="problems">What makes a policy no policy: an arrow that only one end allows, a way to the metadata service, no
    /// default.</param>
    /// <param name="all">An overlay.</param>
    public static IReadOnlySet<string> Of(Manifests all, out IReadOnlyList<string> problems)
    {
        var found = new List<string>();
        var components = all.Workloads.Select(w => (w.Component, w.Labels)).ToList();
        if (components.All(c => c.Component != "cli"))
            components.Add(("cli", new Dictionary<string, string> { ["app.kubernetes.io/component"] = "cli" }));
        HashSet<string> leaving = [], entering = [];
        foreach (var policy in all.Of("NetworkPolicy"))
        {
            var title = policy.Name();
            var own = components.Where(c => IsEverybody(policy) || policy.At("spec.podSelector").Selects(c.Labels))
                .Select(c => c.Component).ToList();
            if (own.Count == 0)
                found.Add($"{title} selects no pod");
            // Every pod may ask DNS; it is not in that table.
            foreach (var rule in policy.List("spec.egress").Where(r => !IsDns(r)))
            {
                leaving.UnionWith(own.SelectMany(from => Ends(rule, "to", components, title, found)
                    .SelectMany(to => Ports(rule, title, found).Select(port => Arrow(from, to, port)))));
            }
            foreach (var rule in policy.List("spec.ingress"))
            {
                entering.UnionWith(own.SelectMany(to => Ends(rule, "from", components, title, found)
                    .SelectMany(from => Ports(rule, title, found).Select(port => Arrow(from, to, port)))));
            }
        }
        if (!all.Of("NetworkPolicy").Any(p => IsEverybody(p) && p.Texts("spec.policyTypes").Order().SequenceEqual(["Egress", "Ingress"])
            && p.At("spec.ingress") is null && p.At("spec.egress") is null))
        {
            found.Add("no default-deny in both directions");
        }
        var inside = components.Select(c => c.Component).ToHashSet();
        found.AddRange(leaving.Where(a => inside.Contains(a.Split(' ')[1]) && !entering.Contains(a))
            .Select(a => $"{a} is allowed to leave and not to enter"));
        found.AddRange(entering.Where(a => inside.Contains(a.Split(' ')[0]) && !leaving.Contains(a))
            .Select(a => $"{a} is allowed to enter and not to leave"));
        problems = found;
        return leaving.Concat(entering).ToHashSet();
    }

    // Below "Who calls whom", the table whose head begins so; a row's cells.
    private static IEnumerable<string[]> Rows(string head) =>
        File.ReadLines(RepositoryPaths.File("docs/architecture.md"))
            .SkipWhile(l => l != "## Who calls whom").SkipWhile(l => !l.StartsWith(head, StringComparison.Ordinal)).Skip(2)
            .TakeWhile(l => l.StartsWith('|')).Select(l => l.Split('|', StringSplitOptions.TrimEntries)[1..]);

    private static bool IsEverybody(JsonNode policy) => policy.At("spec.podSelector") is JsonObject { Count: 0 };

    private static bool IsDns(JsonNode rule) => rule.List("ports").Any() && rule.List("to").Any() && rule.List("ports")
        .All(p => p.Text("port") == "53") && rule.List("to").All(t => t.Text("podSelector.matchLabels.k8s-app") == "kube-dns");

    // An external Redis is known by its port.
    private static string Arrow(string from, string to, string port) => to == "cloud" && port == "6379"
        ? $"{from} redis {port}" : $"{from} {to} {port}";

    private static IEnumerable<string> Ends(JsonNode rule, string side,
        List<(string Component, IReadOnlyDictionary<string, string> Labels)> components, string title, List<string> problems)
    {
        var peers = rule.List(side).ToList();
        if (peers.Count == 0)
            problems.Add($"{title}: a rule without {side} lets everybody");
        foreach (var peer in peers)
        {
            if (peer.At("ipBlock") is { } block)
            {
                if (side == "to" && !Excepts(block, "169.254.169.254"))
                    problems.Add($"{title}: the metadata service is within reach");
                yield return side == "to" ? "cloud" : "agents";
            }
            else if (peer.At("namespaceSelector") is { } space)
            {
                var name = space.Strings("matchLabels").GetValueOrDefault("kubernetes.io/metadata.name") ?? "any-namespace";
                if (name == "monitoring" && !peer.Strings("podSelector.matchLabels").ContainsKey("app.kubernetes.io/name"))
                    problems.Add($"{title}: any pod of {name}");
                yield return name switch { "observability" => "collector", "monitoring" => "prometheus", _ => name };
            }
            else
            {
                var selected = components.Where(c => peer.At("podSelector").Selects(c.Labels)).Select(c => c.Component).ToList();
                if (selected.Count == 0)
                    problems.Add($"{title}: a podSelector matches no pod");
                foreach (var component in selected)
                    yield return component;
            }
        }
    }

    private static IEnumerable<string> Ports(JsonNode rule, string title, List<string> problems)
    {
        var ports = rule.Texts("ports").Any() ? rule.List("ports").Select(p => p.Text("port") ?? "any").ToList() : ["any"];
        if (ports.Contains("any") || rule.List("ports").Any(p => p.Text("protocol") != "TCP" || p.At("endPort") is not null))
            problems.Add($"{title}: a rule without a TCP port");
        return ports;
    }

    private static bool Excepts(JsonNode block, string address) =>
        !IPNetwork.Parse(block.Text("cidr")!).Contains(IPAddress.Parse(address)) || block.Texts("except")
            .Any(e => IPNetwork.Parse(e).Contains(IPAddress.Parse(address)));
}
