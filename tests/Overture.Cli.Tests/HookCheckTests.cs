using Overture.TestSupport;

namespace Overture.Cli.Tests;

/// <summary>overture hook check: what a puppetserver's configuration and hooks are, by files of the test's own.</summary>
[Collection(OvertureCollection.Name)]
[Trait("Category", "integration")]
public sealed class HookCheckTests : IDisposable
{
    private const string Conf = "[main]\nautosign = true\n[master]\nreports = store\n[server]\nautosign = $D/hooks/overture-autosign\n"
        + "node_terminus = exec\nexternal_nodes = $D/hooks/overture-enc\nreports = store, http\nreporturl = https://c.example.com:8142/reports\n";

    // setfacl -m u:nobody:$2,o::$3 $1, without the package.
    private const string Acl = """
        import os, struct, sys
        entries = [(1, 7, -1), (2, int(sys.argv[2]), 65534), (4, 5, -1), (16, 5, -1), (32, int(sys.argv[3]), -1)]
        os.setxattr(sys.argv[1], "system.posix_acl_access", struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *e) for e in entries))
        """;

    private readonly OvertureFixture overture;
    private readonly TempDirectory home = new();

    public HookCheckTests(OvertureFixture overture)
    {
        this.overture = overture;
        // Below a folder that anyone may go through, as /etc and /usr are.
        File.SetUnixFileMode(home.Path, (UnixFileMode)0b111_101_101);
        Directory.CreateDirectory(home.File("hooks"));
        Directory.CreateDirectory(home.File("puppetserver/services.d"));
        File.WriteAllText(home.File("puppet.conf"), Conf.Replace("$D", home.Path, StringComparison.Ordinal));
        File.WriteAllText(home.File("hooks/overture-autosign"), "#!/bin/true autosign-hook\n# a script\n");
        File.WriteAllText(home.File("hooks/overture-enc"), "#!/bin/true\n");
        foreach (var hook in Directory.GetFiles(home.File("hooks")))
            File.SetUnixFileMode(hook, (UnixFileMode)0b111_101_101);
    }

    public void Dispose() => home.Dispose();

    [Fact]
    public async Task Check_HooksAsInstalled_IsZero()
    {
        var answer = (await Check("-o", "json")).Exit(0).Json();
        Assert.Equal(["autosign ok", "external_nodes ok", "reports ok"],
            answer["checks"]!.AsArray().Select(c => $"{c!["check"].Text()} {c["status"].Text()}"));
        Assert.Equal((home.File("puppet.conf"), "nobody"), (answer["puppetConf"].Text(), answer["user"].Text()));
    }

