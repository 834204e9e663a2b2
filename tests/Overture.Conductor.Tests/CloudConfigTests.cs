using Overture.Conductor.Launch;
using Overture.Conductor.Specs;
using Overture.Conductor.V1;
using Overture.Platform.Records;

namespace Overture.Conductor.Tests;

/// <summary>The user's own cloud-config and scripts: what is taken, what is refused, and where it ends up.</summary>
public sealed class CloudConfigTests
{
    private const string Bundle = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    private static readonly CertName Name = CertName.Parse("0f8fad5b-d9cb-469f-a165-70867728950e");

    [Theory]
    [InlineData("puppet: {install: false}", "cloud_config.puppet", "is written by Overture")]
    [InlineData("phone_home: {url: http://x/}", "cloud_config.phone_home", "from reports")]
    [InlineData("merge_how: list(append)", "cloud_config.merge_how", "there is only one")]
    [InlineData("merge_type: list(append)", "cloud_config.merge_type", "there is only one")]
    [InlineData("launch-index: 3", "cloud_config.launch-index", "skip the document")]
    [InlineData("cloud_init_modules: []", "cloud_config.cloud_init_modules", "without runcmd")]
    [InlineData("cloud_config_modules: []", "cloud_config.cloud_config_modules", "without runcmd")]
    [InlineData("cloud_final_modules: [ssh]", "cloud_config.cloud_final_modules", "without runcmd")]
    [InlineData("datasource: {None: {}}", "cloud_config.datasource", "leave it out")]
    [InlineData("datasource_list: [None]", "cloud_config.datasource_list", "leave it out")]
    [InlineData("system_info: {}", "cloud_config.system_info", "leave it out")]
    [InlineData("apt_update: false", "cloud_config.apt_update", "package_update")]
    [InlineData("ssh: {emit_keys_to_console: false}", "cloud_config.ssh.emit_keys_to_console", "overture ssh")]
    [InlineData("ssh: {emit_keys_to_console: 0}", "cloud_config.ssh.emit_keys_to_console", "overture ssh")]
    [InlineData("ssh_key_console_blacklist: [ssh-ed25519]", "cloud_config.ssh_key_console_blacklist", "overture ssh")]
    [InlineData("runcmd: reboot", "cloud_config.runcmd", "must be a list")]
    [InlineData("ssh_pwauth: no", "cloud_config.ssh_pwauth", "is a plain no")]
    [InlineData("x: [{a: On}]", "cloud_config.x[0].a", "is a plain On")]
    [InlineData("- packages", "cloud_config", "must be a mapping")]
    [InlineData("a: &x 1\nb: *x", "cloud_config", "uses an anchor (its line 1)")]
    [InlineData("## template: jinja\n#cloud-config\na: b", "cloud_config", "begins with ## template:")]
    [InlineData("#!/bin/sh\nreboot", "cloud_config", "begins with #!")]
    [InlineData("#include\nhttp://x/", "cloud_config", "begins with #include")]
    [InlineData("#cloud-config-archive\n- a", "cloud_config", "begins with #cloud-config-archive")]
    public void Check_WhatWouldReplaceOurs_IsRefusedWithASentence(string document, string field, string rule)
    {
        var problem = Assert.Single(CloudConfig.Check(document));
        Assert.Equal(field, problem.Field);
        Assert.Contains(rule, problem.Rule, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("#cloud-config\npackages: [jq]")]
    [InlineData("package_update: true")]
    [InlineData("package_update: false")]
    [InlineData("ssh: {emit_keys_to_console: true}\nssh_authorized_keys: [a]\nusers: [default]\nbootcmd: [[a]]\nwrite_files: [{path: "
        + "/a}]\nruncmd:")]
    [InlineData("bootcmd:\nruncmd:")]
    [InlineData("ssh_pwauth: \"no\"")]
    public void Check_WhatOnlyAdds_IsTaken(string document) => Assert.Empty(CloudConfig.Check(document));

    [Theory]
    [InlineData("echo hi\n", "scripts[0]", "must begin with #!")]
    [InlineData(" #!/bin/sh\n", "scripts[0]", "must begin with #!")]
    [InlineData("#!/bin/sh\r\necho\r\n", "scripts[0]", "no control characters")]
    [InlineData("#!/bin/sh\n\0", "scripts[0]", "no control characters")]
    [InlineData("#!/bin/sh\n\u0085", "scripts[0]", "no control characters")]
    public void Check_Script_BrokenRuleIsTold(string script, string field, string rule)
    {
        var problem = Assert.Single(MimeParts.Check([script]));
        Assert.Equal(field, problem.Field);
        Assert.Contains(rule, problem.Rule, StringComparison.Ordinal);
    }

    [Fact]
    public void Render_Agent_StartsBeforeTheUsersCommands()
    {
        var text = Render(new LaunchSpec { CloudConfig = "runcmd: [[echo, user], reboot]\npackages: [jq]" });
        Assert.EndsWith(
            """
            "runcmd":
            - - "sh"
              - "/var/lib/cloud/instance/overture/agent"
              - "run"
            - - "echo"
              - "user"
            - "reboot"
            "packages":
            - "jq"

            """.ReplaceLineEndings("\n"), text, StringComparison.Ordinal);
        Assert.Contains("\"run\"\n", Render(new LaunchSpec { CloudConfig = "runcmd:" }), StringComparison.Ordinal);
        Assert.Equal("echo user",
            UserDataTree.Of(Render(new LaunchSpec { CloudConfig = "bootcmd: [echo user]" })).Text("bootcmd", "1"));
        Assert.Contains("csr_attributes",
            UserDataTree.Of(Render(new LaunchSpec { CloudConfig = "bootcmd:" })).Text("bootcmd", "0"),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Render_Scripts_AreMimePartsInOrder()
    {
        var text = Render(new LaunchSpec { Scripts = { "#!/bin/sh\necho 1\n", "#!/bin/sh\necho é" } });
        Assert.StartsWith("Content-Type: multipart/mixed; boundary=\"overture-0\"\nMIME-Version: 1.0\n\n--overture-0\nContent-Type: "
            + "text/cloud-config; charset=\"utf-8\"\n", text, StringComparison.Ordinal);
        Assert.EndsWith(
            """
            --overture-0
            Content-Type: text/x-shellscript; charset="utf-8"
            Content-Disposition: attachment; filename="user-script-01"

            #!/bin/sh
            echo 1

            --overture-0
            Content-Type: text/x-shellscript; charset="utf-8"
            Content-Disposition: attachment; filename="user-script-02"
            Content-Transfer-Encoding: base64

            IyEvYmluL3NoCmVjaG8gw6k=
            --overture-0--

            """.ReplaceLineEndings("\n"), text, StringComparison.Ordinal);
    }

    [Fact]
    public void Render_BoundaryInAScript_IsAnotherOne() =>
        Assert.StartsWith("Content-Type: multipart/mixed; boundary=\"overture-2\"\n",
            Render(new LaunchSpec { Scripts = { "#!/bin/sh\n--overture-0\n--overture-1--\n" } }), StringComparison.Ordinal);

    [Fact]
    public void Render_Anything_IsAscii() =>
        Assert.True(System.Text.Ascii.IsValid(
            Render(new LaunchSpec { CloudConfig = "packages: [\"é💥\\u2028\"]", Scripts = { "#!/bin/sh\n# é💥" } })));

    private static string Render(LaunchSpec spec)
    {
        spec.Puppet = new PuppetSettings { Server = "puppet.example.com", Serverport = 8140, CaServer = "ca.example.com", CaPort = 8141 };
        return UserData.Render(Name, spec, "production", "abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrst", Bundle);
    }
}
