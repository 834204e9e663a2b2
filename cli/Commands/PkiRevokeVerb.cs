using System.CommandLine;
using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.V1;
using Overture.Cli.Output;
using Overture.Cli.Pki;
using Overture.Platform.Certificates;

namespace Overture.Cli.Commands;

/// <summary>overture pki revoke: ends certificates of the internal PKI, on every service.</summary>
internal sealed class PkiRevokeVerb : Verb
{
    private const int Tries = 5;
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly Argument<string> which = new("NAME|SERIAL")
    {
        Description = "A person, with all certificates issued to them; or the serial of one certificate",
    };
    private readonly Option<bool> unlisted = new("--unlisted")
    {
        Description = "Take a serial that is not known here: of a certificate that cert-manager issued",
    };
    private readonly Option<bool> offline = new("--offline")
    {
        Description = "Only sign the list, pki/crl.pem: it is published elsewhere, with overture pki publish",
    };
    private readonly Option<long?> number = new("--number")
    {
        Description = "With --offline: sign the list under this number, which a refused overture pki publish named",
        HelpName = "N",
    };
    private readonly Option<string?> home = PkiInitVerb.Home();

    public PkiRevokeVerb() : base("revoke",
        "Revoke certificates of the internal PKI: signs a list with the CA's key, and publishes it; services take it within half a minute",
        "overture pki revoke jo", "overture pki revoke 4f0a77c1d2e3f4a5b6c7d8e9fa0b1c2d")
    {
        Arguments.Add(which);
        Options.Add(unlisted);
        Options.Add(offline);
        Options.Add(number);
        Options.Add(home);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var directory = PkiPlace.Home(session, home);
        if (session.Parse.GetValue(number) is { } wanted && (wanted < 1 || !session.Parse.GetValue(offline)))
            throw Failure.Usage("--number: 1 or more, and only with --offline: else it is the one after the published list's");
        try
        {
            using var ca = InternalCa.Open(directory);
            using var alone = PkiPlace.Alone(directory);
            return await Run(session, directory, ca, cancel);
        }
        catch (InvalidOperationException e)
        {
            throw PkiPlace.Conflict(e, directory);
        }
    }

    private async Task<int> Run(Session session, string directory, InternalCa ca, CancellationToken cancel)
    {
        // 1. Which.
        var text = session.Parse.GetRequiredValue(which);
        var serials = Meant(text, new PersonalCertificates(directory, session.Clock), session.Parse.GetValue(unlisted));
        // 2. On the list here, which any later run publishes too.
        var revocations = new InternalRevocations(directory, ca, session.Clock);
        var list = revocations.Current();
        var wanted = session.Parse.GetValue(number);
        if (list is null || !serials.All(s => Lists(list, s)) || (wanted ?? list.Number) != list.Number)
            list = revocations.Next([list], serials, wanted);
        // 3. Published.
        var published = !session.Parse.GetValue(offline);
        if (published)
            list = await Publish(session, revocations, list, text, cancel);
        var document = new Struct
        {
            Fields =
            {
                ["revoked"] = Value.ForList([.. serials.Select(s => Value.ForString($"{s}"))]),
                ["number"] = Value.ForNumber(list.Number),
                ["published"] = Value.ForBool(published),
            },
        };
        session.Printer.Answer(document, _ => Printer.Facts(
            ("revoked", string.Join(", ", serials)), ("list", $"{list.Number}, with {list.Entries.Count} certificates")));
        Printer.Say(published ? "published: CertAuthority refuses them now, the other services within half a minute"
            : $"NOT in force yet; next: overture pki publish {Path.Combine(directory, "pki", "crl.pem")}");
        return ExitCodes.Ok;
    }

    private static IReadOnlyList<SerialNumber> Meant(string text, PersonalCertificates people, bool unlisted)
    {
        var issued = people.All(file => Printer.Say($"{file} is no certificate"));
        if (issued.Where(c => c.Peer.Name == text).Select(c => c.Serial).ToList() is { Count: > 0 } ofPerson)
            return ofPerson;
        var readings = SerialNumber.Readings(text);
        if (readings.Where(r => issued.Any(c => c.Serial == r) || people.OfParties().Any(p => p.Serial == r)).ToList() is [var known])
            return [known];
        if (unlisted)
        {
            return readings is [var only] ? [only]
                : throw Failure.Usage($"NAME|SERIAL: '{text}' "
                    + (readings.Count == 0 ? SerialNumber.Rule : "may be hexadecimal or decimal: write 0x…"));
        }
        throw new Failure(ExitCodes.NotFound, $"no certificate was issued here to '{text}', and none has that serial",
            "overture pki list; a certificate that was issued elsewhere by the same CA: its serial, with --unlisted");
    }

    private static bool Lists(InternalCrl list, SerialNumber serial) => list.Entries.Any(e => e.Serial == serial);

    // Another home with the same CA may have published since: its entries come along.
    private static async Task<InternalCrl> Publish(Session session, InternalRevocations revocations, InternalCrl list, string text,
        CancellationToken cancel)
    {
        try
        {
            for (var tried = 1; ; tried++)
            {
                var answer = await session.CertAuthority((c, o) => c.GetInternalCrlsAsync(new GetInternalCrlsRequest(), o), cancel);
                var published = revocations.OwnOf(answer.CrlPem);
                if (published is not null && published.HoldsAllOf(list))
                {
                    revocations.Keep(published);
                    return published;
                }
                var next = (published?.Number ?? 0) + 1;
                if (list.Number != next || (published is not null && !list.HoldsAllOf(published)))
                    list = revocations.Next([list, published], [], next);
                try
                {
                    var request = new PublishInternalCrlRequest { CrlPem = list.Pem };
                    await session.CertAuthority((c, o) => c.PublishInternalCrlAsync(request, o), cancel);
                    return list;
                }
                catch (Failure taken) when (taken.Reason == "ETAG_MISMATCH" && tried < Tries)
                {
                    // Another's was first. A service answers from what it read within the last second.
                    await Task.Delay(Pause, session.Clock, cancel);
                }
            }
        }
        catch (Failure failure)
        {
            throw failure.Then($"the revocation is kept in pki/crl.pem and is NOT in force yet; to publish it: overture pki revoke {text}"
                + (failure.Next.Length > 0 ? $" ({failure.Next})" : ""));
        }
    }
}
