using System.CommandLine;
using Overture.Cli.Output;
using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>overture instance list</summary>
internal sealed class InstanceListVerb : Verb
{
    private readonly Option<string?> state = new("--state") { Description = "Only those in this state", HelpName = "STATE" };
    private readonly Option<string?> profile = new("--profile") { Description = "Only those of this profile", HelpName = "NAME" };
    private readonly Option<bool> all = new("--all") { Description = "Terminated ones too" };

    public InstanceListVerb() : base("list", "List instances, newest first",
        "overture instance list", "overture instance list --state converged -o json | jq -r '.instances[].certname'")
    {
        state.AcceptOnlyFromAmong([.. InstanceText.States.Keys]);
        Options.Add(state);
        Options.Add(profile);
        Options.Add(all);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var request = new ListInstancesRequest { ShowTerminated = session.Parse.GetValue(all),
            Profile = session.Parse.GetValue(profile) ?? "" };
        if (session.Parse.GetValue(state) is { } wanted)
            request.State = InstanceText.States[wanted];
        var found = await Names.Pages(session, request, cancel);
        session.Printer.Answer(new ListInstancesResponse { Instances = { found } }, p =>
        {
            if (found.Count == 0)
            {
                Printer.Say("no instances; launch one: overture launch -c examples/start_instance.yaml --wait");
                return;
            }
            p.Table(["CERTNAME", "STATE", "TROUBLE", "AGE", "PROVIDER", "INSTANCE", "PROFILE"], found.Select(i => new[]
            {
                i.Certname, InstanceText.State(i.State), InstanceText.Trouble(i.Trouble), InstanceText.Age(i.CreatedAt, session.Clock),
                i.Provider, i.InstanceId, i.Profile,
            }));
        });
        return ExitCodes.Ok;
    }
}
