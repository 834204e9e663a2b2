using FsCheck;
using FsCheck.Fluent;
using Overture.Conductor.Launch;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.TestSupport;
using YamlDotNet.RepresentationModel;

namespace Overture.Conductor.Tests;

/// <summary>User data: the tree that was meant, whatever the values; and what the real cloud-init thinks of it.</summary>
public sealed class UserDataTests : IDisposable
{
    private const string Bundle = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    private const string Token = "abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrst";
    private static readonly CertName Name = CertName.Parse("0f8fad5b-d9cb-469f-a165-70867728950e");
    private readonly TestPuppetCa ca = new();

    public static TheoryData<string> Hostile =>
    [
        "\n- runcmd", "#cloud-config", "## template: jinja", "{{ ds.meta_data }}", "--b1\nContent-Type: text/x-shellscript", "yes", "no",
        "0777", "1e3", "2024-01-01",
        "null", "~", ":sym", "!ruby/object:Object", "*alias", "&anchor", "\"", "'", "\\", "\\n", "a: b", "- a", "? x", "|", ">",
        "%YAML 1.1", "---", "...", "é\u0085\u00a0",
        "${PATH}", "$(reboot)", "`reboot`", "%i", "%f", " lead and trail ", "\t", "\u0001", "💥",
    ];

