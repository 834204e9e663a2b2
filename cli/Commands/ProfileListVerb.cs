using System.CommandLine;
using Overture.Cli.Output;
using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>overture profile list</summary>
internal sealed class ProfileListVerb : Verb
{
    public ProfileListVerb() : base("list", "List the profiles of the bucket, and whether they are valid",
        "overture profile list", "overture profile list -o json | jq -r '.profiles[].name'")
    {
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var answer = await session.Conductor((c, o) => c.ListProfilesAsync(new ListProfilesRequest(), o), cancel);
        session.Printer.Answer(answer, p =>
        {
            if (answer.Profiles.Count == 0)
            {
                Printer.Say("no profiles; make one: overture profile put web -f web.yaml");
                return;
            }
            Column[] columns = ["NAME", "PROVIDER", "IMAGE", "TYPE", Column.Wide("PUPPETSERVER"), Column.Wide("ROLE"), "VERSION",
                "PROBLEMS"];
            p.Table(columns, answer.Profiles.Select(f => new[]
            {
                f.Name, f.Spec?.Provider ?? "", f.Spec?.Image ?? "", f.Spec?.InstanceType ?? "", f.Spec?.Puppet?.Server ?? "",
                f.Spec?.Role ?? "", f.Etag, f.Problems.Count == 0 ? "" : $"{f.Problems.Count}",
            }));
        }, answer.Profiles.Select(f => f.Name));
        return ExitCodes.Ok;
    }
}
