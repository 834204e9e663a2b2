using Overture.Conductor.Launch;
using Overture.Conductor.Specs;
using Overture.Conductor.V1;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>Review, point 11: the shapes of cloud-config's keys, by cloud-init's own schema, and cloud-init's verdict on each.</summary>
public sealed class CloudConfigSchemaTests
{
    // Each argument is a cloud-config as it would be rendered. Out: a line each, whether cloud-init's schema takes it; and whether runcmd
    // or bootcmd are dropped.
    private const string Verdicts = """
        import json, sys, yaml
        from cloudinit import util
        from cloudinit.config.schema import SchemaValidationError, get_schema, validate_cloudconfig_schema
        schema = get_schema()
        for text in json.load(sys.stdin):
            config = yaml.safe_load(text)
            try:
                validate_cloudconfig_schema(config, schema, strict=True)
                taken = "taken"
            except SchemaValidationError as e:
                taken = "refused" if e.has_errors() else "taken"
            try:
                for key in ("bootcmd", "runcmd"):
                    if key in config: util.shellify(config[key])
                print(taken)
            except TypeError:
                print(taken, "dropped")
        """;

    // Document, and of what is refused the place and a part of the rule.
    private static readonly (string Document, string Field, string Rule)[] Table =
    [
        ("runcmd: [touch /a, {echo Status: done}, touch /b]", "runcmd[1]", "quote the line that begins echo Status:"),
        ("runcmd:\n- echo Status:\n", "runcmd[0]", "quote the line that begins echo Status:"),
        ("runcmd: [a, {b: [c]}]", "runcmd[1]", "must be a text or a list of texts"),
        ("runcmd: [7]", "runcmd[0]", "put it in quotes"),
        ("runcmd: [true]", "runcmd[0]", "put it in quotes"),
        ("runcmd: [[sleep, 5]]", "runcmd[0][1]", "must be a text; put it in quotes"),
        ("runcmd: [[echo, null]]", "runcmd[0][1]", "it is empty"),
        ("runcmd: [[[a]]]", "runcmd[0][0]", "must be a text"),
        ("runcmd: [[{a: b}]]", "runcmd[0][0]", "quote the line that begins a:"),
        ("runcmd: []", "runcmd", "is empty"),
        ("runcmd: reboot", "runcmd", "must be a list"),
        ("runcmd: {a: b}", "runcmd", "must be a list"),
        ("runcmd: [null, a, [], [b, \"7\"], \"\"]", "", ""),
        ("bootcmd: [echo a: b]", "bootcmd[0]", "quote the line that begins echo a:"),
        ("bootcmd: [null]", "bootcmd[0]", "it is empty"),
        ("bootcmd: [a, [b]]", "", ""),
        ("packages: [a, [b, \"1\"], [c]]", "packages[2]", "must have at least 2 items"),
        ("packages: [7]", "packages[0]", "put it in quotes"),
        ("packages: {a: b}", "packages", "must be a list"),
        ("packages: [{snap: [x]}]", "packages[0]", "must be a text or a list of texts"),
        ("package_upgrade: \"yes\"", "package_upgrade", "must be true or false"),
        ("write_files: [{path: /a, mode: \"0644\"}]", "write_files[0].mode", "is unknown to cloud-init"),
        ("write_files: [{path: /a, contents: b}]", "write_files[0].contents", "is content meant?"),
        ("write_files: [{content: a}]", "write_files[0].path", "must be set"),
        ("write_files: {path: /a}", "write_files", "must be a list"),
        ("write_files: []", "write_files", "is empty"),
        ("write_files: [{path: /a, permissions: 0644, content: b}]", "", ""),
        ("users: [default, {name: a, foo: b}]", "users[1].foo", "is unknown to cloud-init"),
        ("users: [{name: a, shell: 7}]", "users[0].shell", "must be a text"),
        ("users: [{name: a, expiredate: soon}]", "users[0].expiredate", "must be a date"),
        ("users: [{name: a, expiredate: 2032-09-01}, b, [c, d]]", "", ""),
        ("users: default", "", ""),
        ("groups: {a: 7}", "groups.a", "must be a text or a list of texts"),
        ("ssh_authorized_keys: key", "ssh_authorized_keys", "must be a list of texts"),
        ("ssh_keys: {rsa_private: a, foo: b}", "ssh_keys.foo", "is unknown to cloud-init"),
        ("ntp: {servers: [a, a]}", "ntp.servers", "must not contain duplicates"),
        ("ntp: {servers: [10.0.0.1, \"a b\"]}", "", ""),
        ("timezone: 5", "timezone", "put it in quotes"),
        ("disk_setup: {/dev/sda: {layout: x}}", "disk_setup./dev/sda.layout", "must be remove or true or false or a list"),
        ("disk_setup: {ephemeral0: {table_type: gpt, layout: [50, [50, 82]], overwrite: true}}", "", ""),
        ("swap: {size: 1g}", "swap.size", "must be auto or a whole number or a text that matches"),
        ("swap: [a]", "swap", "must be a mapping"),
        ("mounts: [[/dev/sdb, /mnt], /dev/sdc]", "mounts[1]", "must be a list of texts"),
        ("chpasswd: {list: [\"a:b\", c]}", "chpasswd.list[1]", "that matches"),
        ("chpasswd: {users: [{name: a, password: b, type: text}], expire: false}", "", ""),
        ("apt: {sources: {a.list: {source: b, keyid: 7}}}", "apt.sources.a.list.keyid", "put it in quotes"),
        ("yum_repos: {epel: {enabled: true}}", "yum_repos.epel.baseurl", "must be set"),
        ("yum_repos: {epel: {baseurl: \"http://x/$releasever\", enabled: true}}", "", ""),
        ("power_state: {mode: reboot, delay: soon}", "power_state.delay", "or now"),
        ("growpart: {mode: maybe}", "growpart.mode", "must be auto or growpart or gpart or off or false"),
        ("wireguard: {interfaces: []}", "wireguard.interfaces", "is empty"),
        ("ca_certs: {}", "ca_certs", "is empty"),
        ("ca_certs: {trusted: [\"-----BEGIN CERTIFICATE-----\"]}", "", ""),
        ("snap: {commands: [[a, b], c]}", "", ""),
        ("rsyslog: {configs: [a, {content: b}]}", "", ""),
        ("x_site: [1]\noutput: {all: x}\nnetwork: {config: disabled}\nvendor_data2: {enabled: true}\nubuntu-advantage: "
            + "{}\nraspberry_pi: {}", "", ""),
    ];

