using System.CommandLine;
using Google.Protobuf.WellKnownTypes;
using Overture.Cli.Output;
using Overture.Cli.Pki;

namespace Overture.Cli.Commands;

/// <summary>overture pki list: certificates that were issued to people.</summary>
internal sealed class PkiListVerb : Verb
{
    private readonly Option<string?> home = PkiInitVerb.Home();

    public PkiListVerb() : base("list", "List the certificates that were issued to people from this home, oldest first",
        "overture pki list", "overture pki list -o json | jq -r '.certificates[] | select(.state == \"valid\") | .name'") =>
        Options.Add(home);

    protected override Task<int> Run(Session session, CancellationToken cancel)
    {
        var directory = PkiPlace.Home(session, home);
        try
        {
            using var ca = InternalCa.Open(directory);
            var list = new InternalRevocations(directory, ca, session.Clock).Current();
            var revoked = (list?.Entries ?? []).Select(e => e.Serial).ToHashSet();
            var all = new PersonalCertificates(directory, session.Clock).All(file => Printer.Say($"{file} is no certificate"))
                .Select(c => (Certificate: c, State: revoked.Contains(c.Serial) ? PkiPlace.Revoked
                    : c.NotAfter <= session.Clock.GetUtcNow() ? PkiPlace.Expired
                    : c.Peer.IsPerson ? PkiPlace.Valid : PkiPlace.Malformed)).ToList();
            var document = new Struct
            {
                Fields =
                {
                    ["certificates"] = Value.ForList([.. all.Select(c => Value.ForStruct(PkiPlace.Shown(c.Certificate, c.State)))]),
                },
            };
            session.Printer.Answer(document, p => p.Table(["NAME", "ROLE", "SCOPE", "SERIAL", "NOT AFTER", "STATE"], all.Select(c => new[]
            {
                c.Certificate.Peer.Name, PkiPlace.Role(c.Certificate), string.Join(",", c.Certificate.Peer.Scope.Terms),
                $"{c.Certificate.Serial}", PkiPlace.Time(c.Certificate.NotAfter), c.State,
            })));
        }
        catch (InvalidOperationException e)
        {
            throw PkiPlace.Conflict(e, directory);
        }
        return Task.FromResult(ExitCodes.Ok);
    }
}
