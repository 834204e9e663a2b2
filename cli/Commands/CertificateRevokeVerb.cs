using System.CommandLine;
using Overture.CertAuthority.V1;
using Overture.Cli.Output;

namespace Overture.Cli.Commands;

/// <summary>overture certificate revoke</summary>
internal sealed class CertificateRevokeVerb : Verb
{
    private readonly Argument<string?> name = new("NAME")
    {
        Description = "Certname, or at least the first 4 characters of one",
        Arity = ArgumentArity.ZeroOrOne,
    };
    private readonly Option<string?> serial = new("--serial")
    {
        Description = "Serial of one certificate, known here or not, as openssl or Puppet print it",
        HelpName = "SERIAL",
    };
    private readonly Option<string> reason = new("--reason")
    {
        Description = "Why; kept in the records",
        HelpName = "TEXT",
        Required = true,
    };

    public CertificateRevokeVerb() : base("revoke",
        "Revoke every certificate of a name, or one by its serial number; returns once the published CRL lists them (also: clean; unlike "
            + "puppetserver ca clean it removes nothing: lists go on showing them as revoked)",
        "overture certificate revoke 4f1c --reason 'key leaked'",
            "overture certificate revoke --serial 4F:0A:77 --reason 'its record was lost'")
    {
        // As `puppetserver ca` calls it.
        Aliases.Add("clean");
        Arguments.Add(name);
        Options.Add(serial);
        Options.Add(reason);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var (typed, number) = (session.Parse.GetValue(name), session.Parse.GetValue(serial));
        if (typed is null == number is null)
            throw Failure.Usage("give either NAME or --serial SERIAL");
        var certname = typed is null ? "" : await Names.Resolve(session, typed, cancel);
        var request = new RevokeCertificateRequest { Certname = certname, Serial = number ?? "",
            Reason = session.Parse.GetRequiredValue(reason) };
        var answer = await session.CertAuthority((c, o) => c.RevokeCertificateAsync(request, o), cancel, TimeSpan.FromSeconds(60));
        session.Printer.Answer(answer, p => Printer.Facts(
            ("certname", answer.Certname.Length > 0 || typed is not null
                ? Printable.Line(certname.Length > 0 ? certname : answer.Certname) : "unknown: no record has this serial"),
            ("revoked", answer.Serials.Count == 0 ? "no certificate; the name is blocked" : string.Join(", ", answer.Serials)),
            ("crl number", answer.CrlNumber.ToString(System.Globalization.CultureInfo.InvariantCulture))));
        return ExitCodes.Ok;
    }
}
