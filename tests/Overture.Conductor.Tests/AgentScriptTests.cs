using Overture.Conductor.Console;
using Overture.Conductor.Launch;
using Overture.Conductor.V1;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>
/// The agent's script on small systems: a directory with busybox, the os-release of a distribution, and package managers that note what
/// they are asked for and install an agent. In three shells.
/// </summary>
[Trait("Category", "integration")]
public sealed partial class AgentScriptTests : IDisposable
{
    private const string Bundle = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    private const string Aio = "/opt/puppetlabs/bin/puppet";
    private static readonly CertName Name = CertName.Parse("0f8fad5b-d9cb-469f-a165-70867728950e");
    private readonly TempDirectory home = new();

    public static TheoryData<string> Shells => ["/bin/dash", "/bin/bash --posix", "/bin/busybox sh"];

    [Theory]
    [MemberData(nameof(Shells))]
    public async Task Run_AutoWithoutAnAgent_InstallsOpenVoxFromASignedRepository(string shell)
    {
        await System("debian", "12", "bookworm", apt: true);
        var console = await Run(shell, new PuppetAgent());
        Assert.Equal("overture: agent: openvox 8.21.1 (/opt/puppetlabs/bin/puppet), installed from https://apt.voxpupuli.org\n", console);
        Assert.Equal("Types: deb\nURIs: https://apt.voxpupuli.org\nSuites: debian12\nComponents: openvox8\n"
            + "Signed-By: /etc/apt/keyrings/overture-agent.gpg\n", await Text("etc/apt/sources.list.d/overture-agent.sources"));
        Assert.Equal("Package: openvox-agent\nPin: release c=openvox8\nPin-Priority: 1001\n",
            await Text("etc/apt/preferences.d/overture-agent"));
        Assert.Contains("--force-confold install --allow-downgrades openvox-agent\n", await Text("log"), StringComparison.Ordinal);
        Assert.EndsWith("puppet agent\n", await Text("log"), StringComparison.Ordinal);
        Assert.True(File.Exists(home.File("etc/puppetlabs/puppet/csr_attributes.yaml")));
    }

