using Google.Protobuf.WellKnownTypes;
using Overture.Cli.Output;

namespace Overture.Cli.Commands;

/// <summary>overture version</summary>
internal sealed class VersionVerb() : Verb("version", "Print the version", "overture version")
{
    protected override Task<int> Run(Session session, CancellationToken cancel)
    {
        var version = typeof(VersionVerb).Assembly.GetName().Version?.ToString(3) ?? "unknown";
        session.Printer.Answer(new Struct { Fields = { ["version"] = Value.ForString(version) } },
            p => Printer.Document($"overture {version}"));
        return Task.FromResult(ExitCodes.Ok);
    }
}
