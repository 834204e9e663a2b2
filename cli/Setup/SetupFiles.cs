namespace Overture.Cli.Setup;

/// <summary>The files of /etc/overture, out of the answers. What a person set in one is kept, and said.</summary>
internal sealed class SetupFiles(SetupHost host, SetupAnswers answers)
{
    public const int Conductor = 7001, CertAuthority = 7002, Classifier = 7003, CaApi = 8141, Reports = 8142, Web = 8144, Redis = 6380;
    private const string Pki = SetupHost.Home + "/pki", Everywhere = "0.0.0.0", Here = "127.0.0.1";

    /// <summary>Programs of the package, by the name of their option file.</summary>
    public static readonly IReadOnlyList<(string Service, string Program)> Programs =
    [
        ("conductor", "/usr/lib/overture/Overture.Conductor"), ("certauthority", "/usr/lib/overture/Overture.CertAuthority"),
        ("classifier", "/usr/lib/overture/Overture.Classifier"), ("console", "/usr/lib/overture/Overture.Console"),
    ];

    /// <summary>Where the services' processes see what LoadCredential of their unit hands them.</summary>
    public static string Credential(string service, string name) => $"/run/credentials/overture-{service}.service/{name}";

    /// <returns>The files written, and what a person had set otherwise.</returns>
    public async Task<(IReadOnlyList<string> Written, IReadOnlyList<string> Kept)> Write(CancellationToken cancel)
    {
        List<string> written = [], kept = [];
        foreach (var (service, program) in Programs)
        {
            var path = $"{SetupHost.Etc}/{service}.yaml";
            var isNew = !File.Exists(host.At(path));
            var file = new OptionFile(path, isNew
                ? await SetupHost.Run(host.At(program), ["--print-options", "--format", "yaml"], cancel)
                : await File.ReadAllTextAsync(host.At(path), cancel));
            foreach (var (key, value) in service == "console" ? OfConsole() : OfService(service))
                file.Set(key, value);
            kept.AddRange(file.Kept);
            if ((isNew || file.IsChanged) && host.Write(path, file.Text))
                written.Add(path);
        }
        if (host.WriteMissing($"{SetupHost.Etc}/cli.yaml", OfCli()))
            written.Add($"{SetupHost.Etc}/cli.yaml");
        if (answers.Redis == SetupAnswers.Local && host.WriteMissing($"{SetupHost.Etc}/redis.conf", OfRedis()))
            written.Add($"{SetupHost.Etc}/redis.conf");
        return (written, kept);
    }

    private IEnumerable<(string Key, string Value)> OfService(string service)
    {
        // The puppetserver's hooks ask the Classifier, and about requests at its own CA CertAuthority, from its own host; operators work on
        // this one.
        var (address, port) = service switch
        {
            "conductor" => (Here, Conductor), "certauthority" => (answers.StockCa.Length > 0 ? Everywhere : Here, CertAuthority),
            _ => (Everywhere, Classifier),
        };
        yield return ("bucket", OptionFile.Quoted(answers.IsBucket ? answers.Store : "file:" + answers.Store));
        if (answers.S3Endpoint.Length > 0)
            yield return ("s3.serviceUrl", OptionFile.Quoted(answers.S3Endpoint));
        if (answers.S3Region.Length > 0)
            yield return ("s3.region", OptionFile.Quoted(answers.S3Region));
        if (answers.Deployment.Length > 0)
            yield return ("deployment", OptionFile.Quoted(answers.Deployment));
        yield return ("listen", OptionFile.Quoted($"{address}:{port}"));
        yield return ("stateDirectory", OptionFile.Quoted($"{SetupHost.Home}/{service}"));
        foreach (var identity in Identity(service))
            yield return identity;
        yield return ("registry.endpoint", OptionFile.Quoted(answers.Redis == SetupAnswers.Local ? $"{Here}:{Redis}" : answers.Redis));
        yield return ("registry.user", OptionFile.Quoted(service));
        yield return ("registry.passwordFile", OptionFile.Quoted(Credential(service, "redis.password")));
        foreach (var own in service == "conductor" ? OfConductor() : service == "certauthority" ? OfCertAuthority() : [])
            yield return own;
    }

