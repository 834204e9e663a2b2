using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.RegularExpressions;
using Overture.Platform.Certificates;

namespace Overture.Cli.Doctor;

/// <summary>
/// The puppetserver of this host, by its files: its hooks, its web server's settings, its certificate, its CA and the age of its CRL, which
/// nothing but a timer of ours keeps fresh. Of Debian's layout, of the all-in-one packages', and of a copy beside either.
/// </summary>
internal sealed partial class PuppetserverChecks(HookSetup setup, TimeProvider clock)
{
    private const string AllInOne = "/etc/puppetlabs/puppet", DebianTls = "/var/lib/puppet/ssl";
    private static readonly TimeSpan CertificateSoon = TimeSpan.FromDays(30), MaxCrlAge = TimeSpan.FromDays(8);

    private string Confdir => Path.GetDirectoryName(setup.ConfFile)!;

    // Puppet's own default, by layout.
    private string Ssldir => setup.Conf.Of("ssldir") is { Length: > 0 } named ? named
        : Confdir == AllInOne || Directory.Exists(Path.Combine(Confdir, "ssl")) ? Path.Combine(Confdir, "ssl") : DebianTls;

    public IEnumerable<DoctorLine> Run()
    {
        foreach (var line in HookRules.Of(setup))
            yield return line;
        foreach (var line in Settings())
            yield return line;
        yield return WebServer();
        yield return Certificate();
        yield return Authority();
        yield return Crl();
    }

    // Of hooks that are ours.
    private IEnumerable<DoctorLine> Settings()
    {
        var signs = setup.SignsItself && setup.Conf.Of("autosign") is not ("" or "true" or "false");
        return signs || setup.Conf.Of("node_terminus") == "exec" ? new HookSettingsChecks(setup, clock).Run()
            : [Line(HookSettingsChecks.Check, DoctorStatus.Skipped, "no hook reads it")];
    }

    // With any of them puppetserver takes none of Puppet's own files, and without a CRL it takes what is revoked.
    private DoctorLine WebServer()
    {
        const string check = "webserver.conf";
        var file = HookSetupReader.ServerDirectories.Select(d => Path.GetFullPath(Path.Combine(Confdir, d, "conf.d/webserver.conf")))
            .FirstOrDefault(File.Exists);
        if (file is null)
            return Line(check, DoctorStatus.Skipped, $"there is none below {Confdir}");
        var named = TlsSetting().Matches(string.Join('\n', File.ReadLines(file).Where(l => l.TrimStart() is var t
            && !t.StartsWith('#') && !t.StartsWith("//", StringComparison.Ordinal))))
            .Select(m => m.Value).Distinct().ToList();
        return named.Count == 0 ? Line(check, DoctorStatus.Ok, "takes Puppet's own certificate and CRL, and their changes")
            : !named.Contains("ssl-crl-path") ? Line(check, DoctorStatus.Failed,
                $"{file} sets {string.Join(", ", named)} and no ssl-crl-path: revoked agents are let in",
                "take the ssl-* settings out, then restart it")
            : Line(check, DoctorStatus.Warning, $"{file} sets {string.Join(", ", named)}: a new CRL counts after a restart alone",
                "take the ssl-* settings out, then restart it");
    }

    private DoctorLine Certificate()
    {
        const string check = "certificate", next = "puppet ssl bootstrap on this host, with its token, gets one from CertAuthority";
        var name = setup.Conf.Of("certname");
        var file = setup.Conf.Of("hostcert") is { Length: > 0 } named ? named
            : name.Length > 0 ? Path.Combine(Ssldir, "certs", $"{name}.pem") : Only(Path.Combine(Ssldir, "certs"));
        return Dated(check, file, next);
    }

    private DoctorLine Authority() => Dated("ca bundle",
        setup.Conf.Of("localcacert") is { Length: > 0 } named ? named : Path.Combine(Ssldir, "certs/ca.pem"),
        "puppet ssl download_cert, or copy the CA's bundle there: overture ca export writes it");

    private DoctorLine Crl()
    {
        const string check = "crl",
            next = "see what fetches it (systemctl status overture-crl-refresh), and that CertAuthority answers";
        var file = setup.Conf.Of("hostcrl") is { Length: > 0 } named ? named : Path.Combine(Ssldir, "crl.pem");
        try
        {
            var lists = CrlPem.Split(File.ReadAllText(file)).Select(d => CrlFacts.Read(d)).ToList();
            if (lists.Count == 0)
                return Line(check, DoctorStatus.Failed, $"{file} holds no list: revoked agents can't be told from others", next);
            var now = clock.GetUtcNow();
            var (end, age) = (lists.Min(l => l.NextUpdate) ?? DateTimeOffset.MaxValue, now - lists.Max(l => l.ThisUpdate));
            var ends = end == DateTimeOffset.MaxValue ? "" : $", ends {end:yyyy-MM-dd}";
            var text = $"{file} is {Math.Max(0, age.TotalHours):0} hours old{ends}";
            return end <= now ? Line(check, DoctorStatus.Failed, $"{text}: every agent is refused", next)
                : Line(check, age > MaxCrlAge ? DoctorStatus.Warning : DoctorStatus.Ok, text, age > MaxCrlAge ? next : "");
        }
        catch (Exception e) when (Unreadable(e))
        {
            return Line(check, DoctorStatus.Failed, $"{file} can't be read: {e.Message}", next);
        }
    }

    // Of a file with several certificates the one that ends first.
    private DoctorLine Dated(string check, string file, string next)
    {
        try
        {
            var certificates = new X509Certificate2Collection();
            certificates.ImportFromPem(File.ReadAllText(file));
            if (certificates.MinBy(c => c.NotAfter) is not { } first)
                return Line(check, DoctorStatus.Failed, $"{file} holds no certificate", next);
            var left = first.NotAfter.ToUniversalTime() - clock.GetUtcNow().UtcDateTime;
            var ends = left > TimeSpan.Zero ? "is valid until" : "ended on";
            var text = $"{first.GetNameInfo(X509NameType.SimpleName, forIssuer: false)} {ends} "
                + $"{first.NotAfter.ToUniversalTime():yyyy-MM-dd}";
            return left > CertificateSoon ? Line(check, DoctorStatus.Ok, text)
                : Line(check, left > TimeSpan.Zero ? DoctorStatus.Warning : DoctorStatus.Failed, text, next);
        }
        catch (Exception e) when (Unreadable(e))
        {
            return Line(check, DoctorStatus.Failed, $"{file} can't be read: {e.Message}", next);
        }
    }

    private static string Only(string folder) => Directory.Exists(folder)
        && Directory.GetFiles(folder, "*.pem").Where(f => Path.GetFileName(f) != "ca.pem").ToList() is [var only] ? only
        : Path.Combine(folder, "CERTNAME.pem");

    private static bool Unreadable(Exception e) => e is IOException or UnauthorizedAccessException or CryptographicException;

    private static DoctorLine Line(string check, DoctorStatus status, string detail, string next = "") =>
        new(HookRules.Area, check, status, detail, next);

    [GeneratedRegex(@"\bssl-(?:cert-chain|cert|key|ca-cert|crl-path)\b", RegexOptions.CultureInvariant)]
    private static partial Regex TlsSetting();
}
