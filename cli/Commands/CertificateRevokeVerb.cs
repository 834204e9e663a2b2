using System.CommandLine;
using Overture.CertAuthority.V1;
using Overture.Cli.Output;

namespace Overture.Cli.Commands;

/// <summary>overture certificate revoke</summary>
internal sealed class CertificateRevokeVerb : Verb
{
    private readonly Argument<string> name = Names.One();
    private readonly Option<string> reason = new("--reason") { Description = "For people; kept in the records", HelpName = "TEXT", Required = true };

    public CertificateRevokeVerb() : base("revoke", "Revoke every certificate of a name; when it returns, a published CRL says so",
        "overture certificate revoke 4f1c --reason 'key leaked'")
    {
        Arguments.Add(name);
        Options.Add(reason);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var certname = await Names.Resolve(session, session.Parse.GetRequiredValue(name), cancel);
        var request = new RevokeCertificateRequest { Certname = certname, Reason = session.Parse.GetRequiredValue(reason) };
        var answer = await session.CertAuthority((c, o) => c.RevokeCertificateAsync(request, o), cancel, TimeSpan.FromSeconds(60));
        session.Printer.Answer(answer, p => Printer.Facts(
            ("certname", certname),
            ("revoked", answer.Serials.Count == 0 ? "no certificate; the name is blocked" : string.Join(", ", answer.Serials)),
            ("crl number", answer.CrlNumber.ToString(System.Globalization.CultureInfo.InvariantCulture))));
        return ExitCodes.Ok;
    }
}