    [Theory]
    [InlineData("ubuntu", "24.04", "noble", AgentFlavour.Openvox9, "ubuntu24.04", "openvox9")]
    [InlineData("ubuntu", "20.04", "focal", AgentFlavour.Puppet7, "focal", "puppet7")]
    [InlineData("debian", "13", "trixie", AgentFlavour.Puppet8, "trixie", "puppet8")]
    public async Task Run_Flavour_IsASuiteAndAComponent(string id, string version, string codename, AgentFlavour flavour, string suite,
        string component)
    {
        await System(id, version, codename, apt: true);
        await Run("/bin/dash", new PuppetAgent { Flavour = flavour });
        var sources = await Text("etc/apt/sources.list.d/overture-agent.sources");
        Assert.Contains($"Suites: {suite}\nComponents: {component}\n", sources, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("rocky", "9.4", "rhel centos fedora", "el/9")]
    [InlineData("rhel", "10.0", "fedora", "el/10")]
    [InlineData("almalinux", "8.10", "rhel centos fedora", "el/8")]
    [InlineData("amzn", "2023", "fedora", "amazon/2023")]
    [InlineData("fedora", "43", "", "fedora/43")]
    public async Task Run_Yum_ChecksPackagesByThePinnedKey(string id, string version, string like, string place)
    {
        await System(id, version, "", apt: false, like);
        var console = await Run("/bin/bash --posix", new PuppetAgent { Flavour = AgentFlavour.Openvox8, Version = "8.21.1",
            Repository = new AgentRepository { Yum = "http://mirror.example.com/yum/", Key = "-----BEGIN PGP PUBLIC KEY BLOCK-----" } });
        Assert.Equal($"overture: agent: openvox 8.21.1 ({Aio}), installed from http://mirror.example.com/yum\n", console);
        Assert.Equal($"[overture-agent]\nname=openvox8\nbaseurl=http://mirror.example.com/yum/openvox8/{place}/$basearch\nenabled=1\n"
            + "gpgcheck=1\ngpgkey=file:///etc/pki/rpm-gpg/overture-agent.asc\n", await Text("etc/yum.repos.d/overture-agent.repo"));
        Assert.Equal("-----BEGIN PGP PUBLIC KEY BLOCK-----\n", await Text("etc/pki/rpm-gpg/overture-agent.asc"));
        Assert.Contains("dnf -y install openvox-agent-8.21.1-*\n", await Text("log"), StringComparison.Ordinal);
        Assert.DoesNotContain("curl", await Text("log"), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Shells))]
    public async Task Run_AgentOfTheImage_IsFoundInEitherLayout(string shell)
    {
        await System("debian", "12", "bookworm", apt: true);
        await Agent("/usr/bin/puppet", "puppet-agent", "7.23.0-1+deb12u1");
        Assert.Equal("overture: agent: puppet 7.23.0 (/usr/bin/puppet), found in the image\n",
            await Run(shell, new PuppetAgent { Flavour = AgentFlavour.Installed }));
        Assert.DoesNotContain("apt-get", await Text("log"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_NothingFits_SaysWhatWasTried()
    {
        await System("debian", "12", "bookworm", apt: true);
        var console = await Run("/bin/dash", new PuppetAgent { Flavour = AgentFlavour.Installed }, fails: true);
        Assert.StartsWith("overture: agent: failed: the image has neither /opt/puppetlabs/bin/puppet nor /usr/bin/puppet", console,
            StringComparison.Ordinal);
        Assert.Contains("could not be installed or started", ConsoleFindings.Of(console, asked: false), StringComparison.Ordinal);

        await System("alpine", "3.20", "", apt: true);
        Assert.Contains("failed: openvox8 has no packages for alpine 3.20 x86_64", await Run("/bin/dash", new PuppetAgent(), fails: true),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_Version_IsAskedForByItsBeginning()
    {
        await System("debian", "12", "bookworm", apt: true);
        await Run("/bin/dash", new PuppetAgent { Flavour = AgentFlavour.Openvox8, Version = "8.21" });
        Assert.Contains(" openvox-agent=8.21.*\n", await Text("log"), StringComparison.Ordinal);
    }

    /// <summary>What vendor data sets is ignored and said.</summary>
    [Fact]
    public async Task Boot_VendorData_DoesNotWinAndIsSaid()
    {
        await System("debian", "12", "bookworm", apt: true);
        await File.WriteAllTextAsync(home.File("var/lib/cloud/instance/vendor-cloud-config.txt"),
            "#cloud-config\ncloud_final_modules: []\npuppet:\n  conf: {}\n");
        var console = await Boot("/bin/dash", new PuppetAgent());
        Assert.Contains("overture: agent: note: the key puppet of vendor data is ignored\n", console, StringComparison.Ordinal);
        Assert.Contains("overture: agent: note: vendor data sets cloud_final_modules: ", console, StringComparison.Ordinal);
        Assert.True(File.Exists(home.File("var/lib/cloud/instance/sem/config_puppet")));
    }

    [Fact]
    public void AgentOf_Console_IsTheLastDecision()
    {
        Assert.Equal("Its agent: openvox 8.21.1 (/opt/puppetlabs/bin/puppet), installed from https://apt.voxpupuli.org.",
            ConsoleFindings.AgentOf("x\n[   12.3] cloud-init[1]: overture: agent: openvox 8.21.1 (/opt/puppetlabs/bin/puppet), installed "
                + "from https://apt.voxpupuli.org\r\noverture: agent: note: x\n"));
        Assert.Equal("", ConsoleFindings.AgentOf("overture: agent: failed: x\noverture: agent: puppet\n"));
    }

    /// <summary>The source, with what is put in front of it, by the linter of shell scripts.</summary>
    [Fact]
    public async Task Script_Shellcheck_FindsNothing()
    {
        await File.WriteAllTextAsync(home.File("agent"), Script(new PuppetAgent()));
        // Words without quotes are constants here, or lists that are split on purpose.
        var checkedBy = await Shell.Run("shellcheck", "-s", "sh", "-e", "SC1007,SC1091,SC2013,SC2015,SC2086,SC2317", home.File("agent"));
        Assert.Equal("", checkedBy.Output + checkedBy.Errors);
    }

    public void Dispose() => home.Dispose();

    private static string Script(PuppetAgent agent) =>
        UserDataTree.Of(UserData.Render(Name, Spec(agent), "production", "k", Bundle)).Script;

    private static LaunchSpec Spec(PuppetAgent agent)
    {
        var spec = LaunchPlan.From(ConductorFixture.Spec(), "file:/x", _ => new FakeProvider()).Spec;
        spec.Puppet.Agent = agent;
        return spec;
    }

    private Task<string> Text(string file) => File.ReadAllTextAsync(home.File(file));

    // A root with busybox's tools; without those that the script looks for, and with ours.
    private async Task System(string id, string version, string codename, bool apt, string like = "")
    {
        var made = await Shell.Run("/bin/bash", ["-euc", """
            cd "$1"
            rm -rf ./*
            mkdir -p bin usr etc var/lib/cloud/instance/overture tmp run dev
            touch log
            ln -s ../bin usr/bin
            for tool in dash bash busybox; do
              cp -L "$(command -v $tool)" bin/
              ldd bin/$tool | grep -o '/[^ ]*' | while read -r file; do mkdir -p ".${file%/*}"; cp -L "$file" ".$file"; done
            done
            for tool in $(bin/busybox --list); do
              case $tool in dpkg*|rpm*|wget|apt*|sleep|uname|busybox) continue ;; esac
              [ -e "bin/$tool" ] || ln -s busybox "bin/$tool"
            done
            mknod -m 666 dev/null c 1 3
            """, "_", home.Path], null);
        Assert.True(made.ExitCode == 0, made.Errors);
        await File.WriteAllTextAsync(home.File("etc/os-release"),
            $"ID={id}\nVERSION_ID=\"{version}\"\nVERSION_CODENAME={codename}\nID_LIKE=\"{like}\"\n");
        await Tool("uname", "echo x86_64");
        await Tool("sleep", "");
        await Tool("curl", "echo \"curl $*\" >>/log\nwhile [ $# -gt 1 ]; do [ \"$1\" != -o ] || echo K >\"$2\"; shift; done");
        const string Install = """
            for p in "$@"; do
              case $p in openvox-agent*|puppet-agent*|puppet) ;; *) continue ;; esac
              mkdir -p /opt/puppetlabs/bin
              printf '#!/bin/sh\necho "puppet $*" >>/log\n' >/opt/puppetlabs/bin/puppet
              chmod 755 /opt/puppetlabs/bin/puppet
              # Another repository has a higher one.
              v=9.99.0
              case $p:$(sed -n 's/^Pin: release c=//p' /etc/apt/preferences.d/* 2>/dev/null) in
                *-8.*|*:openvox8|*:puppet8) v=8.21.1 ;;
                *-7.*|*:puppet7) v=7.34.0 ;;
                *:openvox9) v=9.0.0 ;;
              esac
              case $p in openvox-agent*) p=openvox-agent ;; *) p=puppet-agent ;; esac
              echo "$v-1" >/have-$p
            done
            """;
        if (apt)
        {
            await Tool("apt-get", $"echo \"apt-get $*\" >>/log\n{Install}");
            await Tool("apt-cache", "[ ! -e /candidate ] || [ $2 != puppet ] || { cat /candidate; exit; }\necho '  Candidate: (none)'");
            await Tool("dpkg-query", "[ -e /have-$4 ] && echo \"installed $(cat /have-$4)\"");
        }
        else
        {
            await Tool("dnf", "echo \"dnf $*\" >>/log\n[ ! -e /offline ] || case $* in *--disablerepo=*) ;; *) exit 1 ;; esac\n"
                + $"[ $2 != list ] || {{ cat /candidate 2>/dev/null; exit; }}\n{Install}");
            await Tool("rpm", "[ -e /have-$4 ] && cat /have-$4");
        }
    }

    private async Task Tool(string tool, string text)
    {
        await File.WriteAllTextAsync(home.File($"bin/{tool}"), $"#!/bin/sh\n{text}\n");
        File.SetUnixFileMode(home.File($"bin/{tool}"), (UnixFileMode)0b111_101_101);
    }

    private async Task Agent(string program, string package, string version)
    {
        await Tool(Path.GetFileName(program), "echo \"puppet $*\" >>/log");
        await File.WriteAllTextAsync(home.File($"have-{package}"), version + "\n");
    }

    private async Task<string> Boot(string shell, PuppetAgent agent)
    {
        // What waits for the certificate would outlive the test: it is there from the start.
        Directory.CreateDirectory(home.File("var/lib/puppet/ssl/certs"));
        await File.WriteAllTextAsync(home.File($"var/lib/puppet/ssl/certs/{Name}.pem"), "x");
        await File.WriteAllTextAsync(home.File("var/lib/cloud/instance/overture/agent"),
            Script(agent).Replace("\nsh $w/agent watch", "\n: $w/agent watch", StringComparison.Ordinal));
        return (await Inside(shell, "boot")).Ok();
    }

    private async Task<string> Run(string shell, PuppetAgent agent, bool fails = false)
    {
        Assert.Equal("", await Boot(shell, agent));
        var ran = await Inside(shell, "run");
        Assert.True(ran.ExitCode == (fails ? 1 : 0) && ran.Errors.Length == 0, ran.Output + ran.Errors);
        return ran.Output;
    }

    private Task<Ran> Inside(string shell, string act) => Shell.Run("chroot",
        [home.Path, .. shell.Split(' '), "/var/lib/cloud/instance/overture/agent", act],
        new Dictionary<string, string?> { ["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin" },
        input: "\"a\": \"b\"\n", limit: TimeSpan.FromSeconds(60));
}
