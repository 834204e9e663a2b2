using System.CommandLine;
using Overture.CertAuthority.V1;
using Overture.Cli.Output;

namespace Overture.Cli.Commands;

/// <summary>overture certificate show</summary>
internal sealed class CertificateShowVerb : Verb
{
    private readonly Argument<string> name = Names.One();

    public CertificateShowVerb() : base("show", "Show a name's certificate and why it was signed",
        "overture certificate show 4f1c", "overture certificate show 4f1c -o json | jq -r .certificatePem | openssl x509 -text") =>
            Arguments.Add(name);

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var certname = await Names.Resolve(session, session.Parse.GetRequiredValue(name), cancel);
        var answer = await session.CertAuthority(
            (c, o) => c.GetCertificateAsync(new GetCertificateRequest { Certname = certname }, o), cancel);
        session.Printer.Answer(answer, p =>
        {
            Printer.Facts(("certname", certname), ("serial", answer.Serial), ("state", CertificateText.State(answer.State)),
                ("not after", InstanceText.Time(answer.NotAfter)),
                ("decision", answer.Decision is null ? "" : $"{answer.Decision.Outcome}, {answer.Decision.Reason}"),
                    ("why", answer.Decision?.Sentence ?? ""));
            if (answer.Decision?.Checks.Count > 0)
            {
                p.Table(["CHECK", "EXPECTED", "OBSERVED", "PASSED"],
                    answer.Decision.Checks.Select(c => new[] { c.Name, c.Expected, c.Observed, c.Passed ? "yes" : "no" }));
            }
            Printer.Document(answer.CertificatePem);
        });
        return ExitCodes.Ok;
    }
}
