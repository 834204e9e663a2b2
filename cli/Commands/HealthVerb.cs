using System.CommandLine;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Overture.Cli.Output;
using Grpc.Health.V1;
using Serving = Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace Overture.Cli.Commands;

/// <summary>overture health: exit 0 only if every service asked is serving; with --live, only if its process answers.</summary>
internal sealed class HealthVerb : Verb
{
    private const string Liveness = "liveness", Why = "overture-why";
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);
    private readonly Option<string?> service = new("--service")
    {
        Description = "Only this one",
        HelpName = "conductor|certauthority|classifier",
    };

    private readonly Option<bool> live = new("--live")
    {
        Description = "Only whether the process answers, whatever the state of its store, key and clock",
    };

    public HealthVerb() : base("health", "Check whether the services are serving", "overture health",
        "overture health --service certauthority", "overture health --live --service certauthority")
    {
        service.AcceptOnlyFromAmong("conductor", "certauthority", "classifier");
        Exits = ["1  a service does not serve"];
        Options.Add(service);
        Options.Add(live);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        (string Key, string Address)[] all =
        [
            ("conductor", session.Config.Conductor), ("certAuthority", session.Config.CertAuthority),
            ("classifier", session.Config.Classifier),
        ];
        var only = session.Parse.GetValue(service);
        var asked = all.Where(s => only is null || s.Key.Equals(only, StringComparison.OrdinalIgnoreCase)).ToList();
        var question = new HealthCheckRequest { Service = session.Parse.GetValue(live) ? Liveness : "" };
        var answers = await Task.WhenAll(asked.Select(s => Ask(session, s.Key, s.Address, question, cancel)));
        var document = new Struct
        {
            Fields =
            {
                ["services"] = Value.ForList([.. answers.Select((t, i) => Value.ForStruct(new Struct
                {
                    Fields =
                    {
                        ["service"] = Value.ForString(asked[i].Key.ToLowerInvariant()),
                        ["address"] = Value.ForString(asked[i].Address),
                        ["serving"] = Value.ForBool(t.Serving),
                        ["detail"] = Value.ForString(t.Detail),
                    },
                }))]),
            },
        };
        session.Printer.Answer(document, p => p.Table(["SERVICE", "ADDRESS", "HEALTH"],
            answers.Select((t, i) => new[] { asked[i].Key.ToLowerInvariant(), asked[i].Address, t.Detail })));
        return answers.All(t => t.Serving) ? ExitCodes.Ok : ExitCodes.Failed;
    }

    /// <summary>Whether one of them serves, and what it or the connection says.</summary>
    internal static async Task<(bool Serving, string Detail)> Ask(Session session, string key, string address, HealthCheckRequest question,
        CancellationToken cancel)
    {
        var connection = session.Open(key, address);
        try
        {
            using var call = new Health.HealthClient(connection.Calls).CheckAsync(question, session.Within(Limit, cancel));
            var serving = (await call).Status == Serving.Serving;
            var why = call.GetTrailers().GetValue(Why);
            return (serving, (serving ? "serving" : "not serving") + (why is null ? "" : $": {why}"));
        }
        catch (RpcException e) when (!cancel.IsCancellationRequested)
        {
            return (false, RpcFailures.From(e, key, address).Message);
        }
    }
}
