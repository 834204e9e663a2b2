using Google.Protobuf.WellKnownTypes;
using Overture.Cli.Doctor;
using Overture.Cli.Output;

namespace Overture.Cli.Commands;

/// <summary>overture hook check: whether the puppetserver on this host calls Overture; no service is asked.</summary>
internal sealed class HookCheckVerb : Verb
{
    private readonly PuppetserverOptions server = new();

    public HookCheckVerb() : base("check",
        "Look at the hooks of the puppetserver on this host, as root: puppet.conf, and each hook's owner, mode and kind. A hook that its "
            + "user may not execute is inert: puppetserver then reads autosign as a list of names",
        "overture hook check",
        "overture hook check --confdir /etc/overture-puppetserver -o json | jq '.checks[] | select(.status == \"fail\")'")
    {
        Exits = ["1  a hook does not work"];
        server.AddTo(this);
    }

    protected override Task<int> Run(Session session, CancellationToken cancel)
    {
        var setup = server.Read(session.Parse);
        var findings = HookRules.Of(setup);
        var document = new Struct
        {
            Fields =
            {
                ["puppetConf"] = Value.ForString(setup.ConfFile),
                ["user"] = Value.ForString(setup.User.Name),
                ["checks"] = DoctorLine.Document(findings),
            },
        };
        session.Printer.Answer(document, p =>
        {
            p.Table(["CHECK", "STATUS", "DETAIL"], findings.Select(f => new[] { f.Check, f.Word, f.Detail }));
            foreach (var finding in findings.Where(f => f.Next.Length > 0))
                Printer.Say($"next ({finding.Check}): {finding.Next}");
        });
        return Task.FromResult(findings.Any(f => f.Status == DoctorStatus.Failed) ? ExitCodes.Failed : ExitCodes.Ok);
    }
}
