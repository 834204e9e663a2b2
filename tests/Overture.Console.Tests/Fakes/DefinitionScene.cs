using Google.Protobuf.WellKnownTypes;
using Overture.Classifier.V1;

namespace Overture.Console.Tests.Fakes;

/// <summary>What nodes are to become.</summary>
internal static class DefinitionScene
{
    /// <summary>A name without a definition.</summary>
    public const string Undefined = "new.example.com";

    public static readonly string Document = $"classes:\n  profile::web:\n    port: 8443\n# {Scene.Hostile}\n";

    public static ExplainNodeResponse Of(string certname) => new()
    {
        Certname = certname, Layers = { "defaults", "group web", "node" },
        Values =
        {
            new ExplainedValue { Path = "environment", Value = Value.ForString("production"), Layer = "built in" },
            new ExplainedValue
            {
                Path = "classes.profile::web.port", Value = Value.ForNumber(8443), Layer = "node", Author = "jo (operator)",
                Shadowed = { new ExplainedValue { Layer = "group web", Value = Value.ForNumber(443) } },
            },
            new ExplainedValue
            {
                Path = "classes.ntp.servers", Value = Value.ForList(Value.ForString("10.20.0.1"), Value.ForString("10.20.0.2")),
                Layer = "defaults",
            },
            new ExplainedValue
            {
                Path = "parameters.motd", Value = Value.ForString(certname == Scene.HostileName ? Scene.Hostile : "web tier"),
                Layer = "group web",
            },
        },
    };

    public static IEnumerable<HistoryEntry> History() =>
    [
        new()
        {
            Id = "2", Kind = "put", Author = "kim (admin)", Reason = "more", Document = "classes:\n  old: {}\n",
            At = Scene.Ago(TimeSpan.FromHours(1)),
        },
        new()
        {
            Id = "1", Kind = "put", Author = "jo (operator)", Reason = Scene.Hostile, Document = "classes: {}\n",
            At = Scene.Ago(TimeSpan.FromHours(2)),
        },
    ];
}
