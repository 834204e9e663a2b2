using Overture.TestSupport;

namespace Overture.EndToEnd.Tests;

/// <summary>deploy/puppet by a real `puppet apply`, in directories of the test's own.</summary>
[Trait("Category", "integration")]
public sealed class ModuleTests : IDisposable
{
    private const string Token = "jbswy3dpehpk3pxpjbswy3dpehpk3pxpjbswy3dpehpk3pxpjbsw";
    private readonly TempDirectory home = new();

    public ModuleTests() => Directory.CreateDirectory(home.File("conf"));

    [Fact]
    public async Task Agent_ThatIsHereAlready_GetsItsSettingsAndSecretAndKeepsTheRest()
    {
        await File.WriteAllTextAsync(home.File("conf/puppet.conf"),
            "# by hand\n[main]\nserver = old.example.com\ncertname = old.example.com\nlogdest = syslog # stays\n\n[agent]\n  "
                + "server=older.example.com\n\n[server]\nca_server = not.me.example.com\n");
        var applied = await Apply(Agent($"certname => 'db1.example.com', token => Sensitive('{Token}')"), "--debug");
        Assert.Equal(2, applied.ExitCode);
        Assert.DoesNotContain(Token, applied.Output + applied.Errors, StringComparison.Ordinal);

        var conf = await File.ReadAllTextAsync(home.File("conf/puppet.conf"));
        string[] stays =
            ["# by hand\n[main]\n", "\nserver = old.example.com\n", "\nlogdest = syslog # stays\n",
                "\n[server]\nca_server = not.me.example.com\n"];
        foreach (var kept in stays)
            Assert.Contains(kept, conf, StringComparison.Ordinal);
        Assert.Equal("db1.example.com puppet.example.com 8150 ca.example.com 8141 60d",
            string.Join(' ', await Setting("certname"), await Setting("server"), await Setting("serverport"),
            await Setting("ca_server"), await Setting("ca_port"),
                System.Text.RegularExpressions.Regex.Match(conf, "hostcert_renewal_interval = (.*)\n").Groups[1].Value));
        Assert.Contains($"\ncsr_attributes = {home.File("conf/csr_attributes.yaml")}\n", conf, StringComparison.Ordinal);
        Assert.Equal($"custom_attributes:\n  1.2.840.113549.1.9.7: \"{Token}\"\n",
            await File.ReadAllTextAsync(home.File("conf/csr_attributes.yaml")));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(home.File("conf/csr_attributes.yaml")));

