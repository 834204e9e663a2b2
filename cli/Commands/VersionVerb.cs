using Google.Protobuf.WellKnownTypes;
using Overture.Cli.Output;

namespace Overture.Cli.Commands;

/// <summary>overture version</summary>
internal sealed class VersionVerb() : Verb("version", "Print the version", "overture version")
{
    public static string Text { get; } = typeof(VersionVerb).Assembly.GetName().Version?.ToString(3) ?? "unknown";

    protected override Task<int> Run(Session session, CancellationToken cancel)
    {
        session.Printer.Answer(new Struct { Fields = { ["version"] = Value.ForString(Text) } },
            p => Printer.Document($"overture {Text}"));
        return Task.FromResult(ExitCodes.Ok);
    }
}
