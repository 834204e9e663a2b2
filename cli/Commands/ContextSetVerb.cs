using System.CommandLine;
using Overture.Cli.Output;
using Overture.Platform.Records;

namespace Overture.Cli.Commands;

/// <summary>overture config set-context: makes a context, or changes what is given of one. What would not work is not written.</summary>
internal sealed class ContextSetVerb : ConfigVerb
{
    private readonly Argument<string> name = NameOf("Its name, 1-63 of A-Z a-z 0-9 . _ - @");
    private readonly List<(Option<string?> Option, string Key)> addresses =
    [
        (Address("--conductor", "Where the Conductor is"), "conductor"),
        (Address("--cert-authority", "Where CertAuthority is"), "certAuthority"),
        (Address("--classifier", "Where the Classifier is"), "classifier"),
        (Address("--ca-api", "The CA API, as Puppet's own tools reach it"), "caApi"),
        (Address("--console", "The console, for overture ui"), "console"),
    ];
    private readonly List<(Option<string?> Option, string Key)> files =
    [
        (PemFile("--cert", "Your certificate"), "certificate"),
        (PemFile("--key", "Its key; the path is kept, never the key"), "key"),
        (PemFile("--ca", "Certificates of the internal CA"), "roots"),
    ];
    private readonly Option<bool> use = new("--use") { Description = "Make it the current one too" };

    public ContextSetVerb() : base("set-context", "Make a context, or change what is given of one",
        "overture config set-context production --conductor conductor.example.com:7001 --cert-authority ca.example.com:7002 "
            + "--classifier classifier.example.com:7003 --ca pki/ca.pem --cert pki/admin.pem --key pki/admin.key",
        "overture config set-context production --cert pki/operator.pem --key pki/operator.key")
    {
        Arguments.Add(name);
        foreach (var (option, _) in addresses.Concat(files))
            Options.Add(option);
        Options.Add(use);
    }

    protected override Task<int> Run(Session session, CancellationToken cancel)
    {
        var called = session.Parse.GetRequiredValue(name);
        if (!ContextFile.IsName(called))
            throw Failure.Usage($"'{called}' is no name of a context: 1-63 of A-Z a-z 0-9 . _ - @, a letter or digit first");
        var file = FileOf(session);
        var before = file.Contexts.FirstOrDefault(c => c.Key == called).Value ?? new YamlMap(0, []);
        var tls = Merged(before.Entries.FirstOrDefault(e => e.Key.Text == "tls").Value as YamlMap ?? new YamlMap(0, []),
            Given(session, files, PathOf));
        var settings = Merged(Merged(before, Given(session, addresses, AddressOf)), [("tls", tls)]);
        var missing = files.Where(f => tls.Entries.All(e => e.Key.Text != f.Key)).Select(f => f.Option.Name).ToList();
        if (missing.Count > 0)
            throw Failure.Usage($"the context {called} needs {string.Join(" and ", missing)}", "overture config set-context --help");
        // Whatever else is wrong with it is found out now, not by the next command.
        CliConfigReader.Read(file.File, settings, called);
        var changed = file.With(called, settings);
        if (session.Parse.GetValue(use))
            changed = changed with { Current = called };
        changed.Write();
        session.Printer.Answer(Changed(changed, called), p => Printer.Document($"context {called} is written to {changed.File}"));
        foreach (var path in tls.Entries.Select(e => ((YamlScalar)e.Value).Text).Where(p => !File.Exists(FullPath(changed, p))))
            Printer.Say($"warning: there is no file {path}");
        if (changed.Current.Length == 0)
            Printer.Say($"next: overture config use-context {called}");
        return Task.FromResult(ExitCodes.Ok);
    }

    private static string FullPath(ContextFile file, string path) => Path.GetFullPath(path, Path.GetDirectoryName(file.File)!);

    private static List<(string Key, YamlNode Value)> Given(Session session, List<(Option<string?> Option, string Key)> options,
        Func<string, string, string> checkedValue) =>
        [.. from option in options
            let text = session.Parse.GetValue(option.Option)
            where text is not null
            select (option.Key, (YamlNode)new YamlScalar(0, checkedValue(option.Option.Name, text), Plain: false))];

    // What was there stays in its place.
    private static YamlMap Merged(YamlMap map, List<(string Key, YamlNode Value)> given) => new(map.Line,
        [.. map.Entries.Select(e => given.Exists(g => g.Key == e.Key.Text) ? (e.Key, given.First(g => g.Key == e.Key.Text).Value) : e),
            .. given.Where(g => map.Entries.All(e => e.Key.Text != g.Key)).Select(g => (new YamlScalar(0, g.Key, Plain: true), g.Value))]);

    private static string AddressOf(string option, string text) => CliConfigReader.IsEndpoint(text) ? text
        : throw Failure.Usage($"{option} must be HOST:PORT, e.g. localhost:7001, not '{text}'");

    // As typed it counts from here; in the file it would count from there.
    private static string PathOf(string option, string text) => text.Length > 0 && !CliConfigReader.IsPem(text) ? Path.GetFullPath(text)
        : throw Failure.Usage($"{option} must be the path of a PEM file");

    private static Option<string?> Address(string option, string description) => new(option) { Description = description,
        HelpName = "HOST:PORT" };

    private static Option<string?> PemFile(string option, string description) => new(option) { Description = description,
        HelpName = "FILE" };
}
