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
    private const string Liveness = "liveness", Why = "overture-why", Console = "console";
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);
    private readonly Option<string?> service = new("--service")
    {
        Description = "Only this one",
        HelpName = "conductor|certauthority|classifier|console",
    };

    private readonly Option<bool> live = new("--live")
    {
        Description = "Only whether the process answers, whatever the state of its store, key and clock",
    };

    public HealthVerb() : base("health", "Check whether the services are serving", "overture health",
        "overture health --service certauthority", "overture health --live --service certauthority")
    {
        service.AcceptOnlyFromAmong("conductor", "certauthority", "classifier", Console);
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
        // People reach a fleet without it, so it is asked by its name alone.
        if (only == Console)
            asked = [(Console, session.Config.Console)];
        var question = new HealthCheckRequest { Service = session.Parse.GetValue(live) ? Liveness : "" };
        var answers = await Task.WhenAll(asked.Select(s => only == Console ? AskConsole(session, s.Address, cancel)
            : Ask(session, s.Key, s.Address, question, cancel)));
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

    // It has no state that could be amiss: it serves where it answers.
    private static async Task<(bool Serving, string Detail)> AskConsole(Session session, string address, CancellationToken cancel)
    {
        using var http = new HttpClient(MutualTls.Handler(session.Config, address, Console, session.Clock)) { Timeout = Limit };
        try
        {
            using var answer = await http.GetAsync(new Uri($"https://{address}/session"), cancel);
            return answer.IsSuccessStatusCode ? (true, "serving") : (false, $"it answers {(int)answer.StatusCode}");
        }
        catch (Exception e) when (e is HttpRequestException || (e is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            return (false, $"the console at {address} does not answer: {(e.InnerException ?? e).Message}");
        }
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
