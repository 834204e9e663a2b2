using Overture.Conductor.Launch;
using Overture.Conductor.Specs;
using Overture.Conductor.V1;
using Overture.Platform.Records;

namespace Overture.Conductor.Tests;

/// <summary>puppet.agent of a launch: what may go into a shell script and into puppet.conf.</summary>
public sealed class AgentRulesTests
{
    [Theory]
    [InlineData("version: 8.21.1", "version", "needs a flavour")]
    [InlineData("flavour: openvox8\nversion: 7.1", "version", "must be 8 or begin with")]
    [InlineData("flavour: openvox8\nversion: \"8.1'; reboot\"", "version", "must be a version")]
    [InlineData("flavour: openvox8\nversion: \"8.1\\n\"", "version", "must be a version")]
    [InlineData("flavour: installed\nrepository: {apt: \"https://a.example.com\"}", "repository", "has no use with flavour installed")]
    [InlineData("repository: {apt: \"http://a.example.com\"}", "repository.apt", "must be https")]
    [InlineData("repository: {yum: \"https://u:p@a.example.com/\"}", "repository.yum", "without credentials")]
    [InlineData("repository: {yum: \"https://a.example.com/$(reboot)\"}", "repository.yum", "must be an https URL")]
    [InlineData("repository: {key: \"-----BEGIN PGP PRIVATE KEY BLOCK-----\"}", "repository.key", "must be one ASCII-armored")]
    [InlineData("runinterval: 0", "runinterval", "such as 30m")]
    [InlineData("runinterval: half an hour", "runinterval", "such as 30m")]
    [InlineData("splay: maybe", "splay", "must be true, false")]
    [InlineData("settings: {main: {csr_attributes: a}}", "settings.main.csr_attributes", "use extensions beside puppet")]
    [InlineData("settings: {agent: {server: a}}", "settings.agent.server", "puppet.server")]
    [InlineData("settings: {agent: {environment: a}}", "settings.agent.environment", "node.environment")]
    [InlineData("settings: {main: {ssldir: /tmp}}", "settings.main.ssldir", "leave it to the package")]
    [InlineData("settings: {main: {localcacert: /tmp/ca}}", "settings.main.localcacert", "leave it to the package")]
    [InlineData("settings: {main: {certificate_revocation: false}}", "settings.main.certificate_revocation", "must be chain or leaf")]
    [InlineData("settings: {agent: {runinterval: 5m}}", "settings.agent.runinterval", "puppet.agent.runinterval")]
    [InlineData("settings: {main: {keylength: 512}}", "settings.main.keylength", "2048 to 8192")]
    [InlineData("settings: {main: {a b: x}}", "settings.main.a b", "must be the name of a setting")]
    [InlineData("settings: {main: {x: \"a\\nserver = evil\"}}", "settings.main.x", "printable ASCII")]
    [InlineData("settings: {main: {user: nobody}}", "settings.main.user", "private key to another user")]
    [InlineData("settings: {main: {group: users}}", "settings.main.group", "private key to another user")]
    [InlineData("settings: {agent: {mkusers: true}}", "settings.agent.mkusers", "private key to another user")]
    [InlineData("settings: {main: {statedir: \"/a {owner = nobody}\"}}", "settings.main.statedir", "must have no braces")]
    public void Check_BrokenRule_IsSaidByItsField(string agent, string field, string rule)
    {
        var problem = Assert.Single(Problems(agent));
        Assert.Equal($"spec.puppet.agent.{field}", problem.Field);
        Assert.Contains(rule, problem.Rule, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("flavour: distribution\nversion: 7.23.0-1+deb12u1\nkey_type: ec")]
    [InlineData("flavour: openvox9\nversion: 9\nrepository: {apt: \"https://[::1]:8443/a%20b/\"}")]
    [InlineData("runinterval: 1800\nsplay: true\nreport: false")]
    [InlineData("splay: 5m\nsettings: {main: {certificate_revocation: leaf}, agent: {noop: true}, user: {x: $vardir/y}}")]
    public void Check_Sound_IsTaken(string agent) => Assert.Empty(Problems(agent));

    [Fact]
    public void Document_EveryKey_IsRead()
    {
        var document = LaunchDocument.Read("puppet:\n  agent:\n    flavour: puppet8\n    version: 8.10\n    key_type: ec\n"
            + "    runinterval: 1800\n    splay: true\n    report: false\n    repository: {apt: a, yum: b, key: c}\n"
            + "    settings: {main: {a: 1}, agent: {b: true}, user: {c: d}}\n");
        Assert.Empty(document.Problems);
        Assert.Equal(new PuppetAgent
        {
            Flavour = AgentFlavour.Puppet8, Version = "8.10", KeyType = AgentKeyType.Ec, Runinterval = "1800", Splay = "true",
            Report = false,
            Repository = new AgentRepository { Apt = "a", Yum = "b", Key = "c" },
            Settings = new AgentSettings { Main = { ["a"] = "1" }, Agent = { ["b"] = "true" }, User = { ["c"] = "d" } },
        }, document.Spec.Puppet.Agent);
        var wrong = LaunchDocument.Read("puppet:\n  agent:\n    flavor: auto\n    key_type: dsa\n");
        Assert.Equal([(3, "puppet.agent.flavor"), (4, "puppet.agent.key_type")], wrong.Problems.Select(p => (p.Line, p.Field)));
    }

    [Fact]
    public void Plan_WithoutAgent_IsAutoAndRsa()
    {
        var agent = LaunchPlan.From(ConductorFixture.Spec(), "file:/x", _ => new FakeProvider()).Spec.Puppet.Agent;
        Assert.Equal((AgentFlavour.Auto, AgentKeyType.Rsa), (agent.Flavour, agent.KeyType));
    }

    [Theory]
    [InlineData("al2023-2.", "leave it out")]
    [InlineData("ip-10-0-0-1.a-very-long-name-of-a-region.compute.internal.example.com", "64 characters")]
    public void Certname_OfACloud_IsRefusedWithTheRemedy(string name, string remedy)
    {
        Assert.False(CertName.TryParse(name, out _, out var rule));
        Assert.Contains(remedy, rule, StringComparison.Ordinal);
    }

    private static IReadOnlyList<Overture.Platform.Faults.FieldProblem> Problems(string agent)
    {
        var read = LaunchDocument.Read("puppet:\n  agent:\n" + string.Concat(agent.Split('\n').Select(l => $"    {l}\n")));
        Assert.Empty(read.Problems);
        LaunchPlan.Validate(ConductorFixture.Spec(s => s.Puppet.Agent = read.Spec.Puppet.Agent), "file:/x", _ => new FakeProvider(),
            out var problems);
        return problems;
    }
}
