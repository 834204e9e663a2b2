using Overture.Conductor.V1;

namespace Overture.Conductor.Tests;

/// <summary>What is in the script's way: other versions, units and their options, vendor data, what an earlier boot left.</summary>
public sealed partial class AgentScriptTests
{
    [Theory]
    [InlineData(AgentFlavour.Puppet7, "puppet 7.34.0", "puppet-agent-7.*")]
    [InlineData(AgentFlavour.Openvox8, "openvox 8.21.1", "openvox-agent-8.*")]
    public async Task Run_AnotherRepositoryHasAHigherVersion_TakesTheFlavours(AgentFlavour flavour, string agent, string package)
    {
        await System("rocky", "9.4", "", apt: false, "rhel centos fedora");
        var dnf = await Run("/bin/dash", new PuppetAgent { Flavour = flavour });
        Assert.StartsWith($"overture: agent: {agent} ({Aio}), installed from https://yum.", dnf, StringComparison.Ordinal);
        Assert.Contains($"dnf -y install {package}\n", await Text("log"), StringComparison.Ordinal);
        await System("ubuntu", "24.04", "noble", apt: true);
        var apt = await Run("/bin/dash", new PuppetAgent { Flavour = flavour });
        Assert.StartsWith($"overture: agent: {agent} ({Aio}), installed from https://apt.", apt, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true, "  Candidate: 5.5.22-2\n", "openvox")]
    [InlineData(true, "  Candidate: 1:6.9-1\n", "openvox")]
    [InlineData(true, "  Candidate: 7.23.0-1\n", "distribution")]
    [InlineData(false, "puppet.noarch   5.5.20-5.el8   epel\n", "openvox")]
    [InlineData(false, "puppet.noarch   8.6.0-3.fc41   fedora\n", "distribution")]
    public async Task Run_AutoWithAnOldCandidate_GoesOnToOpenVox(bool apt, string candidate, string from)
    {
        await (apt ? System("debian", "11", "bullseye", apt) : System("fedora", "41", "", apt));
        await File.WriteAllTextAsync(home.File("candidate"), candidate);
        var console = await Run("/bin/dash", new PuppetAgent());
        Assert.Contains(from == "openvox" ? "voxpupuli.org" : "installed from the distribution's packages", console,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("7.23.0-1+deb12u1", false)]
    [InlineData("6.4.2-1", false)]
    [InlineData("5.5.22-2", false)]
    [InlineData("8.10.0-7", true)]
    public async Task Run_EcKey_NeedsAnAgentThatMakesOne(string version, bool makes)
    {
        await System("debian", "12", "bookworm", apt: true);
        await Agent("/usr/bin/puppet", "puppet-agent", version);
        var console = await Run("/bin/dash", new PuppetAgent { KeyType = AgentKeyType.Ec }, fails: !makes);
        Assert.Equal(!makes, console.Contains("can't make EC keys; choose key_type rsa", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("default/puppet", "DAEMON_OPTS=\"--logdest /var/log/puppet/puppet.log\"\n# --server x\n", true)]
    [InlineData("default/puppet", "DAEMON_OPTS=\"--logdest x --server=elsewhere\"\n", false)]
    [InlineData("sysconfig/puppet", "PUPPET_EXTRA_OPTS=--certname=x\n", false)]
    [InlineData("sysconfig/puppet-agent", "PUPPET_EXTRA_OPTS='--ssldir /x'\n", false)]
    public async Task Run_OptionsOfTheImagesUnit_MayNotUndoTheConfiguration(string file, string text, bool fits)
    {
        await System("debian", "12", "bookworm", apt: true);
        await Agent("/usr/bin/puppet", "puppet-agent", "8.10.0-7");
        Directory.CreateDirectory(Path.GetDirectoryName(home.File($"etc/{file}"))!);
        await File.WriteAllTextAsync(home.File($"etc/{file}"), text);
        var console = await Run("/bin/dash", new PuppetAgent(), fails: !fits);
        Assert.Equal(!fits, console.Contains($"failed: /etc/{file} starts the agent with options", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Run_RepositoriesOfTheImageOutOfReach_UsesOursAlone()
    {
        await System("rocky", "9.4", "", apt: false, "rhel centos fedora");
        await File.WriteAllTextAsync(home.File("offline"), "");
        Assert.Contains("openvox 8.21.1", await Run("/bin/dash", new PuppetAgent()), StringComparison.Ordinal);
        Assert.Contains("dnf -y --disablerepo=* --enablerepo=overture-agent install openvox-agent-8.*\n", await Text("log"),
            StringComparison.Ordinal);
    }

    /// <summary>systemd ends what a failed stage of cloud-init left; and a unit may be ordered after the stage that starts it.</summary>
    [Theory]
    [InlineData("active", "overture: agent: puppet 8.10.0 (/usr/bin/puppet), found in the image\n")]
    [InlineData("inactive", "overture: agent: note: puppet.service does not run yet; systemd starts it later\n"
        + "overture: agent: puppet 8.10.0 (/usr/bin/puppet), found in the image\n")]
    [InlineData("failed", "overture: agent: failed: puppet 8.10.0 (/usr/bin/puppet), found in the image, could not be started; "
        + "see the lines before it\n")]
    public async Task Run_Systemd_IsNotWaitedForAndKeepsTheWatcher(string state, string console)
    {
        await System("debian", "12", "bookworm", apt: true);
        await Agent("/usr/bin/puppet", "puppet-agent", "8.10.0-7");
        Directory.CreateDirectory(home.File("run/systemd/system"));
        await Tool("systemctl", $"echo \"systemctl $*\" >>/log\ncase $2 in is-*) [ $2 = is-{state} ] ;; esac");
        await Tool("systemd-run", "echo \"systemd-run $*\" >>/log");
        Assert.Equal(console, await Run("/bin/dash", new PuppetAgent(), fails: state == "failed"));
        var log = await Text("log");
        Assert.Contains("systemctl --no-block start puppet.service\n", log, StringComparison.Ordinal);
        Assert.Equal(state == "failed" ? 1 : 2, log.Split('\n').Count(l =>
            l == "systemd-run --no-block --collect -p KillMode=process sh /var/lib/cloud/instance/overture/agent watch"));
    }

    /// <summary>An agent that has a CRL fetches none, and one of another CA would never let it get a certificate.</summary>
    [Fact]
    public async Task Boot_CrlOfTheImage_IsRemovedWhereThereIsNoCertificate()
    {
        await System("debian", "12", "bookworm", apt: true);
        foreach (var ssl in new[] { "var/lib/puppet/ssl", "etc/puppetlabs/puppet/ssl" })
        {
            Directory.CreateDirectory(home.File(ssl));
            await File.WriteAllTextAsync(home.File($"{ssl}/crl.pem"), "x");
        }
        await Boot("/bin/dash", new PuppetAgent());
        Assert.False(File.Exists(home.File("etc/puppetlabs/puppet/ssl/crl.pem")));
        Assert.True(File.Exists(home.File("var/lib/puppet/ssl/crl.pem")));
    }

    [Fact]
    public async Task Watch_WithoutRuncmd_SaysWhetherAnEarlierBootFailed()
    {
        await System("debian", "12", "bookworm", apt: true);
        var agent = new PuppetAgent { Flavour = AgentFlavour.Installed };
        const string Skipped = "overture: agent: note: cloud-init has ended and ran no runcmd";
        await Boot("/bin/dash", agent);
        Assert.Contains(Skipped, await Watch(), StringComparison.Ordinal);
        // The next boot: cloud-init runs runcmd once for an instance.
        await Boot("/bin/dash", agent);
        var again = await Watch();
        Assert.StartsWith("overture: agent: note: trying again\noverture: agent: failed: ", again, StringComparison.Ordinal);
        Assert.DoesNotContain(Skipped, again, StringComparison.Ordinal);
    }

    /// <summary>A module that its list names with a frequency runs whatever is marked, at every boot.</summary>
    [Theory]
    [InlineData("cloud_final_modules: [[puppet, always]]\n")]
    [InlineData("cloud_final_modules:\n- [ \"puppet\", \"always\" ]\n")]
    [InlineData("cloud_final_modules:\n- - puppet\n  - always\n")]
    public async Task Watch_VendorDataThatInsists_IsUndone(string list)
    {
        await System("debian", "12", "bookworm", apt: true);
        await Agent("/usr/bin/puppet", "puppet-agent", "8.10.0-7");
        await File.WriteAllTextAsync(home.File("var/lib/cloud/instance/vendor-cloud-config.txt"),
            $"#cloud-config\n{list}puppet: {{conf: {{agent: {{server: elsewhere}}}}}}\n");
        var console = await Boot("/bin/dash", new PuppetAgent());
        Assert.Contains("note: the key puppet of vendor data is applied by its module list, and undone after it", console,
            StringComparison.Ordinal);
        (await Inside("/bin/dash", "run")).Ok();
        await File.WriteAllTextAsync(home.File("etc/puppet/puppet.conf"), "[agent]\nserver = elsewhere\n");
        await File.WriteAllTextAsync(home.File("log"), "");
        await Watch();
        Assert.StartsWith($"# overture {Name}\n", await Text("etc/puppet/puppet.conf"), StringComparison.Ordinal);
        Assert.Equal("puppet agent\n", await Text("log"));
    }

    // As at the end of cloud-init; what goes to the console.
    private async Task<string> Watch()
    {
        Directory.CreateDirectory(home.File("run/cloud-init"));
        await File.WriteAllTextAsync(home.File("run/cloud-init/result.json"), "{}");
        Directory.CreateDirectory(home.File("proc/1/fd"));
        await File.WriteAllTextAsync(home.File("proc/1/fd/1"), "");
        await Inside("/bin/dash", "watch");
        return await Text("proc/1/fd/1");
    }
}
