using System.CommandLine;
using Overture.CertAuthority.V1;
using Overture.Cli.Output;

namespace Overture.Cli.Commands;

/// <summary>overture certificate deny: refuses a key for a name, for good.</summary>
internal sealed class CertificateDenyVerb : Verb
{
    private readonly Argument<string> name = new("NAME") { Description = "Certname of the request" };
    private readonly Option<string> key = new("--key")
    {
        Description = "The key you saw: at least the first 8 digits of its SPKI SHA-256",
        HelpName = "HEX",
        Required = true,
    };
    private readonly Option<string> reason = new("--reason")
    {
        Description = "Why; kept in the records",
        HelpName = "TEXT",
        Required = true,
    };

    public CertificateDenyVerb() : base("deny", "Drop a certificate request that waits, and refuse its key for that name from now on",
        "overture certificate deny db1.example.com --key 3f0c2a4e --reason 'unknown host'")
    {
        Arguments.Add(name);
        Options.Add(key);
        Options.Add(reason);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var certname = session.Parse.GetRequiredValue(name);
        var waiting = await CertificateRequestsVerb.Find(session, certname, session.Parse.GetRequiredValue(key), cancel);
        var request = new DenyCertificateRequestRequest { Certname = certname, SpkiSha256 = waiting.SpkiSha256,
            Reason = session.Parse.GetRequiredValue(reason) };
        var answer = await session.CertAuthority((c, o) => c.DenyCertificateRequestAsync(request, o), cancel);
        session.Printer.Answer(answer,
            _ => Printer.Say($"denied: {certname} with the key {waiting.SpkiSha256}; another key makes a new request"));
        return ExitCodes.Ok;
    }
}