    private static readonly (string Document, string Meant)[] Mistyped =
        [("run_cmd: [a]", "runcmd"), ("runcmds: [a]", "runcmd"), ("package: [a]", "packages"), ("write_file: []", "write_files"),
            ("boot_cmd: [a]", "bootcmd"), ("user-s: [a]", "users"), ("ssh_authorised_keys: [a]", "ssh_authorized_keys")];

    [Fact]
    public void P11_Table_EachIsTakenOrRefusedByItsPlaceAndRule()
    {
        foreach (var (document, field, rule) in Table)
        {
            var problems = CloudConfig.Check(document).ToList();
            if (field.Length == 0)
            {
                Assert.Empty(problems);
                continue;
            }
            Assert.Equal((document, $"cloud_config.{field}"), (document, Assert.Single(problems).Field));
            Assert.Contains(rule, problems[0].Rule, StringComparison.Ordinal);
        }
        Assert.All(Mistyped,
            m => Assert.Contains($"unknown to cloud-init, which would ignore it; is {m.Meant} meant?",
                Assert.Single(CloudConfig.Check(m.Document)).Rule, StringComparison.Ordinal));
    }

    [Fact]
    public void P11_ManyMistakes_AreSaidAtOnceAndBounded()
    {
        Assert.Equal(["cloud_config.runcmd[0]", "cloud_config.timezone", "cloud_config.users[0].foo"],
            CloudConfig.Check("timezone: 5\nusers: [{name: a, foo: b}]\nruncmd: [{a: b}]").Select(p => p.Field)
                .Order(StringComparer.Ordinal));
        Assert.Equal(50, CloudConfig.Check("runcmd:\n" + string.Concat(Enumerable.Repeat("- a: b\n", 3000))).Count());
        // The schema's own patterns backtrack; what is compared with them is short.
        Assert.Single(CloudConfig.Check($"swap: {{size: \"{new string('1', 200_000)}x\"}}"));
        // What was written is not repeated, but for the key: it may be a secret.
        Assert.DoesNotContain("hunter2", Assert.Single(CloudConfig.Check("runcmd: [{mysql --password: hunter2}]")).Rule,
            StringComparison.Ordinal);
    }

    /// <summary>
    /// The verdicts of the schema in the program are those of the cloud-init on this machine; and nothing passes that it would drop.
    /// </summary>
    [Fact]
    [Trait("Category", "integration")]
    public async Task P11_Table_CloudInitSaysTheSame()
    {
        var documents = Table.Select(t => QuotedYaml.Write(PositionedYaml.Read(t.Document).ToTree(), "#cloud-config"));
        var verdicts = (await Shell.Run("/usr/bin/python3", ["-c", Verdicts], null,
            input: System.Text.Json.JsonSerializer.Serialize(documents))).Ok().TrimEnd().Split('\n');
        Assert.Equal(Table.Select(t => $"{t.Document}: {(t.Field.Length == 0 ? "taken" : "refused")}"),
            Table.Zip(verdicts, (t, v) => $"{t.Document}: {v.Split(' ')[0]}"));
        Assert.Contains("refused dropped", verdicts[0], StringComparison.Ordinal);
        Assert.DoesNotContain("taken dropped", verdicts);
    }

    [Fact]
    public void P11_OurOwnDocument_FitsTheSchema()
    {
        var spec = LaunchPlan.From(ConductorFixture.Spec(s => s.Extensions["pp_role"] = "é \"x\""), "file:/x", _ => new FakeProvider())
            .Spec;
        spec.CloudConfig = "packages: [jq]\nruncmd: [a, [b]]\nbootcmd: [c]";
        var text = UserData.Render(CertName.Parse("0f8fad5b-d9cb-469f-a165-70867728950e"), spec, "production", new string('a', 52),
            "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
        Assert.Empty(CloudConfigSchema.Check((YamlMap)PositionedYaml.Read(text), "user_data"));
        Assert.NotEmpty(CloudConfigSchema.Check(
            (YamlMap)PositionedYaml.Read(text.Replace("- - \"sh\"", "- - 7", StringComparison.Ordinal)), "user_data"));
    }
}