    private IEnumerable<(string Key, string Value)> OfConductor()
    {
        yield return ("launch.signingKey", OptionFile.Quoted(Credential("conductor", "signing.key")));
        yield return ("launch.tokenKey", OptionFile.Quoted(Credential("conductor", "token.key")));
        yield return ("launch.caBundle", OptionFile.Quoted($"{SetupHost.Etc}/ca_crt.pem"));
        yield return ("reports.listen", OptionFile.Quoted($"{Everywhere}:{Reports}"));
        yield return ("reports.dnsNames", OptionFile.Quoted(answers.NameList.Append("localhost").Distinct()));
        if (answers.Provider == SetupAnswers.Local)
        {
            yield return ("local.directory", OptionFile.Quoted($"{SetupHost.Home}/instances"));
            yield return ("local.hide", OptionFile.Quoted([SetupHost.Home, SetupHost.Etc]));
        }
        if (answers.Ec2Region.Length > 0)
            yield return ("ec2.region", OptionFile.Quoted(answers.Ec2Region));
    }

    private IEnumerable<(string Key, string Value)> OfCertAuthority() =>
    [
        .. answers.StockCa.Length == 0 ? Array.Empty<(string, string)>() :
        [
            ("stockCa.url", OptionFile.Quoted($"https://{answers.StockCa}")),
            ("stockCa.certificate", OptionFile.Quoted(SetupCa.Certificate)),
            ("stockCa.key", OptionFile.Quoted(SetupCa.Key)), ("stockCa.roots", OptionFile.Quoted(SetupCa.Roots)),
        ],
        ("caDirectory", OptionFile.Quoted($"{SetupHost.Home}/ca")),
        ("launchKeys", OptionFile.Quoted($"{SetupHost.Home}/launch/trusted")),
        ("puppetApi.listen", OptionFile.Quoted($"{Everywhere}:{CaApi}")),
        ("puppetApi.dnsNames", OptionFile.Quoted(answers.NameList.Append("localhost").Distinct())),
    ];

    private static IEnumerable<(string Key, string Value)> OfConsole() =>
    [
        ("listen", OptionFile.Quoted($"{Here}:{Web}")),
        ("url", OptionFile.Quoted($"https://localhost:{Web}")),
        ("stateDirectory", OptionFile.Quoted($"{SetupHost.Home}/console")),
        ("conductor", OptionFile.Quoted($"localhost:{Conductor}")),
        ("certAuthority", OptionFile.Quoted($"localhost:{CertAuthority}")),
        ("classifier", OptionFile.Quoted($"localhost:{Classifier}")),
        .. Identity("console"),
    ];

    private static IEnumerable<(string Key, string Value)> Identity(string party) =>
    [
        ("tls.certificate", OptionFile.Quoted($"{Pki}/{party}.pem")), ("tls.key", OptionFile.Quoted($"{Pki}/{party}.key")),
        ("tls.roots", OptionFile.Quoted($"{Pki}/ca.pem")),
    ];

    private static string OfCli() =>
        $$"""
        # The command line of root on this host (docs/cli.md).
        conductor: localhost:{{Conductor}}
        certAuthority: localhost:{{CertAuthority}}
        classifier: localhost:{{Classifier}}
        caApi: localhost:{{CaApi}}
        console: localhost:{{Web}}
        tls: { certificate: {{Pki}}/admin.pem, key: {{Pki}}/admin.key, roots: {{Pki}}/ca.pem }

        """;

    private static string OfRedis() =>
        $"""
        # Overture's own Redis (overture-redis.service): a registry that loses no fact when it is lost. Written by overture setup.
        bind {Here}
        port {Redis}
        dir {SetupHost.Home}/registry
        appendonly yes
        save ""
        supervised systemd
        daemonize no
        user default off
        include {SetupHost.Home}/redis/users.conf

        """;
}
