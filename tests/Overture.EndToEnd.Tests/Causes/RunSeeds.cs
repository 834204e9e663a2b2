namespace Overture.EndToEnd.Tests.Causes;

/// <summary>Runs of real agents against a real puppetserver that fail, or are no whole ones, each in its own way.</summary>
internal static class RunSeeds
{
    public static IEnumerable<SeededCause> All =>
    [
        Code("class-missing", "CLASS_MISSING", "Could not find class", "the definition names a class that no module has",
            "no_such_class: {}", ""),
        Code("parameter-unknown", "PARAMETER_UNKNOWN", "has no parameter named",
            "the definition sets a parameter that the class does not have",
            "s_unknown: {wrong: 1}", "class s_unknown { }"),
        Code("parameter-missing", "PARAMETER_MISSING", "expects a value for parameter", "a class needs a parameter that nothing sets",
            "s_needs: {}", "class s_needs(String $text) { }"),
        Code("parameter-type", "PARAMETER_TYPE", "expects a", "the definition sets a parameter to a value of another type",
            "s_typed: {text: 5}",
            "class s_typed(String $text) { }"),
        Code("hiera-key", "HIERA", "did not find a value", "a class looks up a key that no data has", "s_hiera: {}",
            "class s_hiera { notice(lookup('no::such::key')) }"),
        Code("function-unknown", "FUNCTION_UNKNOWN", "Unknown function", "a class calls a function that no module has", "s_function: {}",
            "class s_function { no_such_function('x') }"),
        Code("resource-type-unknown", "RESOURCE_TYPE_UNKNOWN", "Unknown resource type", "a class declares a resource of no known type",
            "s_type: {}", "class s_type { no_such_type { 'x': } }"),
        Code("syntax", "SYNTAX", "Syntax error", "a brace is missing in a manifest", "s_syntax: {}", "class s_syntax { notice('x') "),
        Code("duplicate", "DUPLICATE_DECLARATION", "Duplicate declaration", "a class declares a resource twice", "s_twice: {}",
            "class s_twice { notify { 'x': }\n notify { 'x': } }"),
        Code("cycle", "DEPENDENCY_CYCLE", "dependency cycle", "two resources require each other", "s_circle: {}",
            "class s_circle { notify { 'a': require => Notify['b'] }\n notify { 'b': require => Notify['a'] } }"),
        Code("template", "TEMPLATE", "template", "a template names a variable that there is not", "s_template: {}",
            "class s_template { notify { 'x': message => inline_template('<%= nothing_of_that_name.x %>') } }"),
        Code("compilation", "COMPILATION", "Evaluation Error", "a class calls fail()", "s_fail: {}",
            "class s_fail { fail('not on this node') }"),
        Code("file-missing", "FILE_MISSING", "no_such_file", "a file's source is not in the module", "s_source: {}",
            "class s_source { file { '/var/tmp/overture-no-such-file': source => 'puppet:///modules/s_source/no_such_file' } }"),
        Code("package-unknown", "REPOSITORY", "no-such-package", "a package that no repository has", "s_package: {}",
            "class s_package { package { 'overture-no-such-package': ensure => installed, provider => 'apt' } }"),
        Code("service", "SERVICE_START", "Service[overture-none]", "a service whose start command fails", "s_service: {}",
            "class s_service { service { 'overture-none': ensure => running, provider => 'base', "
                + "start => '/bin/false', status => '/bin/false' } }"),
        Code("user-missing", "USER_MISSING", "Could not find user", "a file's owner is no user of the node", "s_owner: {}",
            "class s_owner { file { '/var/tmp/overture-owner': ensure => file, owner => 'overture-nobody' } }"),
        Code("provider-unsuitable", "PROVIDER_UNSUITABLE", "provider", "a package by portage on a Debian", "s_portage: {}",
            "class s_portage { package { 'x': ensure => installed, provider => 'portage' } }"),
        Code("failures", "RESOURCE_FAILED", "s_three", "three commands of a class fail", "s_three: {}",
            "class s_three { ['s_three_a', 's_three_b', 's_three_c'].each |$n| { exec { $n: command => '/bin/false' } } }"),
        Code("reference-missing", "REFERENCE_MISSING", "Package[nothing]", "a resource requires one that is not declared",
            "s_reference: {}",
            "class s_reference { notify { 'x': require => Package['nothing'] } }"),
        Code("parent-missing", "PARENT_MISSING", "directory component", "a file in a folder that is not there", "s_parent: {}",
            "class s_parent { file { '/var/tmp/overture-none/x': ensure => file, content => 'x' } }"),
        Code("command-missing", "COMMAND_MISSING", "Could not find command", "an exec of a program that is not there", "s_command: {}",
            "class s_command { exec { '/opt/overture-none/x': } }"),
        Code("command-timeout", "COMMAND_TIMED_OUT", "exceeded timeout", "an exec that does not end", "s_hangs: {}",
            "class s_hangs { exec { '/bin/sleep 60': timeout => 1 } }"),
        Code("noop", "NOOP", "noop run", "the agent runs with --noop", "s_notify: {}", Notify, "--noop"),
        Code("tags", "TAGS", "it skipped", "the agent runs with --tags of a class that it does not have", "s_notify: {}", Notify,
            "--tags", "nothing"),
        Code("noop-resources", "NOOP_RESOURCES", "noop => true", "a resource has noop => true", "s_noop: {}",
            "class s_noop { file { '/var/tmp/overture-noop': ensure => file, noop => true } }"),
        new("cached-catalog", "CACHED_CATALOG", "cached catalog", "a run with --tags of nothing, then one with --use_cached_catalog",
            s => Twice(s, _ => Task.CompletedTask, "--use_cached_catalog", "--tags", "nothing")),
        new("old-catalog", "OLD_CATALOG", "an old one was applied",
            "a run with --tags of nothing; then the code breaks, and the agent may use its old catalog",
            s => Twice(s, n => s.Deploy("production", $"modules/{Module(n)}/manifests/init.pp", $"class {Module(n)} {{ fail('broken') }}"),
                "--usecacheonfailure")),
        new("environment-missing", "ENVIRONMENT_MISSING", "nowhere", "the definition names an environment that is not deployed",
            async s => await Ran(await CauseNode.Register(s, "{classes: {}, parameters: {}, environment: nowhere}"))),
        new("node-block", "NODE_BLOCK_MISSING", "node statement", "site.pp has a node block for another name alone", async s =>
        {
            await s.Deploy("blocks", "manifests/site.pp", "node 'other.example.com' { }\n");
            return await Ran(await CauseNode.Register(s, "{classes: {}, parameters: {}, environment: blocks}"));
        }),
        new("hiera-data", "HIERA", "", "a data file of the environment is no YAML", async s =>
        {
            await s.Deploy("broken_data", "hiera.yaml", "version: 5\nhierarchy:\n- {name: all, path: all.yaml}\n");
            await s.Deploy("broken_data", "data/all.yaml", "a: [unclosed\n");
            await s.Deploy("broken_data", "modules/s_data/manifests/init.pp", "class s_data(String $text) { }\n");
            return await Ran(await CauseNode.Register(s, "{classes: {s_data: {}}, parameters: {}, environment: broken_data}"));
        }),
        new("hiera-yaml", "HIERA", "hiera.yaml", "hiera.yaml of the environment is no YAML", async s =>
        {
            await s.Deploy("broken_hiera", "hiera.yaml", "version: 5\nhierarchy: [unclosed\n");
            await s.Deploy("broken_hiera", "modules/s_look/manifests/init.pp", "class s_look(String $text) { }\n");
            return await Ran(await CauseNode.Register(s, "{classes: {s_look: {}}, parameters: {}, environment: broken_hiera}"));
        }),
        new("disk-full", "DISK_FULL", "No space left on device", "a file larger than the disk that it is for", async s =>
        {
            var node = await CauseNode.Register(s, "{classes: {s_full: {}}, parameters: {}, environment: production}");
            await s.Deploy("production", "modules/s_full/manifests/init.pp",
                "class s_full { file { '/mnt/x': content => Integer[1, 20000].map |$i| { '0123456789' }.join('') } }\n");
            // Of a mount namespace that ends with the agent.
            await node.Puppet(["unshare", "--mount", "sh", "-c", "mount -t tmpfs -o size=64k none /mnt && exec \"$@\"", "_"], "agent",
                ["--onetime", "--no-daemonize", "--verbose"]);
            return node.Name;
        }),
    ];