    [Theory]
    [InlineData("chmod 644 hooks/overture-autosign", "autosign fail user nobody may not execute {0}/hooks/overture-autosign (0644): "
        + "puppetserver reads it as a list of names, so nothing is signed", "chmod 0755 {0}/hooks/overture-autosign")]
    [InlineData("chmod 700 hooks/overture-autosign", "autosign fail user nobody may not execute", "chmod 0755")]
    [InlineData("chown nobody hooks/overture-autosign; chmod 655 hooks/overture-autosign", "autosign fail user nobody may not execute",
        "chmod 0755")]
    [InlineData("printf '*\\n' > hooks/overture-autosign; chmod 644 hooks/overture-autosign",
        "its line 1 signs every request", "chmod 0755")]
    [InlineData("rm hooks/overture-autosign", "autosign fail {0}/hooks/overture-autosign is not there: puppetserver reads it as a list",
        "overture hook install {0}/hooks/overture-autosign")]
    [InlineData("rm hooks/overture-autosign; mkdir hooks/overture-autosign", "is a directory", "overture hook install")]
    [InlineData("chmod 750 hooks", "autosign fail user nobody may not go through {0}/hooks to", "chmod o+x {0}/hooks")]
    [InlineData("chgrp daemon hooks/overture-autosign; chmod 775 hooks/overture-autosign", "others than root may write", "chown root")]
    [InlineData("mkdir p; mv hooks/overture-autosign p/; chmod 700 p; ln -s ../p/overture-autosign hooks/overture-autosign",
        "may not go through {0}/p to", "chmod o+x {0}/p")]
    [InlineData("printf 'x.example.com\\n*.corp.example.com\\n' > hooks/overture-autosign; chmod 644 hooks/overture-autosign",
        "its line 1 signs 'x.example.com'", "chmod 0755")]
    [InlineData("mkdir -p p/q; mv hooks p/q/; chmod 700 p; ln -s p/q/hooks hooks", "may not execute {0}/hooks/overture-autosign: "
        + "an ACL, a mount with noexec or a folder on the way of a link", "namei -l {0}/hooks/overture-autosign")]
    [InlineData("chgrp daemon hooks; chmod 775 hooks", "others than root may write the folder {0}/hooks (0775)", "chown root {0}/hooks")]
    [InlineData("chown nobody hooks", "others than root may write the folder {0}/hooks (0755)", "chown root {0}/hooks")]
    [InlineData("printf '#!{0}/none autosign-hook\\n' > hooks/overture-autosign", "can't be run: {0}/none is not there",
        "overture hook install {0}/hooks/overture-autosign")]
    [InlineData("cp /bin/true own; chmod 700 own; printf '#!{0}/own autosign-hook\\n' > hooks/overture-autosign",
        "can't be run: user nobody may not execute {0}/own (0700)", "chmod 0755 {0}/own")]
    [InlineData("cp /bin/true own; chmod 777 own; printf '#!{0}/own autosign-hook\\n' > hooks/overture-autosign",
        "others than root may write {0}/own (0777)", "chown root {0}/own")]
    [InlineData("chmod 644 hooks/overture-enc", "external_nodes fail user nobody may not execute {0}/hooks/overture-enc (0644): every "
        + "run fails", "chmod 0755 {0}/hooks/overture-enc")]
    [InlineData("sed -i 's/^node_terminus.*/node_terminus = plain/' puppet.conf", "node_terminus fail is plain: no node is classified",
        "node_terminus = exec")]
    [InlineData("sed -i 's/^node_terminus.*/node_terminus = overture/' puppet.conf", "and {0}/overture.yaml is not there",
        "apply class overture::puppetserver")]
    [InlineData("sed -i 's/store, http/store/' puppet.conf", "reports fail are not forwarded", "reports = http")]
    [InlineData("sed -i '/overture-autosign/d' puppet.conf", "autosign fail is true: every request is signed", "autosign = /usr/bin")]
    public async Task Check_HookInThisState_IsOneAndNamesTheCure(string state, string said, string next)
    {
        (await Shell.Run("sh", ["-euc", In(state)], null, directory: home.Path)).Ok();
        var answer = (await Check("-o", "json")).Exit(1).Json();
        var found = answer["checks"]!.AsArray().First(c => c!["status"].Text() == "fail")!;
        Assert.Contains(In(said), $"{found["check"].Text()} fail {found["detail"].Text()}", StringComparison.Ordinal);
        Assert.StartsWith(In(next), found["next"].Text(), StringComparison.Ordinal);
        Assert.Contains(In(next), (await Check()).Exit(1).Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("python3 acl.py hooks/overture-enc 0 5", "may not execute")]
    [InlineData("chmod 750 hooks/overture-enc; python3 acl.py hooks/overture-enc 5 0", "")]
    [InlineData("sed -i 's|^external_nodes.*|external_nodes = $confdir/hooks/overture-enc --site a|' puppet.conf", "")]
    [InlineData("sed -i 's|^external_nodes.*|external_nodes = $hooks/overture-enc\\nhooks = $confdir/hooks|' puppet.conf", "")]
    [InlineData("sed -i 's|^autosign = \\(.*-autosign\\)|autosign = \\1 {owner = root, mode = 0755}|' puppet.conf", "")]
    public async Task Check_AclsVariablesAndWhatIsBehindAPath_AreAsTheServerSeesThem(string state, string said)
    {
        await File.WriteAllTextAsync(home.File("acl.py"), Acl);
        (await Shell.Run("sh", ["-euc", state], null, directory: home.Path)).Ok();
        var answer = await Check();
        Assert.Contains(said, answer.Exit(said.Length > 0 ? 1 : 0).Output, StringComparison.Ordinal);
    }

    // As Debian's /usr/local may be: root:staff 2775, which is no one's but root's until someone is in that group.
    [Theory]
    [InlineData("root", "", "ok", "is executable by user nobody")]
    [InlineData("staff", "", "ok", "is executable by user nobody")]
    [InlineData("staff", "backup", "warn",
        "backup may write the folder {0}/hooks (02775) above {0}/hooks/overture-enc, by a group of administrators")]
    public async Task Check_FolderThatAGroupOfAdministratorsMayWrite_IsAWarningAtMost(string group, string members, string status,
        string said)
    {
        (await Shell.Run("sh", ["-euc", $"chgrp {group} hooks; chmod 2775 hooks; sed 's/^staff:.*/&{members}/' /etc/group > group"], null,
            directory: home.Path)).Ok();
        // Of a mount namespace that ends with it.
        var ran = await Shell.Run("unshare", ["--mount", "sh", "-euc", "mount --bind \"$1\" /etc/group; shift; exec \"$@\"", "_",
            home.File("group"), OvertureFixture.Binary, "hook", "check", "--confdir", home.Path, "--user", "nobody", "-o", "json"], null);
        var found = ran.Exit(0).Json()["checks"]!.AsArray().Single(c => c!["check"].Text() == "external_nodes")!;
        Assert.Equal(status, found["status"].Text());
        Assert.Contains(In(said), found["detail"].Text(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Check_VariableThatIsNotSetThere_IsAWarning()
    {
        (await Shell.Run("sed", ["-i", "s|^external_nodes.*|external_nodes = $vardir/enc|", home.File("puppet.conf")], null)).Ok();
        Assert.Contains("is $vardir/enc: ", (await Check()).Exit(0).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Check_CaServiceOff_AutosignIsNotAsked()
    {
        await File.WriteAllTextAsync(home.File("puppetserver/services.d/ca.cfg"),
            "puppetlabs.services.ca.certificate-authority-disabled-service/certificate-authority-disabled-service\n");
        File.Delete(home.File("hooks/overture-autosign"));
        Assert.Contains("the CA service of this puppetserver is off", (await Check()).Exit(0).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Check_NoPuppetConf_SaysWhereItLooked() =>
        (await overture.Run("hook", "check", "--confdir", home.File("hooks"))).Exit(3)
            .Says($"there is no {home.File("hooks/puppet.conf")}");

    private string In(string text) => text.Replace("{0}", home.Path, StringComparison.Ordinal);

    private Task<Ran> Check(params string[] more) => overture.Run(["hook", "check", "--confdir", home.Path, "--user", "nobody", .. more]);
}
