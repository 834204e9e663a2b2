using System.CommandLine;
using System.CommandLine.Parsing;
using Overture.Cli.Output;

namespace Overture.Cli.Commands;

/// <summary>The options that every verb has.</summary>
internal static class Globals
{
    private const string PathMark = "jsonpath=";
    private static readonly string[] Formats = ["table", "wide", "name", "json", "yaml"];

    public static Option<string?> Config { get; } = new("--config")
    {
        Description = "Configuration file; else OVERTURE_CLI_CONFIG, OVERTURE_HOME/cli.yaml, the current context, .overture/cli.yaml, "
            + "/etc/overture/cli.yaml",
        HelpName = "FILE",
        Recursive = true,
    };

    public static Option<string?> Context { get; } = new("--context")
    {
        Description = "Site to work at, of those in the contexts' file; else OVERTURE_CONTEXT, else the current one",
        HelpName = "NAME",
        Recursive = true,
    };

    public static Option<string> Output { get; } = OutputOption();

    public static Option<bool> NoHeaders { get; } = new("--no-headers") { Description = "Tables without their headings", Recursive = true };

    public static Option<bool> Utc { get; } = new("--utc") { Description = "Times in UTC, not in the zone of TZ", Recursive = true };

    public static IReadOnlyList<Option> All { get; } = [Config, Context, Output, NoHeaders, Utc];

    public static OutputChoice ChoiceOf(ParseResult parse)
    {
        var text = parse.GetValue(Output) ?? "";
        return new OutputChoice(text switch
        {
            "json" => OutputFormat.Json,
            "yaml" => OutputFormat.Yaml,
            "name" => OutputFormat.Name,
            _ => PathOf(text) is null ? OutputFormat.Table : OutputFormat.JsonPath,
        }, IsWide: text == "wide", Headings: !parse.GetValue(NoHeaders), PathOf(text) is { } path ? JsonPath.Parse(path) : null);
    }

    private static string? PathOf(string text) => text.StartsWith(PathMark, StringComparison.Ordinal) ? text[PathMark.Length..] : null;

    private static Option<string> OutputOption()
    {
        var option = new Option<string>("--output", "-o")
        {
            Description = "table or wide for people; names alone; json (one line unless on a terminal), yaml or a JSONPath template "
                + "for programs",
            HelpName = "table|wide|name|json|yaml|jsonpath=TEMPLATE",
            DefaultValueFactory = _ => "table",
            Recursive = true,
        };
        option.Validators.Add(Check);
        option.CompletionSources.Add([.. Formats, PathMark]);
        return option;
    }

    // Before anything is done: a template that is wrong must not be found out by the answer of a launch.
    private static void Check(OptionResult result)
    {
        var text = result.Tokens is [var only] ? only.Value : "table";
        if (PathOf(text) is not { } path)
        {
            if (!Formats.Contains(text))
                result.AddError($"-o must be {string.Join(", ", Formats)} or {PathMark}TEMPLATE, not '{text}'");
            return;
        }
        try
        {
            JsonPath.Parse(path);
        }
        catch (JsonPathException e)
        {
            result.AddError($"-o {PathMark}: {e.Message}");
        }
    }
}