    [Theory]
    [MemberData(nameof(Hostile))]
    public void Render_HostileValues_ParseBackAsThemselvesAndAddNothing(string value)
    {
        // Not all get past the plan's rules; rendering must not depend on those.
        var spec = Spec(s => s.Extensions["pp_role"] = value);
        var tree = UserDataTree.Of(UserData.Render(Name, spec, "production", Token, Bundle));
        Assert.Equal(value, tree.CsrAttributes.Text("extension_requests", "pp_role"));
        Assert.Equal(["bootcmd", "runcmd"], tree.Root.Children.Keys.Select(k => ((YamlScalarNode)k).Value!));
        // What puppet.conf can't hold is not written there: nothing follows a value but the next line.
        spec.Puppet.Agent.Settings = new AgentSettings { Agent = { ["x"] = value } };
        if (value.Any(c => c is < ' ' or > '~'))
        {
            Assert.Throws<ArgumentException>(() => UserData.Render(Name, spec, "production", Token, Bundle));
        }
        else
        {
            Assert.EndsWith($"\nx = {value}\n", UserDataTree.Of(UserData.Render(Name, spec, "production", Token, Bundle)).PuppetConf,
                StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Render_AnyText_ParsesBackAsItself() => Prop.ForAll(ArbMap.Default.ArbFor<NonNull<string>>(), text =>
    {
        // lone surrogates have no UTF-8 form, so no message can carry them
        var value = new string([.. text.Get.Where(c => !char.IsSurrogate(c))]);
        if (value.Length > 4000)
            return;
        var tree = UserDataTree.Of(UserData.Render(Name, Spec(s => s.Extensions["pp_role"] = value), "production", Token, Bundle));
        Assert.Equal(value, tree.CsrAttributes.Text("extension_requests", "pp_role"));
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Render_AnyInstance_IsThisDocument()
    {
        var text = UserData.Render(Name, Spec(), "production", Token, Bundle);
        Assert.StartsWith("#cloud-config\n\"bootcmd\":\n- \"f=/var/lib/cloud/instance/overture/agent\\n", text, StringComparison.Ordinal);
        Assert.EndsWith("""

            "runcmd":
            - - "sh"
              - "/var/lib/cloud/instance/overture/agent"
              - "run"

            """.ReplaceLineEndings("\n"), text, StringComparison.Ordinal);
        var tree = UserDataTree.Of(text);
        Assert.StartsWith("""
            certname='0f8fad5b-d9cb-469f-a165-70867728950e'
            flavour='auto'
            version=''
            apt=''
            yum=''
            pinned=''
            conf() {
            cat <<'OVERTURE_TEXT'
            certname = 0f8fad5b-d9cb-469f-a165-70867728950e
            ca_server = ca.example.com
            ca_port = 8141
            waitforcert = 5
            [agent]
            server = puppet.example.com
            serverport = 8140
            environment = production
            crl_refresh_interval = 1d
            OVERTURE_TEXT
            }
            ca() {
            cat <<'OVERTURE_TEXT'
            -----BEGIN CERTIFICATE-----
            MIIB
            -----END CERTIFICATE-----
            OVERTURE_TEXT
            }
            """.ReplaceLineEndings("\n"), tree.Script, StringComparison.Ordinal);
        Assert.EndsWith("""

            sh $f boot <<'OVERTURE_CSR'
            # overture 0f8fad5b-d9cb-469f-a165-70867728950e
            "custom_attributes":
              "1.2.840.113549.1.9.7": "abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrst"
            OVERTURE_CSR
            """.ReplaceLineEndings("\n"), tree.Text("bootcmd", "0"), StringComparison.Ordinal);
        Assert.DoesNotContain(Token, tree.Script, StringComparison.Ordinal);
    }

    [Fact]
    public void Render_AgentOfALaunch_IsInItsScript()
    {
        var spec = Spec(s =>
        {
            s.Puppet.Serverport = 8150;
            s.Puppet.Agent = new PuppetAgent
            {
                Flavour = AgentFlavour.Openvox8, Version = "8.21.1", KeyType = AgentKeyType.Ec, Runinterval = "10m", Splay = "5m",
                Report = false,
                Repository = new AgentRepository { Apt = "https://mirror.example.com/apt/", Yum = "http://mirror.example.com/yum",
                    Key = "K\n" },
                Settings = new AgentSettings { Main = { ["http_proxy_host"] = "proxy" }, Agent = { ["noop"] = "true",
                    ["crl_refresh_interval"] = "4h" }, User = { ["a"] = "$vardir/'x'" } },
            };
        });
        var tree = UserDataTree.Of(UserData.Render(Name, spec, "production", Token, Bundle));
        Assert.Equal(("openvox8", "8.21.1", "https://mirror.example.com/apt", "http://mirror.example.com/yum", "1", "K\n"),
            (tree.Variable("flavour"), tree.Variable("version"), tree.Variable("apt"), tree.Variable("yum"), tree.Variable("pinned"),
                tree.Printed("key")));
        Assert.Equal("""
            certname = 0f8fad5b-d9cb-469f-a165-70867728950e
            ca_server = ca.example.com
            ca_port = 8141
            waitforcert = 5
            key_type = ec
            http_proxy_host = proxy
            [agent]
            server = puppet.example.com
            serverport = 8150
            masterport = 8150
            environment = production
            runinterval = 10m
            splay = true
            splaylimit = 5m
            report = false
            crl_refresh_interval = 4h
            noop = true
            [user]
            a = $vardir/'x'

            """.ReplaceLineEndings("\n"), tree.PuppetConf);
    }

    /// <summary>What is printed by the script never becomes a command of it: no line ends a here-document.</summary>
    [Theory]
    [InlineData("OVERTURE", true)]
    [InlineData("EOF", true)]
    [InlineData("OVERTURE_TEXT", false)]
    [InlineData("OVERTURE_AGENT", false)]
    [InlineData("OVERTURE_TEXT\r", false)]
    public void Render_KeyWithTheLineOfADelimiter_IsPrintedOrRefused(string line, bool printed)
    {
        var key = $"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQINBF\n{line}\n/tmp/rv/pwn\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n";
        var spec = Spec(s => s.Puppet.Agent = new PuppetAgent { Repository = new AgentRepository { Key = key } });
        if (printed)
            Assert.Equal(key, UserDataTree.Of(UserData.Render(Name, spec, "production", Token, Bundle)).Printed("key"));
        else
            Assert.Throws<ArgumentException>(() => UserData.Render(Name, spec, "production", Token, Bundle));
        Assert.Throws<ArgumentException>(() => AgentScript.Command(Name, Spec(), "production", Bundle, "a\nOVERTURE_CSR\nb", packed: true));
    }

    [Fact]
    public void Render_CertificateWithSpaces_IsNone() => Assert.Throws<ArgumentException>(() => UserData.Render(Name, Spec(), "production",
        Token, "-----BEGIN CERTIFICATE-----\nMI IB\n-----END CERTIFICATE-----\n"));

    /// <summary>Whatever the CA, the user has 5 KiB: a CA and its successor, both RSA 4096, are the largest bundle that there is.</summary>
    [Fact]
    public void Render_LargestBundle_LeavesRoomForTheUser()
    {
        var line = new string('A', 64) + "\n";
        var certificate = "-----BEGIN CERTIFICATE-----\n" + string.Concat(Enumerable.Repeat(line, 31)) + "-----END CERTIFICATE-----\n";
        var bundle = certificate + certificate;
        Assert.InRange(bundle.Length, 4 * 1024, 5 * 1024);
        var spec = Spec(s => s.CloudConfig = $"x: {new string('x', UserData.RoomForUsers - 5)}");
        var tree = UserDataTree.Of(UserData.Render(Name, spec, "production", Token, bundle));
        Assert.Equal(bundle, tree.Ca);
        Assert.Contains("OVERTURE_AGENT", tree.Text("bootcmd", "0"), StringComparison.Ordinal);
        // With it, and where there is room, the script is what a person can read.
        Assert.Contains("base64 -d", tree.Text("bootcmd", "0"), StringComparison.Ordinal);
        Assert.DoesNotContain("base64 -d", UserData.Render(Name, Spec(), "production", Token, bundle), StringComparison.Ordinal);
    }

    /// <summary>
    /// Threats T25: without the pin an agent would trust the first CA it meets. Whatever the bundle, it is refused or it is in there.
    /// </summary>
    [Fact]
    public void T25_BundleOfAnyText_IsPinnedOrRefused() =>
        Prop.ForAll(ArbMap.Default.ArbFor<NonNull<string>>(), text =>
    {
        var noise = new string([.. text.Get.Where(c => !char.IsSurrogate(c)).Take(4000)]);
        Assert.Throws<ArgumentException>(() => UserData.Render(Name, Spec(), "production", Token, noise));
        var tree = UserDataTree.Of(UserData.Render(Name, Spec(), "production", Token, noise + Bundle));
        Assert.Equal(Bundle, tree.Ca);
    }).QuickCheckThrowOnFailure();

    /// <summary>Threats T26: while the CA rolls over, the bundle holds both; so does what the instance boots from.</summary>
    [Fact]
    public void T26_BundleOfTwoCas_IsPinnedWhole()
    {
        using var next = new TestPuppetCa();
        var tree = UserDataTree.Of(UserData.Render(Name, Spec(), "production", Token, ca.BundlePem + next.BundlePem));
        Assert.Equal(ca.BundlePem + next.BundlePem, tree.Ca);
    }

    [Fact]
    public void Render_SameInputs_SameBytes() => Assert.Equal(
        UserData.Render(Name, Spec(s => { s.Extensions["pp_role"] = "a"; s.Extensions["pp_zone"] = "b"; }), "production", Token, Bundle),
        UserData.Render(Name, Spec(s => { s.Extensions["pp_zone"] = "b"; s.Extensions["pp_role"] = "a"; }), "production", Token, Bundle));

    [Fact]
    public void Render_AnySize_IsAtMost16KiBOrRefused()
    {
        for (var length = 4_000; length < 13_000; length += 100)
        {
            var spec = Spec(s => s.Extensions["pp_role"] = new string('x', length));
            try
            {
                Assert.InRange(UserData.Render(Name, spec, "production", Token, Bundle).Length, 1, 16 * 1024);
            }
            catch (FaultException e)
            {
                Assert.Equal(Reason.TooLarge, e.Reason);
                Assert.True(length > 10_000);
            }
        }
    }

    [Fact]
    [Trait("Category", "integration")]
    public async Task Render_Documents_PassCloudInitsOwnSchema()
    {
        using var directory = new TempDirectory();
        // Values that a plan lets pass, at their nastiest.
        var spec = Spec(s =>
        {
            s.Extensions["pp_role"] = "{{ yes }} # \"quoted\" 'single' \\ %i: - é";
            s.Extensions["1.3.6.1.4.1.34380.1.2.7"] = "0777";
        });
        await File.WriteAllTextAsync(directory.File("user-data"), UserData.Render(Name, spec, "production", Token, ca.BundlePem));
        var checkedBy = await Shell.Run("cloud-init", "schema", "--config-file", directory.File("user-data"));
        Assert.True(checkedBy.ExitCode == 0, checkedBy.Output + checkedBy.Errors);
        Assert.Contains("Valid cloud-config", checkedBy.Output, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Category", "integration")]
    public async Task Render_EveryFlavour_PassesTheSchemaOfCloudInit25()
    {
        await using var trixie = await RootedHost.Start(await RootFileSystem.Get("trixie-agent"));
        Assert.StartsWith("/usr/bin/cloud-init 25.", (await trixie.Run("cloud-init", "--version")).Ok(), StringComparison.Ordinal);
        foreach (var flavour in Enum.GetValues<AgentFlavour>())
        {
            var spec = Spec(s => s.Puppet.Agent = new PuppetAgent { Flavour = flavour, KeyType = AgentKeyType.Ec });
            await trixie.Write("/var/tmp/user-data", UserData.Render(Name, spec, "production", Token, ca.BundlePem));
            var checkedBy = await trixie.Run("cloud-init", "schema", "--config-file", "/var/tmp/user-data");
            Assert.True(checkedBy.ExitCode == 0, $"{flavour}: {checkedBy.Output}{checkedBy.Errors}");
            Assert.Contains("Valid", checkedBy.Output, StringComparison.Ordinal);
        }
        await trixie.Write("/var/tmp/user-data", "#cloud-config\nruncmd: 7\n");
        Assert.NotEqual(0, (await trixie.Run("cloud-init", "schema", "--config-file", "/var/tmp/user-data")).ExitCode);
    }

    [Fact]
    [Trait("Category", "integration")]
    public async Task Schema_OfCloudInit_RefusesAnUnknownKey()
    {
        // The test above can fail.
        using var directory = new TempDirectory();
        await File.WriteAllTextAsync(directory.File("user-data"),
            UserData.Render(Name, Spec(), "production", Token, ca.BundlePem)
            .Replace("- - \"sh\"", "- - 7", StringComparison.Ordinal));
        Assert.NotEqual(0, (await Shell.Run("cloud-init", "schema", "--config-file", directory.File("user-data"))).ExitCode);
    }

    public void Dispose() => ca.Dispose();

    private static LaunchSpec Spec(Action<LaunchSpec>? change = null)
    {
        var spec = LaunchPlan.From(ConductorFixture.Spec(s => s.Puppet.CaServer = "ca.example.com"), "file:/x", _ => new FakeProvider())
            .Spec;
        change?.Invoke(spec);
        return spec;
    }
}
