using System.CommandLine;
using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Overture.Cli.Output;
using Overture.Cli.Pki;
using Overture.Platform.Tls;
using Option = System.CommandLine.Option;

namespace Overture.Cli.Commands;

/// <summary>overture pki issue: a certificate for a person.</summary>
internal sealed class PkiIssueVerb : Verb
{
    private static readonly TimeSpan UsualLife = TimeSpan.FromDays(90);

    private readonly Option<string> role = new("--role")
    {
        Description = "What the person may do: operator, viewer or admin",
        HelpName = "ROLE",
        Required = true,
    };
    private readonly Option<string> name = new("--name")
    {
        Description = "The person, as records will say it: 1-32 of [a-z0-9.-]",
        HelpName = "NAME",
        Required = true,
    };
    private readonly Option<string[]> scope = new("--scope")
    {
        Description = "Only instances that match every term may be changed: profile=VALUE, label.NAME=VALUE; comma-separated, or repeated",
        HelpName = "TERM,...",
    };
    private readonly Option<TimeSpan?> life = Durations.Of("--life", "1h to 365d; else 90d", "90d");
    private readonly Option<string?> outDirectory = new("--out")
    {
        Description = "Where the files go; else pki/people/NAME below the home. Nothing there is replaced",
        HelpName = "DIR",
    };
    private readonly Option<string?> home = PkiInitVerb.Home();

    public PkiIssueVerb() : base("issue",
        "Issue a certificate of the internal PKI to a person: services then record who did what. Needs the CA's key",
        "overture pki issue --role viewer --name kim",
        "overture pki issue --role operator --name jo --scope profile=web,label.team=blue --life 30d --out ./jo")
    {
        role.AcceptOnlyFromAmong("operator", "viewer", "admin");
        foreach (var option in new Option[] { role, name, scope, life, outDirectory, home })
            Options.Add(option);
    }

    protected override Task<int> Run(Session session, CancellationToken cancel)
    {
        var person = session.Parse.GetRequiredValue(name);
        if (PersonName.Broken(person) is { } nameRule)
            throw Failure.Usage($"--name: '{person}' {nameRule}");
        _ = RoleNames.TryParse(session.Parse.GetRequiredValue(role), out var granted);
        var limit = Scope.Parse((session.Parse.GetValue(scope) ?? []).SelectMany(s => s.Split(',')), out var scopeRule);
        if (scopeRule is not null)
            throw Failure.Usage($"--scope: {scopeRule}");
        if (limit.IsLimited && granted == Role.Viewer)
            throw Failure.Usage("--scope: limits what is changed, and a viewer changes nothing; leave it out");
        var lives = session.Parse.GetValue(life) ?? UsualLife;
        if (lives < PersonalCertificates.ShortestLife || lives > PersonalCertificates.LongestLife)
            throw Failure.Usage("--life: must be 1h to 365d");
        var directory = PkiPlace.Home(session, home);
        var target = Path.GetFullPath(session.Parse.GetValue(outDirectory) ?? Path.Combine(directory, "pki", "people", person));
        PersonalCertificate issued;
        try
        {
            using var alone = PkiPlace.Alone(directory);
            issued = new PersonalCertificates(directory, session.Clock).Issue(person, granted, limit, lives, target);
        }
        catch (InvalidOperationException e)
        {
            throw PkiPlace.Conflict(e, directory);
        }
        catch (ArgumentException)
        {
            throw Failure.Usage($"--scope: services would not read '{limit}' in a certificate as it is given: no part of a value between "
                + "slashes may be . or ..");
        }
        var files = (Certificate: Path.Combine(target, $"{person}.pem"), Key: Path.Combine(target, $"{person}.key"),
            Roots: Path.Combine(target, "ca.pem"));
        var document = PkiPlace.Shown(issued, PkiPlace.Valid);
        document.Fields["certificate"] = Value.ForString(files.Certificate);
        document.Fields["key"] = Value.ForString(files.Key);
        document.Fields["roots"] = Value.ForString(files.Roots);
        session.Printer.Answer(document, _ => Printer.Facts(
            ("name", person), ("role", RoleNames.Of(granted)), ("scope", limit.ToString()), ("serial", $"{issued.Serial}"),
            ("until", PkiPlace.Time(issued.NotAfter)), ("certificate", files.Certificate), ("key", files.Key), ("roots", files.Roots)));
        Printer.Say($"next: give {person} the files over a channel that only {person} reads; they go under tls: in cli.yaml");
        return Task.FromResult(ExitCodes.Ok);
    }
}
