using Overture.Conductor.Profiles;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.Conductor.Launch;

/// <summary>
/// The user's own cloud-config, merged into ours by us: cloud-init's merging would let a second document replace the whole of puppet and runcmd
/// (ec2-cloudinit §2.6). Lists are taken whole; a key that replaces what Overture writes, or that keeps cloud-init from reading it, is refused.
/// </summary>
internal static class CloudConfig
{
    private const string Modules = "decides which modules cloud-init runs, and without puppet there is no node; leave it out";
    private const string HostKeys = "hides host keys from the console, where overture ssh reads them; leave it out";

    private static readonly Dictionary<string, string> Reserved = new(StringComparer.Ordinal)
    {
        ["puppet"] = "is written by Overture; say puppet.server, node and extensions beside cloud_config instead",
        ["phone_home"] = "would send the host's keys and name to somebody else; reports tell Overture how an instance fares",
        ["merge_how"] = "tells cloud-init how to merge documents, and there is only one; leave it out",
        ["merge_type"] = "tells cloud-init how to merge documents, and there is only one; leave it out",
        ["launch-index"] = "would have cloud-init skip the document on every other instance; leave it out",
        ["cloud_init_modules"] = Modules,
        ["cloud_config_modules"] = Modules,
        ["cloud_final_modules"] = Modules,
        ["datasource"] = "says where cloud-init reads user data, which is known once it reads this; leave it out",
        ["datasource_list"] = "says where cloud-init reads user data, which is known once it reads this; leave it out",
        ["system_info"] = "describes the image and belongs into it; leave it out",
        ["apt_update"] = "is an old name of package_update; leave it out, package lists are always updated",
        ["ssh_key_console_blacklist"] = HostKeys,
        ["ssh_fp_console_blacklist"] = HostKeys,
    };

    // First lines that make a document something else than cloud-config.
    private static readonly string[] OtherKinds = ["## template:", "#!", "#include", "#cloud-boothook", "#part-handler", "#cloud-config-archive", "#cloud-config-jsonp", "#upstart-job"];

    /// <summary>The rules that the document breaks; fields as in LaunchSpec. Empty text breaks none.</summary>
    public static IEnumerable<FieldProblem> Check(string document)
    {
        if (document.Length == 0)
            return [];
        if (Array.Find(OtherKinds, k => document.StartsWith(k, StringComparison.Ordinal)) is { } kind)
            return [new("cloud_config", $"begins with {kind}, which makes it something else than #cloud-config; templates are not rendered, and scripts go to scripts")];
        YamlNode root;
        try
        {
            root = MarkedYaml.Read(document);
        }
        catch (MarkedYamlException e)
        {
            return [new("cloud_config", e.Line == 0 ? e.Message : $"{e.Message} (its line {e.Line})")];
        }
        return root is YamlMap map ? map.Entries.SelectMany(e => Check(e.Key.Text, e.Value)) : [new("cloud_config", "must be a mapping, KEY: VALUE")];
    }

    /// <summary>Ours, and after it what the user adds. Our commands run before the user's.</summary>
    /// <param name="ours">Changed in place.</param>
    /// <param name="document">One that passed <see cref="Check(string)"/>.</param>
    public static void Merge(Dictionary<string, object?> ours, string document)
    {
        if (document.Length == 0)
            return;
        foreach (var (key, value) in (Dictionary<string, object?>)MarkedYaml.Read(document).ToTree()!)
        {
            if (key == "runcmd" && value is List<object?> commands && ours.TryGetValue(key, out var standing))
                ours[key] = new List<object?>([.. (List<object?>)standing!, .. commands]);
            else if (!(key == "runcmd" && value is null))
                ours[key] = value;
        }
    }

    private static IEnumerable<FieldProblem> Check(string key, YamlNode value)
    {
        var path = $"cloud_config.{key}";
        if (Reserved.TryGetValue(key, out var sentence))
            yield return new(path, sentence);
        if (key == "package_update" && value.ToTree() is not true)
            yield return new(path, "must be true: Puppet is installed from the lists it updates; leave it out");
        if (key == "runcmd" && value is not (YamlList or YamlScalar { IsNull: true }))
            yield return new(path, "must be a list: Overture's own commands come before it");
        if (key == "ssh" && value is YamlMap ssh && ssh.Entries.Any(e => e.Key.Text == "emit_keys_to_console" && e.Value.ToTree() is not true))
            yield return new($"{path}.emit_keys_to_console", HostKeys);
        foreach (var (where, word) in LaunchDocument.Doubtful(value, path))
            yield return new(where, LaunchDocument.DoubtfulRule(word));
    }
}
