using System.Text.Json.Nodes;
using Overture.TestSupport;

namespace Overture.Cli.Tests;

/// <summary>How a run of the command line ended, compared with all it printed in the message.</summary>
internal static class Expect
{
    public static Ran Exit(this Ran ran, int code)
    {
        Assert.True(ran.ExitCode == code, $"exit code {ran.ExitCode}, not {code}\n{ran.Output}\n{ran.Errors}");
        return ran;
    }

    public static Ran Says(this Ran ran, string text)
    {
        Assert.Contains(text, ran.Errors, StringComparison.Ordinal);
        return ran;
    }

    public static Ran Prints(this Ran ran, string text)
    {
        Assert.Contains(text, ran.Output, StringComparison.Ordinal);
        return ran;
    }

    /// <summary>stdout is one JSON document on one line.</summary>
    public static JsonNode Json(this Ran ran)
    {
        Assert.Single(ran.Output.TrimEnd('\n').Split('\n'));
        return JsonNode.Parse(ran.Output)!;
    }

    public static string Text(this JsonNode? node) => node!.GetValue<string>();
}
