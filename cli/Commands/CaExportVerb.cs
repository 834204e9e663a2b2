using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.V1;
using Overture.Cli.Output;
using Overture.Cli.Pki;

namespace Overture.Cli.Commands;

/// <summary>overture ca export: a directory that a stock puppetserver's CA starts from.</summary>
internal sealed class CaExportVerb : Verb
{
    private static readonly TimeSpan Usual = TimeSpan.FromHours(1), SayEvery = TimeSpan.FromSeconds(2), Soon = TimeSpan.FromDays(30);

    private readonly Argument<string> target = new("DIR") { Description = "Made; must not exist, or be empty" };
    private readonly Option<bool> withKey = new("--with-key")
    {
        Description = "Write the CA's private key too, as puppetserver keeps it: not encrypted. Only on the host that has HOME/ca",
    };
    private readonly Option<string?> home = PkiInitVerb.Home();
    private readonly Option<TimeSpan?> timeout = Durations.Timeout("At most this long (1h)");

    public CaExportVerb()
        : base("export", "Export the CA as a directory that a stock puppetserver starts from: certificates, revocations, inventory, serial",
        "overture ca export /root/puppet-ca --with-key", "overture ca export ./public-part", "overture ca export ./ca -o json")
    {
        Arguments.Add(target);
        Options.Add(withKey);
        Options.Add(home);
        Options.Add(timeout);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var to = Path.TrimEndingDirectorySeparator(Path.GetFullPath(session.Parse.GetRequiredValue(target)));
        if (!WholeDirectory.IsFree(to))
            throw new Failure(ExitCodes.Conflict, $"{to} is not empty; a CA there would be lost", "export into another directory");
        if (!Directory.Exists(Path.GetDirectoryName(to)))
            throw Failure.Usage($"there is no directory {Path.GetDirectoryName(to)}");
        // Before anything is asked: a passphrase that does not fit costs no minutes.
        using var key = session.Parse.GetValue(withKey) ? OpenKey() : null;

        PuppetCaExport? export = null;
        ExportCaResponse last = new();
        var (bundle, crls) = ("", new StringBuilder());
        await WholeDirectory.Make(to, async folder =>
        {
            export = new PuppetCaExport(folder);
            var said = session.Clock.GetTimestamp();
            await session.CertAuthority((c, o) => c.ExportCa(new(), o), answer =>
            {
                if (answer.BundlePem.Length > 0)
                    Demand(bundle = answer.BundlePem);
                export.Add(answer.Certificates);
                export.Above(answer.HighestImportedSerial);
                crls.Append(answer.CrlPem);
                last = answer;
                if (session.Clock.GetElapsedTime(said) < SayEvery)
                    return;
                said = session.Clock.GetTimestamp();
                Printer.Say($"{export.Listed} certificates so far");
            }, cancel, session.Parse.GetValue(timeout) ?? Usual);
            if (!last.Complete)
            {
                throw new Failure(ExitCodes.Unavailable, "the service ended the export before its end; nothing was written",
                    "nothing is lost; try again in a moment");
            }
            Write(export, bundle, crls.ToString(), key);
        });
        Tell(session, export!, bundle, to, key is not null, last.Unreadable);
        return last.Unreadable == 0 ? ExitCodes.Ok : ExitCodes.Failed;

        RSA OpenKey() => ReadKey(Path.Combine(Path.GetFullPath(session.Parse.GetValue(home) ?? StorePath.OvertureHome()), "ca"));
    }

    // puppetserver signs with RSA alone (docs/puppet-contracts.md §3.2).
    private static void Demand(string bundle)
    {
        using var signing = X509Certificate2.CreateFromPem(bundle);
        if (signing.GetRSAPublicKey() is null)
        {
            throw new Failure(ExitCodes.Usage, $"the CA {signing.Subject} has an EC key, and puppetserver's own CA signs with RSA alone",
                "keep Overture's CA, or have every agent certified again by a new one");
        }
    }

    private static RSA ReadKey(string ca)
    {
        var key = RSA.Create();
        try
        {
            key.ImportFromEncryptedPem(File.ReadAllText(Path.Combine(ca, PuppetCaInit.Key)),
                File.ReadAllText(Path.Combine(ca, PuppetCaInit.Passphrase)).Trim());
            return key;
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            key.Dispose();
            throw new Failure(ExitCodes.Config, $"--with-key: the RSA key of the CA in {ca} can't be opened: {e.Message}",
                "run this on CertAuthority's host as its user, with --home where HOME is elsewhere; or leave --with-key out");
        }
    }

    private static void Write(PuppetCaExport export, string bundle, string crls, RSA? key)
    {
        try
        {
            export.Write(bundle, crls, key);
        }
        catch (InvalidDataException e)
        {
            throw new Failure(ExitCodes.Config, $"--with-key: {e.Message}; nothing was written",
                "use the --home of the CertAuthority that the configuration names");
        }
    }

    private static void Tell(Session session, PuppetCaExport export, string bundle, string to, bool key, int unreadable)
    {
        using var signing = X509Certificate2.CreateFromPem(bundle);
        var name = signing.GetNameInfo(X509NameType.SimpleName, forIssuer: false);
        var next = key ? $"chown -R puppet: {to}, and make it the cadir of a stopped puppetserver (docs/operations.md)"
            : $"put the CA's key into {to}/{PuppetCaInit.Key}: export again with --with-key on CertAuthority's host";
        session.Printer.Answer(new Struct
        {
            Fields =
            {
                ["ca"] = Value.ForString(name),
                ["directory"] = Value.ForString(to),
                ["key"] = Value.ForBool(key),
                ["certificates"] = Value.ForNumber(export.Signed),
                ["inventory"] = Value.ForNumber(export.Listed),
                ["revoked"] = Value.ForNumber(export.Revoked),
                ["crlUntil"] = Value.ForString(export.CrlUntil is { } end ? Times.Seconds(end) : ""),
                ["nextSerial"] = Value.ForNumber(export.NextSerial),
                ["unreadable"] = Value.ForNumber(unreadable),
                ["leftOut"] = Value.ForList([.. export.Unnamed.Select(Value.ForString)]),
                ["next"] = Value.ForString(next),
            },
        }, _ => Printer.Facts(("ca", name), ("directory", to), ("key", key ? "written, not encrypted" : "not written"),
            ("certificates", Count(export.Signed)), ("in the inventory", Count(export.Listed)), ("revoked", Count(export.Revoked)),
            ("next serial", $"{export.NextSerial:X4}")));
        foreach (var odd in export.Unnamed)
            Printer.Say($"warning: '{Printable.Line(odd)}' can be no file's name: its certificate is left out of signed/ and inventory.txt");
        if (export.CrlUntil is { } ends && ends < session.Clock.GetUtcNow() + Soon)
            Printer.Say($"warning: the CRL ends on {Times.Seconds(ends)}; revoke something there before, so that puppetserver makes a new one");
        if (unreadable > 0)
            Printer.Say($"warning: {unreadable} records can't be read, so their certificates are missing: overture certificate list");
        Printer.Say("what CertAuthority signs from now on is not in it: stop it before puppetserver starts");
        Printer.Say($"next: {next}");
    }

    private static string Count(int number) => number.ToString(CultureInfo.InvariantCulture);
}
