using System.CommandLine;
using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.V1;
using Overture.Cli.Output;
using Overture.Platform.Certificates;

namespace Overture.Cli.Commands;

/// <summary>overture pki publish: a list that was signed where the services are out of reach.</summary>
internal sealed class PkiPublishVerb : Verb
{
    private readonly Argument<string> file = new("FILE") { Description = "pki/crl.pem of the CA's home; - reads standard input" };

    public PkiPublishVerb() : base("publish",
        "Publish a list of revoked certificates of the internal PKI, from `overture pki revoke --offline`; needs no key of the CA",
        "overture pki publish /media/ca/pki/crl.pem", "overture pki publish - < crl.pem") => Arguments.Add(file);

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var text = await Read(session.Parse.GetRequiredValue(file), cancel);
        var request = new PublishInternalCrlRequest { CrlPem = text };
        var answer = await session.CertAuthority((c, o) => c.PublishInternalCrlAsync(request, o), cancel);
        session.Printer.Answer(answer, _ => Printer.Facts(("list", $"{answer.Number}, with {answer.Revoked} certificates")));
        Printer.Say("published: CertAuthority refuses them now, the other services within half a minute");
        return ExitCodes.Ok;
    }

    private static async Task<string> Read(string name, CancellationToken cancel)
    {
        try
        {
            using var reader = name == "-" ? new StreamReader(Console.OpenStandardInput()) : new StreamReader(name);
            var buffer = new char[InternalCrl.MaxBytes + 1];
            var length = await reader.ReadBlockAsync(buffer, cancel);
            return length <= InternalCrl.MaxBytes ? new string(buffer, 0, length)
                : throw Failure.Usage($"FILE: {name} is larger than any such list");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failure.Usage($"FILE: {e.Message}", "overture pki revoke NAME --offline writes it");
        }
    }
}
