using System.Text.RegularExpressions;
using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.Instances;
using Overture.Conductor.Providers;
using Overture.Conductor.Specs;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Tls;
using Overture.Records.V1;

namespace Overture.Conductor.Launch;

/// <summary>A launch spec that was checked: every default filled in, the node definition parsed.</summary>
/// <param name="Spec">With defaults.</param>
/// <param name="Node">What goes to nodes/.</param>
internal sealed partial record LaunchPlan(LaunchSpec Spec, NodeDefinition Node)
{
    /// <summary>What it was asked for by.</summary>
    public LaunchSource Source { get; init; }

    /// <summary>Bytes that its user data may have.</summary>
    public int MaxUserData { get; init; } = UserData.MaxBytes;

    /// <summary>The text of nodes/&lt;certname&gt;.</summary>
    public string Definition => Source == LaunchSource.Profile
        ? $"# The profile defines this node; values set here override "
            + $"it.\n{QuotedYaml.Write(new Dictionary<string, object?> { ["profile"] = Spec.Profile })}"
        : QuotedYaml.Write(Node.ToTree().Where(e => e.Key != "environment" || Node.SetsEnvironment).ToDictionary(e => e.Key, e => e.Value));

    /// <summary>What is allowed in a definition but rarely intended, where it did not come as YAML: parameters that hide facts.</summary>
    public static IReadOnlyList<ProfileProblem> Warnings(NodeSpec? node) =>
        [.. (node?.Parameters?.Fields.Keys ?? []).Select(k => (Name: k, Rule: PuppetFacts.Rule(k))).Where(w => w.Rule is not null)
            .Select(w => new ProfileProblem { Field = $"node.parameters.{w.Name}", Rule = w.Rule })];

    public TimeSpan Deadline => Spec.Deadline.ToTimeSpan();

    /// <param name="spec">As received.</param>
    /// <param name="storeName">The only bucket this Conductor keeps records in.</param>
    /// <param name="providers">The provider of that name; null: none is asked (a registration).</param>
    /// <exception cref="FaultException">Every field that breaks a rule.</exception>
    public static LaunchPlan From(LaunchSpec? spec, string storeName, Func<string, IProvider?>? providers) =>
        Validate(spec, storeName, providers, out var problems) ?? throw FaultException.Invalid([.. problems]);

    /// <param name="spec">As received.</param>
    /// <param name="storeName">The only bucket this Conductor keeps records in.</param>
    /// <param name="providers">The provider of that name; null: none is asked (a registration).</param>
    /// <param name="problems">Every field that breaks a rule.</param>
    /// <returns>Null: there are problems.</returns>
    public static LaunchPlan? Validate(
        LaunchSpec? spec, string storeName, Func<string, IProvider?>? providers, out IReadOnlyList<FieldProblem> problems)
    {
        var found = new List<FieldProblem>();
        problems = found;
        var plan = spec is null ? null : Validate(spec, storeName, providers, found);
        if (spec is null)
            found.Add(new("spec", "must be set"));
        return plan;
    }

    private static LaunchPlan? Validate(LaunchSpec spec, string storeName, Func<string, IProvider?>? providers, List<FieldProblem> problems)
    {
        var plan = spec.Clone();
        void Rule(bool kept, string field, string rule)
        {
            if (!kept)
                problems.Add(new($"spec.{field}", rule));
        }

        Rule(plan.Bucket.Length == 0 || plan.Bucket == storeName, "bucket",
            $"must be empty or {storeName}, where this Conductor keeps its records");
        if (providers is null)
            plan.Provider = InstanceRecords.RegisteredProvider;
        else
            CheckProvider(plan, providers, problems);
        Rule(IsLabel(plan.InstanceType), "instance_type", "must have at most 64 printable characters");
        Rule(plan.Image.Length <= 256 && IsText(plan.Image), "image", "must have at most 256 printable characters");
        CheckPuppet(plan.Puppet ??= new PuppetSettings(), Rule);
        problems.AddRange(AgentRules.Check(plan.Puppet).Select(p => p with { Field = $"spec.{p.Field}" }));
        var node = NodeOf(plan.Node, problems);
        CheckLabels(plan, Rule);
        CheckGrants(plan, Rule);
        CheckTimes(plan, Rule);
        problems.AddRange(CloudConfig.Check(plan.CloudConfig).Concat(MimeParts.Check(plan.Scripts))
            .Select(p => p with { Field = $"spec.{p.Field}" }));
        Rule(plan.Role is "" or "puppetserver" or "overture", "role",
            "must be empty, puppetserver, or overture (a listener of its own)");
        if (plan.Attestation == Attestation.Unspecified)
            plan.Attestation = Attestation.Token;
        Rule(System.Enum.IsDefined(plan.Attestation), "attestation", "must be ATTESTATION_REGISTRY, _TOKEN, _SOURCE or _PROVIDER");
        Rule(providers is not null || plan.Attestation is not (Attestation.Source or Attestation.Provider), "attestation",
            "must be ATTESTATION_REGISTRY or _TOKEN: no provider can be asked about an instance that was started elsewhere");
        return problems.Count == 0 ? new LaunchPlan(plan, node!) : null;
    }

    private static void CheckProvider(LaunchSpec plan, Func<string, IProvider?> providers, List<FieldProblem> problems)
    {
        if (plan.Provider.Length == 0)
            problems.Add(new("spec.provider", "must be set"));
        else if (providers(plan.Provider) is { } provider)
            problems.AddRange(provider.Check(plan).Select(p => p with { Field = $"spec.{p.Field}" }));
        else
            problems.Add(new("spec.provider", "is not a provider of this Conductor"));
    }

