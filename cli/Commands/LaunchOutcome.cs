using Google.Protobuf.WellKnownTypes;
using Overture.Cli.Output;
using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>
/// The document of launch --wait -o json: requestId, traceId, converged, and instances as proto JSON. A launch of one has its certname,
/// state and states at the top too, so that a script of one instance needs no list.
/// </summary>
internal static class LaunchOutcome
{
    public static Struct Document(LaunchInstancesResponse launched, Watched watched)
    {
        var document = new Struct
        {
            Fields =
            {
                ["requestId"] = Value.ForString(launched.RequestId),
                ["traceId"] = Value.ForString(launched.TraceId),
                ["converged"] = Value.ForBool(watched.Converged),
                ["timedOut"] = Value.ForBool(watched.TimedOut),
            },
        };
        if (watched.Instances is [var only])
        {
            var tree = Rendering.Tree(only);
            foreach (var key in new[] { "certname", "state", "states" })
                document.Fields[key] = tree.Fields[key];
        }
        document.Fields["instances"] = Value.ForList([.. watched.Instances.Select(i => Value.ForStruct(Rendering.Tree(i)))]);
        return document;
    }
}
