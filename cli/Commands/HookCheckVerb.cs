using System.CommandLine;
using Google.Protobuf.WellKnownTypes;
using Overture.Cli.Hooks;
using Overture.Cli.Output;

namespace Overture.Cli.Commands;

/// <summary>overture hook check: whether the puppetserver on this host calls Overture; no service is asked.</summary>
internal sealed class HookCheckVerb : Verb
{
    private readonly Option<string?> confdir = new("--confdir")
    {
        Description = "Where its puppet.conf is; else /etc/puppetlabs/puppet or /etc/puppet",
        HelpName = "DIR",
    };

    private readonly Option<string> user = new("--user")
    {
        Description = "Who it runs as",
        HelpName = "NAME",
        DefaultValueFactory = _ => "puppet",
    };

    public HookCheckVerb() : base("check",
        "Look at the hooks of the puppetserver on this host, as root: puppet.conf, and each hook's owner, mode and kind. A hook that its "
            + "user may not execute is inert: puppetserver then reads autosign as a list of names",
        "overture hook check",
        "overture hook check --confdir /etc/overture-puppetserver -o json | jq '.checks[] | select(.status == \"error\")'")
    {
        Exits = ["1  a hook does not work"];
        Options.Add(confdir);
        Options.Add(user);
    }

    protected override Task<int> Run(Session session, CancellationToken cancel)
    {
        var setup = HookSetupReader.Read(session.Parse.GetValue(confdir), session.Parse.GetRequiredValue(user));
        var findings = HookRules.Of(setup);
        var document = new Struct
        {
            Fields =
            {
                ["puppetConf"] = Value.ForString(setup.ConfFile),
                ["user"] = Value.ForString(setup.User.Name),
                ["checks"] = Value.ForList([.. findings.Select(Document)]),
            },
        };
        session.Printer.Answer(document, p =>
        {
            p.Table(["CHECK", "STATUS", "DETAIL"], findings.Select(f => new[] { f.Check, StatusOf(f), f.Detail }));
            foreach (var finding in findings.Where(f => f.Next.Length > 0))
                Printer.Say($"next ({finding.Check}): {finding.Next}");
        });
        return Task.FromResult(findings.Any(f => f.Status == HookStatus.Error) ? ExitCodes.Failed : ExitCodes.Ok);
    }

    private static Value Document(HookFinding finding) => Value.ForStruct(new Struct
    {
        Fields =
        {
            ["check"] = Value.ForString(finding.Check),
            ["status"] = Value.ForString(StatusOf(finding)),
            ["detail"] = Value.ForString(finding.Detail),
            ["next"] = Value.ForString(finding.Next),
        },
    });

    private static string StatusOf(HookFinding finding) => finding.Status switch
    {
        HookStatus.Ok => "ok",
        HookStatus.Warning => "warning",
        _ => "error",
    };
}
