using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf.WellKnownTypes;
using Overture.Cli.Output;
using Overture.Cli.Pki;
using Overture.Platform.Records;

namespace Overture.Cli.Commands;

/// <summary>overture ca import: an existing puppetserver CA becomes ours.</summary>
internal sealed class CaImportVerb : Verb
{
    private const string Next = "start CertAuthority: it takes the certificates and revocations into its store before it listens";

    private readonly Argument<string> source = new("DIR")
    {
        Description = "puppetserver's cadir, e.g. /etc/puppet/puppetserver/ca; it is only read",
    };
    private readonly Option<string?> home = PkiInitVerb.Home();
    private readonly Option<bool> check = new("--check")
    {
        Description = "Report what would be imported, what would not and why; write nothing",
    };

    public CaImportVerb()
        : base("import", "Import an existing puppetserver CA: its key, certificates, revocations and inventory; old agents keep working",
        "overture ca import /etc/puppet/puppetserver/ca --check", "overture ca import /etc/puppet/puppetserver/ca",
            "overture ca import ./copy-of-ca --home /srv/overture -o json")
    {
        Arguments.Add(source);
        Options.Add(home);
        Options.Add(check);
    }

    protected override Task<int> Run(Session session, CancellationToken cancel)
    {
        var from = Path.GetFullPath(session.Parse.GetRequiredValue(source));
        var to = Path.Combine(Path.GetFullPath(session.Parse.GetValue(home) ?? StorePath.OvertureHome()), "ca");
        if (!Directory.Exists(from))
            throw Failure.Usage($"there is no directory {from}");
        if (!WholeDirectory.IsFree(to))
        {
            throw new Failure(ExitCodes.Conflict, $"{to} is not empty; a CA there would be lost",
                "import into another --home, or move it away");
        }

        var import = PuppetCaImport.Read(from, session.Clock);
        if (import.Findings.Problems.Count > 0)
        {
            throw new Failure(ExitCodes.Usage, $"{from} is not a CA that can be imported; nothing was written",
                "correct a copy of the directory, and import that")
            {
                Fields = [.. import.Findings.Problems.Select(p => new FieldProblem(p.Where, p.What))],
            };
        }
        // Before anything is written: what a person may want to correct first.
        TellFindings(import);
        if (!session.Parse.GetValue(check))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(to)!,
                UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            import.Write(to);
        }
        Tell(session, import, to);
        Printer.Say(session.Parse.GetValue(check) ? "nothing was written (--check)" : $"next: {Next}");
        return Task.FromResult(ExitCodes.Ok);
    }

    private static void TellFindings(PuppetCaImport import)
    {
        foreach (var warning in import.Findings.Warnings)
            Printer.Say($"warning: {warning}");
        foreach (var (file, why) in import.Findings.Skipped)
            Printer.Say($"skipped: {Printable.Line(file)} {why}");
        foreach (var name in import.Certificates!.OtherNames)
        {
            Printer.Say(
                $"note: '{Printable.Line(name)}' is not a certname here (it {CertNameGrammar.Broken(name)}): its certificate is "
                    + "imported and can be revoked, but not renewed");
        }
        // One line for each kind: a CA of ten years may have thousands.
        foreach (var kind in import.Lost.GroupBy(l => l.Known))
        {
            var first = kind.Take(5).Select(l => l.Name.Length > 0 ? $"{l.Serial} ({Printable.Line(l.Name)})" : l.Serial);
            Printer.Say($"note: {string.Join(", ", first)}{(kind.Count() > 5 ? $" and {kind.Count() - 5} more" : "")} "
                + kind.First().Sentence);
        }
        if (import.Certificates.Pending > 0)
            Printer.Say($"{import.Certificates.Pending} pending requests are not imported; their agents submit them again");
    }

    private static void Tell(Session session, PuppetCaImport import, string to)
    {
        session.Printer.Answer(Document(import, to), _ => Printer.Facts(
            ("ca", CaName(import)),
            ("kind", Kind(import)),
            ("key", import.KeyText),
            ("until", Until(import)),
            ("certificates", Count(import.Certificates!.Signed.Count)),
            ("in the inventory", Count(import.Certificates.Entries)),
            ("revoked", Count(import.Revoked)),
            ("with a record lost", Count(import.Lost.Count)),
            ("directory", to)));
    }

    private static Struct Document(PuppetCaImport import, string to) => new()
    {
        Fields =
        {
            ["ca"] = Value.ForString(CaName(import)),
            ["kind"] = Value.ForString(Kind(import)),
            ["key"] = Value.ForString(import.KeyText),
            ["until"] = Value.ForString(Until(import)),
            ["certificates"] = Value.ForNumber(import.Certificates!.Signed.Count),
            ["inventory"] = Value.ForNumber(import.Certificates.Entries),
            ["revoked"] = Value.ForNumber(import.Revoked),
            ["pendingRequests"] = Value.ForNumber(import.Certificates!.Pending),
            ["skipped"]
                = Value.ForList([.. import.Findings.Skipped.Select(s =>
                Value.ForStruct(new Struct { Fields = { ["file"] = Value.ForString(s.Where), ["reason"] = Value.ForString(s.What) } }))]),
            ["otherNames"] = Value.ForList([.. import.Certificates.OtherNames.Select(Value.ForString)]),
            ["lost"] = Value.ForList([.. import.Lost.Select(l => Value.ForStruct(new Struct { Fields =
            {
                ["serial"] = Value.ForString(l.Serial), ["certname"] = Value.ForString(l.Name), ["known"] = Value.ForString(l.Known),
            } }))]),
            ["warnings"] = Value.ForList([.. import.Findings.Warnings.Select(Value.ForString)]),
            ["directory"] = Value.ForString(to),
            ["next"] = Value.ForString(Next),
        },
    };

    private static string CaName(PuppetCaImport import) => import.Ca.GetNameInfo(X509NameType.SimpleName, forIssuer: false);

    private static string Kind(PuppetCaImport import) => import.IsItsOwnRoot ? "self-signed" : "intermediate";

    private static string Until(PuppetCaImport import) => import.Ca.NotAfter.ToUniversalTime()
        .ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private static string Count(int number) => number.ToString(CultureInfo.InvariantCulture);
}