    private static void CheckPuppet(PuppetSettings puppet, Action<bool, string, string> rule)
    {
        rule(HostName.IsValid(puppet.Server), "puppet.server", "must be a host name");
        if (puppet.CaServer.Length == 0)
            puppet.CaServer = puppet.Server;
        else
            rule(HostName.IsValid(puppet.CaServer), "puppet.ca_server", "must be a host name");
        puppet.Serverport = puppet.Serverport == 0 ? 8140 : puppet.Serverport;
        puppet.CaPort = puppet.CaPort == 0 ? 8141 : puppet.CaPort;
        rule(puppet.Serverport is >= 1 and <= 65535, "puppet.serverport", "must be 1-65535");
        rule(puppet.CaPort is >= 1 and <= 65535, "puppet.ca_port", "must be 1-65535");
    }

    private static NodeDefinition? NodeOf(NodeSpec? node, List<FieldProblem> problems)
    {
        try
        {
            return NodeDefinition.FromTree(new Dictionary<string, object?>
            {
                ["classes"] = StructTree.ToTree(node?.Classes),
                ["parameters"] = StructTree.ToTree(node?.Parameters),
                ["environment"] = string.IsNullOrEmpty(node?.Environment) ? null : node.Environment,
            });
        }
        catch (FaultException e)
        {
            problems.AddRange(e.Fields.Select(f =>
                f with { Field = f.Field.StartsWith("node", StringComparison.Ordinal) ? $"spec.{f.Field}" : $"spec.node.{f.Field}" }));
            return null;
        }
    }

    private static void CheckLabels(LaunchSpec plan, Action<bool, string, string> rule)
    {
        rule(plan.Labels.Count <= 50, "labels", "must be at most 50");
        foreach (var (key, value) in plan.Labels)
        {
            rule(LabelKey().IsMatch(key), $"labels.{key}", "names have 1-63 of [A-Za-z0-9._/-]");
            rule(IsText(value), $"labels.{key}", "values have at most 255 printable characters");
        }
        rule(plan.Profile.Length == 0 || LabelKey().IsMatch(plan.Profile), "profile", "must have at most 63 of [A-Za-z0-9._/-]");
    }

    private static void CheckGrants(LaunchSpec plan, Action<bool, string, string> rule)
    {
        rule(plan.DnsAltNames.Count <= 32, "dns_alt_names", "must be at most 32");
        foreach (var name in plan.DnsAltNames)
            rule(HostName.IsDns(name) && !name.Any(char.IsAsciiLetterUpper), "dns_alt_names", "must be lower-case DNS names");
        rule(plan.DnsAltNames.Distinct(StringComparer.Ordinal).Count() == plan.DnsAltNames.Count, "dns_alt_names",
            "must not hold a name twice");
        foreach (var (name, value) in plan.Extensions)
        {
            rule(PuppetExtensions.OidOf(name) is not null, $"extensions.{name}",
                "must be a registered short name (pp_role…) or an OID under 1.3.6.1.4.1.34380.1.1 or .1.2");
            rule(value.Length > 0 && IsText(value), $"extensions.{name}", "must have 1-255 printable characters");
        }
        rule(plan.Extensions.Keys.Select(PuppetExtensions.OidOf).OfType<string>().GroupBy(o => o).All(g => g.Count() == 1), "extensions",
            "must not hold an extension twice");
    }

    private static void CheckTimes(LaunchSpec plan, Action<bool, string, string> rule)
    {
        plan.Deadline ??= Minutes(60);
        rule(IsWithin(plan.Deadline, TimeSpan.FromMinutes(5), TimeSpan.FromHours(24)), "deadline",
            "must be 5 minutes to 24 hours, in whole seconds");
        rule(plan.Ttl is null || IsWithin(plan.Ttl, TimeSpan.FromMinutes(10), TimeSpan.FromDays(366)), "ttl",
            "must be 10 minutes to 366 days, in whole seconds");
        var steps = plan.Deadlines ??= new StepDeadlines();
        steps.Running ??= Minutes(10);
        steps.Csr ??= Minutes(30);
        steps.Converged ??= Minutes(60);
        foreach (var (step, time) in new[] { ("running", steps.Running), ("csr", steps.Csr), ("converged", steps.Converged) })
        {
            rule(IsWithin(time, TimeSpan.FromMinutes(1), TimeSpan.FromHours(24)), $"deadlines.{step}",
                "must be 1 minute to 24 hours, in whole seconds");
        }
    }

    private static Duration Minutes(int count) => Duration.FromTimeSpan(TimeSpan.FromMinutes(count));

    private static bool IsWithin(Duration time, TimeSpan least, TimeSpan most) =>
        time.Nanos == 0 && time.Seconds >= least.TotalSeconds && time.Seconds <= most.TotalSeconds;

    private static bool IsLabel(string text) => text.Length <= 64 && IsText(text);

    private static bool IsText(string text) =>
        text.Length <= 255 && !text.Any(c => char.IsControl(c) || char.IsSurrogate(c)
            || c is '\u2028' or '\u2029' or '\uFEFF' or '\uFFFE' or '\uFFFF');

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9._/-]{0,62}\z", RegexOptions.CultureInvariant)]
    private static partial Regex LabelKey();
}
