using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Overture.Cli.Commands;

/// <summary>--help: what the parser knows, then examples and exit codes.</summary>
internal sealed class HelpText(HelpAction usual) : SynchronousCommandLineAction
{
    private static readonly string[] First =
    [
        "overture launch -c examples/start_instance.yaml --wait",
        "overture instance list --state converged",
        "overture instance show 4f1c",
        "overture instance list -o jsonpath='{range .instances[*]}{.certname}{\"\\n\"}{end}'",
        "overture instance terminate 4f1c",
        "overture config use-context production",
        "source <(overture completion bash)",
    ];

    // Help is asked for in spite of missing arguments.
    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        var command = parseResult.CommandResult.Command;
        VerbAliases.Hide(parseResult.RootCommandResult.Command);
        usual.Invoke(parseResult);
        Lines("Examples:", command is Verb verb ? verb.Examples : command is RootCommand ? First : []);
        Lines("Exit codes:", command is Verb special ? special.Exits : command is RootCommand ? ExitCodes.Meanings : []);
        return ExitCodes.Ok;
    }

    private static void Lines(string heading, IReadOnlyList<string> lines)
    {
        if (lines.Count > 0)
            Console.Out.WriteLine($"{heading}\n  {string.Join("\n  ", lines)}\n");
    }
}
