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
        var tree = UserDataTree.Of(UserData.Render(Name, spec, value, Token, Bundle, install: false));
        Assert.Equal(value, tree.CsrAttributes.Text("extension_requests", "pp_role"));
        Assert.Equal(value, tree.Text("puppet", "conf", "agent", "environment"));
        Assert.Equal(["bootcmd", "puppet"], tree.Root.Children.Keys.Select(k => ((YamlScalarNode)k).Value!));
    }

    [Fact]
    public void Render_AnyText_ParsesBackAsItself() => Prop.ForAll(ArbMap.Default.ArbFor<NonNull<string>>(), text =>
    {
        // lone surrogates have no UTF-8 form, so no message can carry them
        var value = new string([.. text.Get.Where(c => !char.IsSurrogate(c))]);
        if (value.Length > 4000)
            return;
        var tree = UserDataTree.Of(UserData.Render(Name, Spec(s => s.Extensions["pp_role"] = value), "production", Token, Bundle,
            install: true));
        Assert.Equal(value, tree.CsrAttributes.Text("extension_requests", "pp_role"));
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Render_LocalInstance_IsThisDocument()
    {
        var text = UserData.Render(Name, Spec(), "production", Token, Bundle, install: false);
        Assert.StartsWith("#cloud-config\n", text, StringComparison.Ordinal);
        Assert.Equal(
            """
            #cloud-config
            "bootcmd":
            - "f=/etc/puppet/csr_attributes.yaml w=/var/lib/cloud/instance/overture_token\nmkdir -p ${f%/*}\n[ -e $w ] || (umask 077; rm -f $f\ncat >$f && : >$w || { rm -f $f; echo \"overture: $f could not be written\" >&2; }) <<'EOF'\n# overture 0f8fad5b-d9cb-469f-a165-70867728950e\n\"custom_attributes\":\n  \"1.2.840.113549.1.9.7\": \"abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrst\"\nEOF\n(until for d in /var/lib/puppet /etc/puppetlabs/puppet /etc/puppet; do [ -s $d/ssl/certs/0f8fad5b-d9cb-469f-a165-70867728950e.pem ] && break; done\ndo sleep 5; done; read -r l <$f && [ \"$l\" = \"# overture 0f8fad5b-d9cb-469f-a165-70867728950e\" ] && rm -f $f) </dev/null >/dev/null 2>&1 &"
            "puppet":
              "install": false
              "start_service": true
              "conf":
                "main":
                  "certname": "0f8fad5b-d9cb-469f-a165-70867728950e"
                  "ca_server": "ca.example.com"
                  "ca_port": 8141
                  "waitforcert": 5
                  "csr_attributes": "/etc/puppet/csr_attributes.yaml"
                "agent":
                  "server": "puppet.example.com"
                  "serverport": 8140
                  "environment": "production"
                  "crl_refresh_interval": "1d"
                "ca_cert": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"

            """.ReplaceLineEndings("\n"), text);
    }

    /// <summary>
    /// Threats T25: without the pin an agent would trust the first CA it meets. Whatever the bundle, it is refused or it is in there.
    /// </summary>
    [Fact]
    public void T25_BundleOfAnyText_IsPinnedOrRefused() =>
        Prop.ForAll(ArbMap.Default.ArbFor<NonNull<string>>(), ArbMap.Default.ArbFor<bool>(), (text, install) =>
    {
        var noise = new string([.. text.Get.Where(c => !char.IsSurrogate(c)).Take(4000)]);
        Assert.Throws<ArgumentException>(() => UserData.Render(Name, Spec(), "production", Token, noise, install));
        var tree = UserDataTree.Of(UserData.Render(Name, Spec(), "production", Token, noise + Bundle, install));
        Assert.Equal(noise + Bundle, tree.Text("puppet", "conf", "ca_cert"));
    }).QuickCheckThrowOnFailure();

    /// <summary>Threats T26: while the CA rolls over, the bundle holds both; so does what the instance boots from.</summary>
    [Fact]
    public void T26_BundleOfTwoCas_IsPinnedWhole()
    {
        using var next = new TestPuppetCa();
        var tree = UserDataTree.Of(UserData.Render(Name, Spec(), "production", Token, ca.BundlePem + next.BundlePem, install: false));
        Assert.Equal(ca.BundlePem + next.BundlePem, tree.Text("puppet", "conf", "ca_cert"));
    }

    [Fact]
    public void Render_SameInputs_SameBytes() => Assert.Equal(
        UserData.Render(Name, Spec(s => { s.Extensions["pp_role"] = "a"; s.Extensions["pp_zone"] = "b"; }), "production", Token, Bundle,
            install: false),
        UserData.Render(Name, Spec(s => { s.Extensions["pp_zone"] = "b"; s.Extensions["pp_role"] = "a"; }), "production", Token, Bundle,
            install: false));

    [Fact]
    public void Render_AnySize_IsAtMost16KiBOrRefused()
    {
        for (var length = 14_000; length < 17_000; length += 100)
        {
            var spec = Spec(s => s.Extensions["pp_role"] = new string('x', length));
            try
            {
                Assert.InRange(System.Text.Encoding.UTF8.GetByteCount(UserData.Render(Name, spec, "production", Token, Bundle,
                    install: false)), 1, 16 * 1024);
            }
            catch (FaultException e)
            {
                Assert.Equal(Reason.TooLarge, e.Reason);
                Assert.True(length > 14_600);
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Category", "integration")]
    public async Task Render_Documents_PassCloudInitsOwnSchema(bool install)
    {
        using var directory = new TempDirectory();
        // Values that a plan lets pass, at their nastiest.
        var spec = Spec(s =>
        {
            s.Extensions["pp_role"] = "{{ yes }} # \"quoted\" 'single' \\ %i: - é";
            s.Extensions["1.3.6.1.4.1.34380.1.2.7"] = "0777";
        });
        await File.WriteAllTextAsync(directory.File("user-data"), UserData.Render(Name, spec, "production", Token, ca.BundlePem, install));
        var checkedBy = await Shell.Run("cloud-init", "schema", "--config-file", directory.File("user-data"));
        Assert.True(checkedBy.ExitCode == 0, checkedBy.Output + checkedBy.Errors);
        Assert.Contains("Valid cloud-config", checkedBy.Output, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Category", "integration")]
    public async Task Schema_OfCloudInit_RefusesAnUnknownKey()
    {
        // The test above can fail.
        using var directory = new TempDirectory();
        await File.WriteAllTextAsync(directory.File("user-data"),
            UserData.Render(Name, Spec(), "production", Token, ca.BundlePem, install: false)
            .Replace("\"install\"", "\"instal\"", StringComparison.Ordinal));
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
