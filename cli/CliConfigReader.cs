using Overture.Platform.Records;

namespace Overture.Cli;

/// <summary>Reads the keys of one site, of a file or of a context in one: every mistake at once, each with its line.</summary>
internal sealed class CliConfigReader
{
    public const string Shape =
        "it needs conductor, certAuthority and classifier (HOST:PORT) and tls: {certificate, key, roots}; see docs/cli.md";

    private static readonly string[] Keys =
        ["conductor", "certAuthority", "classifier", "caApi", "console", "tls", "autosignTls", "silence", "log", "syslogSocket"];
    private static readonly string[] TlsKeys = ["certificate", "key", "roots"];

    private readonly string file;
    private readonly string folder;
    private readonly bool autosign;
    private readonly List<FieldProblem> mistakes = [];

    private CliConfigReader(string file, bool autosign)
    {
        (this.file, this.autosign) = (file, autosign);
        folder = Path.GetDirectoryName(file) ?? "/";
    }

    /// <param name="file">Absolute; relative paths within count from its directory.</param>
    /// <param name="settings">The keys of one site.</param>
    /// <param name="context">Its name; empty: the file is of one site.</param>
    /// <param name="autosign">The keys of autosignTls win over those of tls.</param>
    /// <exception cref="Failure">Every mistake.</exception>
    public static CliConfig Read(string file, YamlMap settings, string context = "", bool autosign = false)
    {
        var source = context.Length > 0 ? $"{file} (context {context})" : file;
        var reader = new CliConfigReader(file, autosign);
        var config = reader.Whole(new CliConfig { Source = source }, settings);
        if (reader.mistakes is [var first, .. var others])
            throw new Failure(ExitCodes.Config, $"{first.Field}: {first.Rule}", Shape) { Fields = [.. others] };
        if (config.Certificate.Length == 0 || config.Key.Length == 0 || config.Roots.Length == 0)
            throw Failure.Config($"{source}: tls must name certificate, key and roots", Shape);
        return config;
    }

    /// <summary>HOST:PORT, as a configuration has it.</summary>
    public static bool IsEndpoint(string text) =>
        Uri.TryCreate($"https://{text}", UriKind.Absolute, out var uri) && !uri.IsDefaultPort && uri.AbsolutePath == "/"
            && uri.UserInfo.Length == 0 && uri.Query.Length == 0 && uri.Fragment.Length == 0 && !text.EndsWith('/');

    /// <summary>A file's contents where its path belongs: not to be repeated in any message.</summary>
    public static bool IsPem(string text) => text.Contains("-----BEGIN", StringComparison.Ordinal);

    private CliConfig Whole(CliConfig config, YamlMap settings)
    {
        // Last, so that it wins.
        foreach (var (key, value) in settings.Entries.OrderBy(e => e.Key.Text == "autosignTls"))
        {
            config = key.Text switch
            {
                "conductor" => config with { Conductor = Endpoint(key, value) },
                "certAuthority" => config with { CertAuthority = Endpoint(key, value) },
                "classifier" => config with { Classifier = Endpoint(key, value) },
                "caApi" => config with { CaApi = Endpoint(key, value) },
                "console" => config with { Console = Endpoint(key, value) },
                "tls" => WithTls(config, key, value),
                "autosignTls" => autosign ? WithTls(config, key, value) : config,
                "silence" => config with { Silence = Silence(key, value) },
                "log" => config with { Log = value is YamlScalar { Text: "stderr" or "syslog" or "both" } log
                    ? log.Text : Wrong(key, "must be stderr, syslog or both", "") },
                "syslogSocket" => config with { SyslogSocket = value is YamlScalar { Text: ['/', ..] } socket
                    ? socket.Text : Wrong(key, "must be an absolute path", "") },
                _ => Wrong(key, Unknown(key, Keys), config),
            };
        }
        return config;
    }

    private CliConfig WithTls(CliConfig config, YamlScalar key, YamlNode value)
    {
        if (value is not YamlMap map)
            return Wrong(key, "must hold certificate, key and roots", config);
        foreach (var (name, path) in map.Entries)
        {
            config = name.Text switch
            {
                "certificate" => config with { Certificate = PathOf(name, path) },
                "key" => config with { Key = PathOf(name, path) },
                "roots" => config with { Roots = PathOf(name, path) },
                _ => Wrong(name, Unknown(name, TlsKeys), config),
            };
        }
        return config;
    }

    // Relative paths count from the file, not from puppetserver's or the user's working directory.
    private string PathOf(YamlScalar name, YamlNode path) => path is YamlScalar { IsNull: false, Text.Length: > 0 } text
        ? IsPem(text.Text) ? Wrong(name, "must be the path of a PEM file, not its contents", "") : Path.GetFullPath(text.Text, folder)
        : Wrong(name, "must be a path", "");

    private TimeSpan Silence(YamlScalar key, YamlNode value) =>
        value is YamlScalar text && DurationText.TryParse(text.Text, out var silence) && silence.TotalSeconds is >= 1 and <= 300
            ? silence : Wrong(key, "must be 1s to 5m", TimeSpan.Zero);

    private string Endpoint(YamlScalar key, YamlNode value) =>
        value is YamlScalar text && IsEndpoint(text.Text) ? text.Text : Wrong(key, "must be HOST:PORT, e.g. localhost:17001", "");

    /// <summary>What is said of a key that is none of these.</summary>
    public static string Unknown(YamlScalar key, string[] known) =>
        NearestName.Of(key.Text, known) is { } near ? $"is unknown; is {near} meant?" : "is unknown";

    private T Wrong<T>(YamlScalar key, string rule, T instead)
    {
        mistakes.Add(new($"{file}:{key.Line}", $"{key.Text} {rule}"));
        return instead;
    }
}
