using Google.Protobuf.WellKnownTypes;
using Overture.Cli.Output;
using Overture.Platform.Records;

namespace Overture.Cli;

/// <summary>
/// Several sites in one file, as a kubeconfig has clusters: {currentContext: NAME, contexts: {NAME: keys of cli.yaml}}. It has paths of
/// keys and no keys, and is still for its owner alone: it says where things are.
/// </summary>
/// <param name="File">Absolute.</param>
/// <param name="Current">Empty: none is.</param>
/// <param name="Contexts">In the order of the file.</param>
internal sealed record ContextFile(string File, string Current, IReadOnlyList<KeyValuePair<string, YamlMap>> Contexts)
{
    private const string ContextsKey = "contexts", CurrentKey = "currentContext";
    private const int LongestName = 63;
    private const string Shape =
        "it has currentContext: NAME and contexts: {NAME: {conductor, certAuthority, classifier, tls}}; see docs/cli.md";

    /// <summary>The user's own: XDG_CONFIG_HOME/overture/contexts.yaml, else below ~/.config.</summary>
    public static string Usual => Path.Combine(Environment.GetEnvironmentVariable("XDG_CONFIG_HOME") is { Length: > 0 } home ? home
        : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".config"), "overture", "contexts.yaml");

    /// <summary>Rather than the configuration of one site.</summary>
    public static bool Is(YamlMap document) => document.Entries.Any(e => e.Key.Text is ContextsKey or CurrentKey);

    public static bool IsName(string name) => name.Length is > 0 and <= LongestName && char.IsAsciiLetterOrDigit(name[0])
        && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-' or '@');

    /// <summary>An empty one where there is no such file.</summary>
    /// <exception cref="Failure">It can't be read, or is no file of contexts.</exception>
    public static ContextFile Read(string file)
    {
        var full = Path.GetFullPath(file);
        if (!System.IO.File.Exists(full))
            return new(full, "", []);
        var document = YamlFile.Read(full, ExitCodes.Config, Shape);
        return Is(document) || document.Entries.Count == 0 ? Of(full, document) : throw Failure.Config(
            $"{full} is the configuration of one site and has no contexts",
            $"name a file of contexts with --config FILE, or leave it out for {Usual}");
    }

    /// <exception cref="Failure">Every mistake of its shape; the contexts themselves are read when they are used.</exception>
    public static ContextFile Of(string full, YamlMap document)
    {
        var mistakes = new List<FieldProblem>();
        void Wrong(YamlScalar key, string rule) => mistakes.Add(new($"{full}:{key.Line}", $"{key.Text} {rule}"));
        var (current, contexts) = ("", new List<KeyValuePair<string, YamlMap>>());
        foreach (var (key, value) in document.Entries)
        {
            if (key.Text == CurrentKey && value is YamlScalar name)
                current = name.IsNull ? "" : name.Text;
            else if (key.Text == ContextsKey && value is YamlMap map)
                map.Entries.ToList().ForEach(Context);
            else if (key.Text is not (ContextsKey or CurrentKey))
                Wrong(key, CliConfigReader.Unknown(key, [ContextsKey, CurrentKey]));
            else if (value is not YamlScalar { IsNull: true })
                Wrong(key, key.Text == ContextsKey ? "must hold contexts by their names" : "must be a name");
        }
        void Context((YamlScalar Key, YamlNode Value) entry)
        {
            if (!IsName(entry.Key.Text))
                Wrong(entry.Key, $"is no name: it must be 1-{LongestName} of A-Z a-z 0-9 . _ - @, a letter or digit first");
            else if (entry.Value is YamlMap settings)
                contexts.Add(new(entry.Key.Text, settings));
            else
                Wrong(entry.Key, "must hold conductor, certAuthority, classifier and tls");
        }
        return mistakes is [var first, .. var others]
            ? throw new Failure(ExitCodes.Config, $"{first.Field}: {first.Rule}", Shape) { Fields = [.. others] }
            : new(full, current, contexts);
    }

    /// <param name="named">Null: the current one.</param>
    /// <exception cref="Failure">With the file, and the contexts there are.</exception>
    public KeyValuePair<string, YamlMap> Choose(string? named)
    {
        var name = named ?? Current;
        if (name.Length == 0)
        {
            throw Failure.Config($"{File} has no current context; {There}",
                Contexts.Count > 0 ? $"overture config use-context {Contexts[0].Key}" : "overture config set-context NAME --help");
        }
        if (Contexts.Any(c => c.Key == name))
            return Contexts.First(c => c.Key == name);
        var near = NearestName.Of(name, [.. Contexts.Select(c => c.Key)]);
        throw new Failure(ExitCodes.Config,
            $"there is no context {name} in {File}; {There}{(near is null ? "" : $"; did you mean {near}?")}",
            Contexts.Count > 0 ? "overture config get-contexts" : $"overture config set-context {(IsName(name) ? name : "NAME")} --help");
    }

    /// <summary>The same with one more, or with another in its place.</summary>
    public ContextFile With(string name, YamlMap settings) => this with
    {
        Contexts = Contexts.Any(c => c.Key == name) ? [.. Contexts.Select(c => c.Key == name ? new(name, settings) : c)]
            : [.. Contexts, new(name, settings)],
    };

    public ContextFile Without(string name) => this with
    {
        Current = Current == name ? "" : Current,
        Contexts = [.. Contexts.Where(c => c.Key != name)],
    };

    /// <summary>Whole or not at all, for its owner alone. A link stays one.</summary>
    public void Write()
    {
        var target = System.IO.File.Exists(File) && new FileInfo(File).ResolveLinkTarget(returnFinalTarget: true) is { } linked
            ? linked.FullName : File;
        PrivateFile.MakeDirectory(Path.GetDirectoryName(target)!);
        PrivateFile.Write(target, Rendering.Yaml(Tree(t => t)));
    }

    /// <summary>As the file has it, but for private keys that someone put in place of their path.</summary>
    public Struct Shown() => Tree(t => CliConfigReader.IsPem(t) ? "(not shown: it holds PEM, where a path belongs)" : t);

    private string There => Contexts.Count == 0 ? "it has no contexts" : $"there are {string.Join(", ", Contexts.Select(c => c.Key))}";

    private Struct Tree(Func<string, string> text)
    {
        var contexts = new Struct();
        foreach (var (name, settings) in Contexts)
            contexts.Fields[name] = ValueOf(settings, text);
        return new Struct { Fields = { [CurrentKey] = Value.ForString(Current), [ContextsKey] = Value.ForStruct(contexts) } };
    }

    // Each value of a configuration is a text.
    private static Value ValueOf(YamlNode node, Func<string, string> text)
    {
        switch (node)
        {
            case YamlMap map:
                var tree = new Struct();
                foreach (var (key, value) in map.Entries)
                    tree.Fields[key.Text] = ValueOf(value, text);
                return Value.ForStruct(tree);
            case YamlList list:
                return Value.ForList([.. list.Items.Select(i => ValueOf(i, text))]);
            default:
                return Value.ForString(text(((YamlScalar)node).Text));
        }
    }
}