    private const string Notify = "class s_notify { notify { 'x': } }";

    // The module of a row has the name of the class that the definition names.
    private static SeededCause Code(string id, string reason, string proof, string made, string classes, string manifest,
        params string[] run) =>
        new(id, reason, proof, made, async site =>
        {
            if (manifest.Length > 0)
                await site.Deploy("production", $"modules/{classes.Split(':')[0]}/manifests/init.pp", manifest + "\n");
            return await Ran(await CauseNode.Register(site, $"{{classes: {{{classes}}}, parameters: {{}}, environment: production}}"), run);
        });

    private static async Task<string> Ran(CauseNode node, params string[] more)
    {
        await node.Run(more);
        return node.Name;
    }

    private static string Module(CauseNode node) => $"s_{node.Name.Replace('-', '_')}";

    private static async Task<string> Twice(CauseSite site, Func<CauseNode, Task> between, params string[] more)
    {
        var node = await CauseNode.Register(site);
        await site.Deploy("production", $"modules/{Module(node)}/manifests/init.pp", $"class {Module(node)} {{ notify {{ 'x': }} }}\n");
        (await site.Overture("node", "set", node.Name, "-f", await Definition(node), "--reason", "a class of its own")).Ok();
        await node.Run("--tags", "nothing");
        await between(node);
        await node.Run(more);
        return node.Name;
    }

    private static async Task<string> Definition(CauseNode node)
    {
        var file = Path.Combine(node.Folder, "definition.yaml");
        await File.WriteAllTextAsync(file, $"classes: {{{Module(node)}: {{}}}}\nparameters: {{}}\nenvironment: production\n");
        return file;
    }
}
