using System.CommandLine;
using Overture.Cli.Output;

namespace Overture.Cli.Commands;

/// <summary>The options that every verb has.</summary>
internal static class Globals
{
    public static Option<string?> Config { get; } = new("--config")
    {
        Description = "Configuration file; else OVERTURE_CLI_CONFIG, OVERTURE_HOME/cli.yaml, .overture/cli.yaml, /etc/overture/cli.yaml",
        HelpName = "FILE",
        Recursive = true,
    };

    public static Option<string> Output { get; } = OutputOption();

    public static OutputFormat FormatOf(ParseResult parse) => parse.GetValue(Output) switch
    {
        "json" => OutputFormat.Json,
        "yaml" => OutputFormat.Yaml,
        _ => OutputFormat.Table,
    };

    private static Option<string> OutputOption()
    {
        var option = new Option<string>("--output", "-o")
        {
            Description = "table for people, json (one line unless on a terminal) or yaml for programs",
            HelpName = "table|json|yaml",
            DefaultValueFactory = _ => "table",
            Recursive = true,
        };
        option.AcceptOnlyFromAmong("table", "json", "yaml");
        return option;
    }
}
