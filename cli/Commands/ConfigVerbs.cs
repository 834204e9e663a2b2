using System.CommandLine;
using Google.Protobuf.WellKnownTypes;
using Overture.Cli.Output;
using Overture.Platform.Records;

namespace Overture.Cli.Commands;

/// <summary>A verb on the file of contexts: --config, else OVERTURE_CLI_CONFIG, else the user's own.</summary>
internal abstract class ConfigVerb(string name, string description, params string[] examples) : Verb(name, description, examples)
{
    protected static Argument<string> NameOf(string description = "The context's name") => new("CONTEXT") { Description = description };

    protected static ContextFile FileOf(Session session) =>
        ContextFile.Read(session.Parse.GetValue(Globals.Config) ?? Variable("OVERTURE_CLI_CONFIG") ?? ContextFile.Usual);

    protected static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;

    protected static Struct Changed(ContextFile file, string name) => new()
    {
        Fields =
        {
            ["name"] = Value.ForString(name),
            ["file"] = Value.ForString(file.File),
            ["currentContext"] = Value.ForString(file.Current),
        },
    };
}

/// <summary>overture config get-contexts</summary>
internal sealed class ContextListVerb() : ConfigVerb("get-contexts", "List the contexts, and which is the current one",
    "overture config get-contexts", "overture config get-contexts -o name")
{
    protected override Task<int> Run(Session session, CancellationToken cancel)
    {
        var file = FileOf(session);
        var rows = file.Contexts.Select(c => new[]
        {
            c.Key == file.Current ? "*" : "", c.Key, Text(c.Value, "conductor"), Text(c.Value, "certAuthority"),
            Text(c.Value, "classifier"),
            c.Value.Entries.FirstOrDefault(e => e.Key.Text == "tls").Value is YamlMap tls ? Text(tls, "certificate") : "",
        }).ToList();
        string[] keys = ["", "name", "conductor", "certAuthority", "classifier", "certificate"];
        var answer = new Struct
        {
            Fields =
            {
                ["file"] = Value.ForString(file.File),
                ["currentContext"] = Value.ForString(file.Current),
                ["contexts"] = Value.ForList([.. rows.Select(r =>
                {
                    var context = new Struct();
                    for (var i = 1; i < keys.Length; i++)
                        context.Fields[keys[i]] = Value.ForString(r[i]);
                    return Value.ForStruct(context);
                })]),
            },
        };
        session.Printer.Answer(answer, p =>
        {
            if (rows.Count == 0)
                Printer.Say($"no contexts in {file.File}; make one: overture config set-context NAME --help");
            else
                p.Table(["CURRENT", "NAME", "CONDUCTOR", Column.Wide("CERTAUTHORITY"), Column.Wide("CLASSIFIER"), "CERTIFICATE"], rows);
        });
        return Task.FromResult(ExitCodes.Ok);
    }

    // Here a context that is wrong is shown as it is, and a key in place of a path is not.
    private static string Text(YamlMap map, string key) => map.Entries.FirstOrDefault(e => e.Key.Text == key).Value is YamlScalar text
        && !CliConfigReader.IsPem(text.Text) ? text.Text : "";
}

/// <summary>overture config current-context: the one that a command would use.</summary>
internal sealed class ContextCurrentVerb() : ConfigVerb("current-context",
    "Print the context that a command would use: --context, OVERTURE_CONTEXT, or the current one", "overture config current-context")
{
    protected override Task<int> Run(Session session, CancellationToken cancel)
    {
        var file = FileOf(session);
        var (name, _) = file.Choose(session.Parse.GetValue(Globals.Context) ?? Variable("OVERTURE_CONTEXT"));
        session.Printer.Answer(Changed(file, name), p => Printer.Document(name));
        return Task.FromResult(ExitCodes.Ok);
    }
}

/// <summary>overture config use-context</summary>
internal sealed class ContextUseVerb : ConfigVerb
{
    private readonly Argument<string> name = NameOf();

    public ContextUseVerb() : base("use-context", "Make a context the current one", "overture config use-context production") =>
        Arguments.Add(name);

    protected override Task<int> Run(Session session, CancellationToken cancel)
    {
        var file = FileOf(session);
        var (chosen, _) = file.Choose(session.Parse.GetRequiredValue(name));
        var changed = file with { Current = chosen };
        changed.Write();
        session.Printer.Answer(Changed(changed, chosen), p => Printer.Document($"the current context is {chosen}"));
        if (Stronger() is { } stronger)
            Printer.Say($"warning: {stronger} goes before the current context, as long as it is set");
        return Task.FromResult(ExitCodes.Ok);
    }

    private static string? Stronger() => Variable("OVERTURE_CONTEXT") is not null ? "OVERTURE_CONTEXT"
        : Variable("OVERTURE_CLI_CONFIG") is null && Variable("OVERTURE_HOME") is { } home && File.Exists(Path.Combine(home, "cli.yaml"))
            ? $"OVERTURE_HOME, with its {Path.Combine(home, "cli.yaml")}," : null;
}

/// <summary>overture config delete-context</summary>
internal sealed class ContextDeleteVerb : ConfigVerb
{
    private readonly Argument<string> name = NameOf();

    public ContextDeleteVerb() : base("delete-context", "Delete a context; the files that it names stay",
        "overture config delete-context old") => Arguments.Add(name);

    protected override Task<int> Run(Session session, CancellationToken cancel)
    {
        var file = FileOf(session);
        var (chosen, _) = file.Choose(session.Parse.GetRequiredValue(name));
        var changed = file.Without(chosen);
        changed.Write();
        session.Printer.Answer(Changed(changed, chosen), p => Printer.Document($"context {chosen} is deleted"));
        if (changed.Current.Length == 0 && changed.Contexts.Count > 0)
            Printer.Say($"no context is the current one now; next: overture config use-context {changed.Contexts[0].Key}");
        return Task.FromResult(ExitCodes.Ok);
    }
}

/// <summary>overture config view: the file as it is. It has paths of keys; a key itself is never printed.</summary>
internal sealed class ConfigViewVerb() : ConfigVerb("view", "Print the file of contexts; no private key is ever printed",
    "overture config view", "overture config view -o json | jq '.contexts | keys'")
{
    protected override Task<int> Run(Session session, CancellationToken cancel)
    {
        var file = FileOf(session);
        var shown = file.Shown();
        session.Printer.Answer(shown, p => Printer.Document(Rendering.Yaml(shown)), file.Contexts.Select(c => c.Key));
        if (file.Contexts.Count == 0)
            Printer.Say($"no contexts in {file.File}; make one: overture config set-context NAME --help");
        return Task.FromResult(ExitCodes.Ok);
    }
}
