using System.CommandLine;
using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.V1;
using Overture.Classifier.V1;
using Overture.Cli.Output;

namespace Overture.Cli.Commands;

/// <summary>overture certificate approve: signs a request that waits, for the key the person saw.</summary>
internal sealed class CertificateApproveVerb : Verb
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
    private readonly Option<string[]> classes = new("--class")
    {
        Description = "Make a node definition with this class, where there is none; may be repeated",
        HelpName = "CLASS",
    };
    private readonly Option<string[]> names = new("--dns-alt-name")
    {
        Description = "A DNS name the certificate carries besides its certname; may be repeated",
        HelpName = "HOST",
    };
    private readonly Option<string[]> extensions = new("--extension")
    {
        Description = "An extension the certificate carries, e.g. pp_role=db; may be repeated",
        HelpName = "NAME=VALUE",
    };
    private readonly Option<TimeSpan?> life = Durations.Of("--life", "How long the certificate lives; else by policy", "12h|90d");

    public CertificateApproveVerb() : base("approve", "Sign a certificate request that waits for approval (also: sign)",
        "overture certificate approve db1.example.com --key 3f0c2a4e --reason 'built by hand' --class profile::db",
        "overture certificate approve puppet2.example.com --key 3f0c2a4e --reason 'second compiler' --class profile::puppet "
            + "--dns-alt-name puppet")
    {
        // As `puppetserver ca` calls it.
        Aliases.Add("sign");
        Arguments.Add(name);
        foreach (var option in (System.CommandLine.Option[])[key, reason, classes, names, extensions, life])
            Options.Add(option);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var certname = session.Parse.GetRequiredValue(name);
        var request = new ApproveCertificateRequestRequest
        {
            Certname = certname,
            Reason = session.Parse.GetRequiredValue(reason),
            DnsAltNames = { session.Parse.GetValue(names) ?? [] },
            Life = session.Parse.GetValue(life) is { } given ? Duration.FromTimeSpan(given) : null,
        };
        foreach (var extension in session.Parse.GetValue(extensions) ?? [])
        {
            if (extension.Split('=', 2) is not [{ Length: > 0 } oid, var value])
                throw Failure.Usage($"--extension: '{extension}' is not NAME=VALUE");
            request.Extensions[oid] = value;
        }
        // 1. Is it the key the person saw?
        request.SpkiSha256 = (await CertificateRequestsVerb.Find(session, certname, session.Parse.GetRequiredValue(key),
            cancel)).SpkiSha256;
        // 2. A node definition, if there is none yet.
        if (session.Parse.GetValue(classes) is { Length: > 0 } wanted)
            await Define(session, certname, wanted, request.Reason, cancel);
        // 3. Sign.
        var answer = await session.CertAuthority((c, o) => c.ApproveCertificateRequestAsync(request, o), cancel, TimeSpan.FromSeconds(30));
        session.Printer.Answer(answer, _ => Printer.Facts(("certname", certname), ("serial", answer.Serial),
            ("decision", answer.Decision?.Sentence ?? "")));
        return ExitCodes.Ok;
    }

    private static async Task Define(Session session, string certname, string[] classes, string reason, CancellationToken cancel)
    {
        var definition = $"classes:\n{string.Concat(classes.Select(c => $"  {Quoted(c)}:\n"))}environment: \"production\"\n";
        try
        {
            // The person has seen the request that waits under this name: it is no typing error.
            await session.Classifier((c, o) => c.PutNodeAsync(new PutNodeRequest { Certname = certname, Definition = definition,
                Reason = reason, AllowUnregistered = true }, o), cancel, PuppetserverCheck.Limit);
        }
        catch (Failure there) when (there.Reason == "ALREADY_EXISTS")
        {
            throw new Failure(ExitCodes.Conflict, $"{certname} has a node definition already; leave --class away, or change it first",
                $"overture node show {certname}");
        }
    }

    // Whether it is a class name is the service's to say; here it only must not become something else in YAML.
    private static string Quoted(string text) =>
        $"\"{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";
}
