using System.CommandLine;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Overture.Cli.Output;
using Overture.Protos.Health.V1;
using Serving = Overture.Protos.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace Overture.Cli.Commands;

/// <summary>overture health: exit 0 only if every service asked is serving.</summary>
internal sealed class HealthVerb : Verb
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);
    private readonly Option<string?> service = new("--service") { Description = "Only this one", HelpName = "conductor|certauthority|classifier" };

    public HealthVerb() : base("health", "Ask the services whether they serve", "overture health", "overture health --service certauthority")
    {
        service.AcceptOnlyFromAmong("conductor", "certauthority", "classifier");
        Options.Add(service);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        (string Key, string Address)[] all =
        [
            ("conductor", session.Config.Conductor), ("certAuthority", session.Config.CertAuthority), ("classifier", session.Config.Classifier),
        ];
        var only = session.Parse.GetValue(service);
        var asked = all.Where(s => only is null || s.Key.Equals(only, StringComparison.OrdinalIgnoreCase)).ToList();
        var told = await Task.WhenAll(asked.Select(s => Ask(session, s.Key, s.Address, cancel)));
        var document = new Struct
        {
            Fields =
            {
                ["services"] = Value.ForList([.. told.Select((t, i) => Value.ForStruct(new Struct
                {
                    Fields =
                    {
                        ["service"] = Value.ForString(asked[i].Key.ToLowerInvariant()),
                        ["address"] = Value.ForString(asked[i].Address),
                        ["serving"] = Value.ForBool(t == "serving"),
                        ["detail"] = Value.ForString(t),
                    },
                }))]),
            },
        };
        session.Printer.Answer(document, p => p.Table(["SERVICE", "ADDRESS", "HEALTH"], told.Select((t, i) => new[] { asked[i].Key.ToLowerInvariant(), asked[i].Address, t })));
        return told.All(t => t == "serving") ? ExitCodes.Ok : ExitCodes.Failed;
    }

    private static async Task<string> Ask(Session session, string key, string address, CancellationToken cancel)
    {
        var connection = session.Open(key, address);
        try
        {
            var answer = await new Health.HealthClient(connection.Calls).CheckAsync(new HealthCheckRequest(), session.Within(Limit, cancel));
            return answer.Status == Serving.Serving ? "serving" : "not serving";
        }
        catch (RpcException e) when (!cancel.IsCancellationRequested)
        {
            return RpcFailures.From(e, key, address).Message;
        }
    }
}
