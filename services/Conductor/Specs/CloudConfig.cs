using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;

namespace Overture.Conductor.Specs;

/// <summary>
/// The user's own cloud-config, merged into ours by us: cloud-init's merging would let a second document replace the whole of bootcmd and
/// runcmd (docs/cloud-init.md). Lists are taken whole; a key that replaces what Overture writes, or that keeps cloud-init from reading it,
/// is refused.
/// </summary>
internal static class CloudConfig
{
    private const string Modules = "decides which modules cloud-init runs, and without runcmd there is no node; leave it out";
    private const int MaxProblems = 50;
    private const string HostKeys = "hides host keys from the console, where overture ssh reads them; leave it out";

    private static readonly Dictionary<string, string> Reserved = new(StringComparer.Ordinal)
    {
        ["puppet"] = "is written by Overture; say puppet (server, agent), node and extensions beside cloud_config instead",
        ["phone_home"] = "would send the host's keys and name to a third party; Overture learns how an instance is doing from reports",
        ["merge_how"] = "sets how cloud-init merges documents, and there is only one; leave it out",
        ["merge_type"] = "sets how cloud-init merges documents, and there is only one; leave it out",
        ["launch-index"] = "would have cloud-init skip the document on every other instance; leave it out",
        ["cloud_init_modules"] = Modules,
        ["cloud_config_modules"] = Modules,
        ["cloud_final_modules"] = Modules,
        ["datasource"] = "says where cloud-init reads user data, which is known once it reads this; leave it out",
        ["datasource_list"] = "says where cloud-init reads user data, which is known once it reads this; leave it out",
        ["system_info"] = "describes the image and belongs in it; leave it out",
        ["apt_update"] = "is an old name of package_update; use that",
        ["ssh_key_console_blacklist"] = HostKeys,
        ["ssh_fp_console_blacklist"] = HostKeys,
    };

    // First lines that make a document something else than cloud-config.
    private static readonly string[] OtherKinds = ["## template:", "#!", "#include", "#cloud-boothook", "#part-handler",
        "#cloud-config-archive", "#cloud-config-jsonp", "#upstart-job"];

    // Lists whose first commands are ours; they may be empty, as templates leave them.
    private static readonly string[] Joined = ["bootcmd", "runcmd"];

    /// <summary>
    /// The rules that the document breaks: ours, and those of cloud-init's schema; fields as in LaunchSpec. Empty text breaks none.
    /// </summary>
    public static IEnumerable<FieldProblem> Check(string document)
    {
        if (document.Length == 0)
            return [];
        if (Array.Find(OtherKinds, k => document.StartsWith(k, StringComparison.Ordinal)) is { } kind)
        {
            return [new("cloud_config",
                $"begins with {kind}, which makes it something other than #cloud-config; templates are not rendered, and scripts go to "
                    + "scripts")];
        }

        YamlNode root;
        try
        {
            root = PositionedYaml.Read(document);
        }
        catch (PositionedYamlException e)
        {
            return [new("cloud_config", e.Line == 0 ? e.Message : $"{e.Message} (its line {e.Line})")];
        }
        return root is YamlMap map ? Check(map) : [new("cloud_config", "must be a mapping, KEY: VALUE")];
    }

    /// <summary>Ours, and after it what the user adds. Our commands run before the user's.</summary>
    /// <param name="ours">Changed in place.</param>
    /// <param name="document">One that passed <see cref="Check(string)"/>.</param>
    public static void Merge(Dictionary<string, object?> ours, string document)
    {
        if (document.Length == 0)
            return;
        foreach (var (key, value) in (Dictionary<string, object?>)PositionedYaml.Read(document).ToTree()!)
        {
            if (!Joined.Contains(key))
                ours[key] = value;
            else if (value is List<object?> commands)
                ours[key] = new List<object?>([.. (List<object?>?)ours.GetValueOrDefault(key) ?? [], .. commands]);
        }
    }

    // All of them at once, up to a number that a person reads and an answer holds.
    private static IEnumerable<FieldProblem> Check(YamlMap document)
    {
        var ours = document.Entries.SelectMany(e => Check(e.Key.Text, e.Value)).Take(MaxProblems).ToList();
        var theirs = document.Entries.Where(e => !Reserved.ContainsKey(e.Key.Text)
            && !(Joined.Contains(e.Key.Text) && e.Value is YamlScalar { IsNull: true })).ToList();
        return ours.Concat(CloudConfigSchema.Check(new YamlMap(document.Line, theirs), "cloud_config")
            .Where(p => !ours.Exists(o => o.Field == p.Field))).Take(MaxProblems);
    }

    private static IEnumerable<FieldProblem> Check(string key, YamlNode value)
    {
        var path = $"cloud_config.{key}";
        if (Reserved.TryGetValue(key, out var sentence))
            yield return new(path, sentence);
        if (key == "ssh" && value is YamlMap ssh
            && ssh.Entries.Any(e => e.Key.Text == "emit_keys_to_console" && e.Value.ToTree() is not true))
        {
            yield return new($"{path}.emit_keys_to_console", HostKeys);
        }

        foreach (var (where, word) in LaunchDocument.Doubtful(value, path))
            yield return new(where, LaunchDocument.DoubtfulRule(word));
    }
}