        // A second time there is nothing to do.
        Assert.Equal(0, (await Apply(Agent($"certname => 'db1.example.com', token => Sensitive('{Token}')"))).ExitCode);
        Assert.Equal(conf, await File.ReadAllTextAsync(home.File("conf/puppet.conf")));
    }

    /// <summary>Review, point 17: a host that is adopted keeps its token no longer than a node that was launched.</summary>
    [Fact]
    public async Task P17_AdoptedAgent_LosesItsTokenWithItsCertificate()
    {
        var file = home.File("conf/csr_attributes.yaml");
        var manifest = Agent($"certname => 'db1.example.com', token => Sensitive('{Token}')");
        // A certificate of the CA before does not count, and what was world-readable becomes root's alone.
        var certificates = home.File("ssl/certs");
        string[] here = ["--ssldir", home.File("ssl")];
        Directory.CreateDirectory(certificates);
        await File.WriteAllTextAsync($"{certificates}/db1.example.com.pem", "old");
        await File.WriteAllTextAsync(file, "extension_requests: {}\n");
        Assert.Equal(2, (await Apply(manifest, here)).ExitCode);
        Assert.Contains(Token, await File.ReadAllTextAsync(file), StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));

        File.Delete($"{certificates}/db1.example.com.pem");
        await File.WriteAllTextAsync($"{certificates}/db1.example.com.pem", "new");
        var applied = await Apply(manifest, [.. here, "--debug"]);
        Assert.Equal(2, applied.ExitCode);
        Assert.DoesNotContain(Token, applied.Output + applied.Errors + await File.ReadAllTextAsync(file), StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        // Puppet reads it as no attributes, nothing is to do a third time, and another token is written again.
        Assert.Equal("{}", (await Shell.Run("ruby", "-ryaml", "-e", "p YAML.load_file(ARGV[0])", file)).Ok().Trim());
        Assert.Equal(0, (await Apply(manifest, here)).ExitCode);
        Assert.Equal(2, (await Apply(manifest.Replace(Token, Token[..^1] + "a", StringComparison.Ordinal), here)).ExitCode);
        Assert.Contains(Token[..^1] + "a", await File.ReadAllTextAsync(file), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Agent_WithoutToken_LeavesCsrAttributesAndCertnameAlone()
    {
        await File.WriteAllTextAsync(home.File("conf/csr_attributes.yaml"), "extension_requests: {}\n");
        Assert.Equal(2, (await Apply(Agent(""))).ExitCode);
        Assert.Equal("extension_requests: {}\n", await File.ReadAllTextAsync(home.File("conf/csr_attributes.yaml")));
        Assert.DoesNotContain("csr_attributes", await File.ReadAllTextAsync(home.File("conf/puppet.conf")), StringComparison.Ordinal);
        Assert.DoesNotContain("certname", await File.ReadAllTextAsync(home.File("conf/puppet.conf")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("server => 'a b'", "server")]
    [InlineData("renewal_interval => 'soon'", "renewal_interval")]
    [InlineData("token => Sensitive('UPPER')", "token")]
    public async Task Agent_BadParameter_IsNamed(string parameter, string name)
    {
        var refused = await Apply(
            $"class {{ 'overture::agent': {(name == "server" ? "" : "server => 'puppet.example.com', ")}{parameter}, ca_server => "
                + $"'ca.example.com', confdir => '{home.File("conf")}' }}");
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains($"parameter '{name}'", refused.Errors, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(home.File("conf")));
    }

    [Theory]
    [InlineData("ca_server=ca.example.com terminus=native enc_command=/bin/true", "terminus native needs classifier_url")]
    [InlineData("ca=overture", "ca overture needs ca_server")]
    [InlineData("ca=elsewhere", "parameter 'ca'")]
    [InlineData("ca_server=ca.example.com installation=packaged", "the packaged service has its own confdir, codedir, vardir, rundir,")]
    [InlineData("classifier_url=http://localhost:8143", "parameter 'classifier_url'")]
    [InlineData("class_readers=['*']", "parameter 'class_readers'")]
    public async Task Puppetserver_BadParameters_AreNamed(string parameters, string said)
    {
        var refused = await Puppetserver(parameters.Split(' '));
        Assert.NotEqual(0, refused.ExitCode);
        Assert.Contains(said, refused.Output + refused.Errors, StringComparison.Ordinal);
        Assert.False(File.Exists(home.File("server/conf/puppet.conf")));
    }

    [Theory]
    [InlineData("ca=overture ca_server=ca.example.com ca_port=8141 terminus=exec", "exec", "http", false)]
    [InlineData("ca=overture ca_server=ca.example.com terminus=native classifier_url=https://classifier.example.com:8143", "overture",
        "http", false)]
    [InlineData("ca=stock autosign=/usr/bin/overture-autosign dns_alt_names=[puppet] terminus=exec reports=[log]", "exec",
        "http,log", true)]
    [InlineData("ca=stock terminus=native classifier_url=https://classifier.example.com:8143 classifier_timeout=2", "overture",
        "http", true)]
    public async Task Puppetserver_CaAndTerminus_AreAnyOfTheFour(string parameters, string terminus, string reports, bool stock)
    {
        (await Puppetserver(parameters.Split(' '))).Ok();
        var conf = await File.ReadAllTextAsync(home.File("server/conf/puppet.conf"));
        Assert.Contains($"node_terminus = {terminus}\n", conf, StringComparison.Ordinal);
        Assert.Equal(terminus == "exec", conf.Contains("external_nodes = /mnt/bin/overture-enc\n", StringComparison.Ordinal));
        Assert.Contains($"reports = {reports}\nreporturl = https://localhost/reports\n", conf, StringComparison.Ordinal);
        Assert.Contains(stock ? "ca_server = puppet.example.com\n" : "ca_server = ca.example.com\n", conf, StringComparison.Ordinal);
        Assert.Equal(stock, conf.Contains("cadir = /mnt/conf/ca\n", StringComparison.Ordinal));
        Assert.Equal(parameters.Contains("autosign", StringComparison.Ordinal),
            conf.Contains("autosign = /usr/bin/overture-autosign\n", StringComparison.Ordinal));

        string Server(string file) => File.ReadAllText(home.File($"server/conf/puppetserver/{file}"));
        Assert.Contains(stock ? "certificate-authority-service/certificate-authority-service" : "certificate-authority-disabled-service",
            Server("services.d/ca.cfg"), StringComparison.Ordinal);
        Assert.Equal(stock, Server("conf.d/auth.conf").Contains("/puppet-ca/v1/clean", StringComparison.Ordinal));
        Assert.Equal(stock, Server("conf.d/web-routes.conf").Contains("\"/puppet-ca\"", StringComparison.Ordinal));
        Assert.Equal(!stock, File.Exists(home.File("server/bin/crl-refresh")));
        Assert.Equal(terminus == "overture", File.Exists(home.File("server/conf/overture.yaml")));
        var plugin = home.File("server/bin/ruby/puppet/indirector/node/overture.rb");
        Assert.Equal(await File.ReadAllTextAsync(RepositoryPaths.File("deploy/puppet/overture/lib/puppet/indirector/node/overture.rb")),
            await File.ReadAllTextAsync(plugin));
    }

    [Theory]
    [InlineData("ca_port=8141", "")]
    [InlineData("class_readers=[classifier-1.example.com, classifier-2.example.com]",
        "allow: [\"classifier-1.example.com\", \"classifier-2.example.com\"]")]
    public async Task Puppetserver_ClassReaders_AreWhoIsNamedAndNobodyElse(string parameter, string allowed)
    {
        (await Puppetserver("ca_server=ca.example.com", parameter)).Ok();
        var rules = (await File.ReadAllTextAsync(home.File("server/conf/puppetserver/conf.d/auth.conf"))).Split("match-request");
        var told = rules.SingleOrDefault(r => r.Contains("/puppet/v3/environment_classes", StringComparison.Ordinal)) ?? "";
        Assert.Equal(allowed, told.Split('\n').SingleOrDefault(l => l.Contains("allow", StringComparison.Ordinal))?.Trim() ?? "");
    }

    [Theory]
    // As packaged, and a second time there is nothing to do.
    [InlineData("certificate-authority: {\n    # allow-subject-alt-names: false\n}\n", true,
        "certificate-authority: {\n    allow-subject-alt-names: true\n    # allow-subject-alt-names: false\n}\n")]
    [InlineData("certificate-authority: {\n    allow-subject-alt-names: true // by hand\n}\n", false,
        "certificate-authority: {\n    allow-subject-alt-names: false // by hand\n}\n")]
    [InlineData("certificate-authority.allow-subject-alt-names = true\n", true, "certificate-authority.allow-subject-alt-names = true\n")]
    [InlineData("certificate-authority: {\n}\n", false, "certificate-authority: {\n}\n")]
    [InlineData(null, true, "certificate-authority: {\n    allow-subject-alt-names: true\n}\n")]
    public async Task AltNames_AreTheOneLineOfCaConf(string? before, bool allowed, string after)
    {
        var file = home.File("conf/ca.conf");
        if (before is not null)
            await File.WriteAllTextAsync(file, before);
        var manifest = $"overture_alt_names {{ '{file}': allowed => '{(allowed ? "true" : "false")}' }}";
        Assert.Equal(before == after ? 0 : 2, (await Apply(manifest)).ExitCode);
        Assert.Equal(after, await File.ReadAllTextAsync(file));
        Assert.Equal(0, (await Apply(manifest)).ExitCode);
    }

    // On a host that is both: whichever comes first.
    [Theory]
    [InlineData(true, "puppet.example.com", "")]
    [InlineData(false, "puppet.example.com", "")]
    [InlineData(true, "other.example.com", "give both the same")]
    public async Task AgentAndPuppetserver_OfOneHost_AgreeOnTheName(bool agentFirst, string certname, string said)
    {
        var agent = $"class {{ 'overture::agent': server => 'p.example.com', ca_server => 'ca.example.com', certname => '{certname}' }}\n";
        const string server = "class { 'overture::puppetserver': certname => 'puppet.example.com', ca_server => 'ca.example.com', "
            + "report_url => 'https://localhost/reports', enc_command => '/bin/true' }\n";
        // Nothing is applied: only that there is a catalog is looked at.
        var ran = await Apply(agentFirst ? agent + server : server + agent, "--noop");
        Assert.Equal(said.Length == 0, ran.ExitCode == 0);
        Assert.Contains(said, ran.Errors, StringComparison.Ordinal);
    }

    public void Dispose() => home.Dispose();

    private string Agent(string more) =>
        $"class {{ 'overture::agent': server => 'puppet.example.com', serverport => 8150, ca_server => 'ca.example.com', confdir => "
            + $"'{home.File("conf")}', {more} }}";

    private Task<Ran> Apply(string manifest, params string[] more) => Shell.Run("puppet",
        [
            "apply", "--confdir", home.File("a"), "--vardir", home.File("v"), "--publicdir", home.File("v/public"), "--rundir",
            home.File("v/run"), "--logdir", home.File("v/log"),
            "--modulepath", RepositoryPaths.File("deploy/puppet"), "--detailed-exitcodes", "--color", "false", .. more, "-e", manifest,
        ], null);

    // As an agent reads it.
    private async Task<string> Setting(string name) =>
        (await Shell.Run("puppet", "config", "print", "--confdir", home.File("conf"), "--section", "agent", name)).Ok().Trim();

    private Task<Ran> Puppetserver(params string[] parameters) => Shell.Run(RepositoryPaths.File("eng/puppetserver.sh"),
        ["apply", home.File("server"), "certname=puppet.example.com", "report_url=https://localhost/reports", .. parameters], null);
}
