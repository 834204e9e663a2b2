using System.CommandLine;

namespace Overture.Cli.Commands;

/// <summary>--unregistered of what stores a definition.</summary>
internal static class Unregistered
{
    public static Option<bool> Option() => new("--unregistered")
    {
        Description = "Also for a name that was neither launched nor registered and has no certificate, or whose instance is terminated",
    };
}
