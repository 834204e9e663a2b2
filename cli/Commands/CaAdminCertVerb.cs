using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.V1;
using Overture.Cli.Output;
using Overture.Cli.Pki;
using Overture.Platform.Records;
using Option = System.CommandLine.Option;

namespace Overture.Cli.Commands;

/// <summary>overture ca admin-cert: what `puppetserver ca` authenticates with.</summary>
internal sealed class CaAdminCertVerb : Verb
{
    private readonly Option<string> name = new("--certname")
    {
        Description = "Its certname: not a UUID, and not a node's",
        HelpName = "NAME",
        Required = true,
    };
    private readonly Option<string> reason = new("--reason")
    {
        Description = "Why; kept in the audit log",
        HelpName = "TEXT",
        Required = true,
    };
    private readonly Option<string> life = new("--life") { Description = "1h to 825d", HelpName = "90d", DefaultValueFactory = _ => "90d" };
    private readonly Option<string?> ssldir = new("--ssldir") { Description = "Where; else OVERTURE_HOME/admin/NAME", HelpName = "DIR" };
    private readonly Option<string?> server = new("--ca-server")
    {
        Description = "Host of the CA API for puppet.conf; else caApi of the configuration, else the host of certAuthority there",
        HelpName = "HOST",
    };
    private readonly Option<int?> port = new("--ca-port")
    {
        Description = "Port of the CA API for puppet.conf; else caApi of the configuration, else 8141",
        HelpName = "PORT",
    };

    public CaAdminCertVerb() : base("admin-cert",
        "Issue a certificate whose holder administers the CA API (pp_cli_auth), as an ssldir for `puppetserver ca`",
        "overture ca admin-cert --certname ops.example.com --reason 'puppetserver ca on the jump host'",
        "overture ca admin-cert --certname ci --reason 'nightly clean' --life 7d --ssldir /srv/ci/ssl --ca-server ca.example.com "
            + "--ca-port 8140")
    {
        foreach (var option in new Option[] { name, reason, life, ssldir, server, port })
            Options.Add(option);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var certname = session.Parse.GetRequiredValue(name);
        if (!DurationText.TryParse(session.Parse.GetRequiredValue(life), out var lives))
            throw Failure.Usage($"--life: '{session.Parse.GetRequiredValue(life)}' is not a duration such as 12h or 90d");
        if (session.Parse.GetValue(port) is < 1 or > 65535)
            throw Failure.Usage("--ca-port: must be 1-65535");
        var api = (session.Config.CaApi.Length > 0 ? session.Config.CaApi : $"{session.Config.CertAuthority.Split(':')[0]}:8141")
            .Split(':');
        var caServer = session.Parse.GetValue(server) ?? api[0];
        var caPort = session.Parse.GetValue(port) ?? int.Parse(api[1], CultureInfo.InvariantCulture);
        var directory = Path.GetFullPath(session.Parse.GetValue(ssldir) ?? Path.Combine(StorePath.OvertureHome(), "admin", certname));
        var files = new AdminDirectory(directory, certname);
        if (files.Problem() is { } problem)
            throw Failure.Usage($"--ssldir: {problem}");

        // The key is made here and never leaves; it is written down only when there is a certificate for it.
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new IssueAdminCertificateRequest { Certname = certname, CsrPem = Csr(certname, key),
            Reason = session.Parse.GetRequiredValue(reason), Life = lives.ToDuration() };
        var answer = await session.CertAuthority((c, o) => c.IssueAdminCertificateAsync(request, o), cancel);
        files.Write(key.ExportPkcs8PrivateKeyPem(), answer.CertificatePem, answer.BundlePem, answer.CrlPem, caServer, caPort);
        Tell(session, files, certname, answer);
        return ExitCodes.Ok;
    }

    private static string Csr(string certname, ECDsa key)
    {
        var subject = new X500DistinguishedNameBuilder();
        subject.AddCommonName(certname);
        return new CertificateRequest(subject.Build(), key, HashAlgorithmName.SHA256).CreateSigningRequestPem();
    }

    private static void Tell(Session session, AdminDirectory files, string certname, IssueAdminCertificateResponse answer)
    {
        var until = Times.Seconds(answer.NotAfter.ToDateTimeOffset());
        var line = $"puppetserver ca list --config {files.ConfigFile}";
        var document = new Struct
        {
            Fields =
            {
                ["certname"] = Value.ForString(certname),
                ["serial"] = Value.ForString(answer.Serial),
                ["notAfter"] = Value.ForString(until),
                ["certificate"] = Value.ForString(files.CertificateFile),
                ["key"] = Value.ForString(files.KeyFile),
                ["config"] = Value.ForString(files.ConfigFile),
                ["next"] = Value.ForString(line),
            },
        };
        session.Printer.Answer(document, _ => Printer.Facts(
            ("certname", certname), ("serial", answer.Serial), ("until", until), ("certificate", files.CertificateFile),
            ("key", files.KeyFile), ("config", files.ConfigFile)));
        Printer.Say("the holder of that key can sign and revoke anything: overture certificate revoke ends it");
        Printer.Say($"next: {line}");
    }
}
