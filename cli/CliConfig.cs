using Overture.Platform.Records;

namespace Overture.Cli;

/// <summary>Where the services are and who we are. The same keys for the command line (cli.yaml) and the hooks (hooks.yaml).</summary>
internal sealed record CliConfig
{
    /// <summary>The file it was read from.</summary>
    public required string Source { get; init; }

    /// <summary>By an environment variable.</summary>
    public bool IsPointed { get; init; }

    /// <summary>A hook's: its files are held to <see cref="FileGuard"/>.</summary>
    public bool IsGuarded { get; init; }

    /// <summary>HOST:PORT each; empty where the file does not say.</summary>
    public string Conductor { get; init; } = "";
    public string CertAuthority { get; init; } = "";
    public string Classifier { get; init; } = "";

    /// <summary>The CA API as Puppet's own tools reach it; empty where the file does not say.</summary>
    public string CaApi { get; init; } = "";

    /// <summary>PEM files, absolute.</summary>
    public string Certificate { get; init; } = "";
    public string Key { get; init; } = "";
    public string Roots { get; init; } = "";

    /// <summary>
    /// How long a connection that is waited on may be silent before it is asked for a sign of life, which has as long to come, 10 s at
    /// most.
    /// </summary>
    public TimeSpan Silence { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>A hook's: stderr, syslog or both.</summary>
    public string Log { get; init; } = "stderr";

    /// <summary>A hook's: the datagram socket of syslog.</summary>
    public string SyslogSocket { get; init; } = "/dev/log";

    private const string Shape =
        "it needs conductor, certAuthority and classifier (HOST:PORT) and tls: {certificate, key, roots}; see docs/cli.md";

    /// <summary>The command line's: the file named, else the first that exists of the places a person would expect.</summary>
    public static CliConfig ForPerson(string? named)
    {
        if (named is not null)
            return Read(named);
        if (Variable("OVERTURE_CLI_CONFIG") is { } pointed)
            return Read(pointed);
        string[] places = Variable("OVERTURE_HOME") is { } home
            ? [Path.Combine(home, "cli.yaml"), Path.Combine(".overture", "cli.yaml"), "/etc/overture/cli.yaml"]
            : [Path.Combine(".overture", "cli.yaml"), "/etc/overture/cli.yaml"];
        return Read(places.FirstOrDefault(File.Exists) ?? throw Failure.Config(
            $"no configuration: there is no {string.Join(", no ", places.Select(Path.GetFullPath))}",
            "run ./run once, or name a file with --config FILE or OVERTURE_CLI_CONFIG; docs/cli.md shows its keys"));
    }

    /// <summary>A hook's: puppetserver starts it with a thin environment, so there is one place. Each hook has a role of its own, so
    /// overture-autosign shows the files of autosignTls where there are any.</summary>
    public static CliConfig ForHook(string hook)
    {
        var pointed = Variable("OVERTURE_HOOKS_CONFIG");
        var file = Path.GetFullPath(pointed ?? "/etc/overture/hooks.yaml");
        FileGuard.Check(file, "configuration", secret: false);
        return Read(file, autosign: hook == "overture-autosign") with { IsGuarded = true, IsPointed = pointed is not null };
    }

    private static CliConfig Read(string file, bool autosign = false)
    {
        var full = Path.GetFullPath(file);
        var folder = Path.GetDirectoryName(full) ?? "/";
        var config = new CliConfig { Source = full };
        // Last, so that it wins.
        foreach (var (key, value) in YamlFile.Read(full, ExitCodes.Config, Shape).Entries.OrderBy(e => e.Key.Text == "autosignTls"))
        {
            config = key.Text switch
            {
                "conductor" => config with { Conductor = Endpoint(full, key, value) },
                "certAuthority" => config with { CertAuthority = Endpoint(full, key, value) },
                "classifier" => config with { Classifier = Endpoint(full, key, value) },
                "caApi" => config with { CaApi = Endpoint(full, key, value) },
                "tls" => WithTls(config, folder, key, value),
                "autosignTls" => autosign ? WithTls(config, folder, key, value) : config,
                "silence" => config with
                {
                    Silence = value is YamlScalar text && DurationText.TryParse(text.Text, out var silence)
                        && silence.TotalSeconds is >= 1 and <= 300
                        ? silence : throw Wrong(full, key, "must be 1s to 5m"),
                },
                "log" => config with { Log = value is YamlScalar { Text: "stderr" or "syslog" or "both" } log
                    ? log.Text : throw Wrong(full, key, "must be stderr, syslog or both") },
                "syslogSocket" => config with { SyslogSocket = value is YamlScalar { Text: ['/', ..] } socket
                    ? socket.Text : throw Wrong(full, key, "must be an absolute path") },
                _ => throw Wrong(full, key, "is unknown"),
            };
        }
        if (config.Certificate.Length == 0 || config.Key.Length == 0 || config.Roots.Length == 0)
            throw Failure.Config($"{full}: tls must name certificate, key and roots", Shape);
        return config;
    }

    private static CliConfig WithTls(CliConfig config, string folder, YamlScalar key, YamlNode value)
    {
        if (value is not YamlMap map)
            throw Wrong(config.Source, key, "must hold certificate, key and roots");
        foreach (var (name, path) in map.Entries)
        {
            // Relative paths count from the file, not from puppetserver's or the user's working directory.
            var file = path is YamlScalar { IsNull: false } text
                ? Path.GetFullPath(text.Text, folder) : throw Wrong(config.Source, name, "must be a path");
            config = name.Text switch
            {
                "certificate" => config with { Certificate = file },
                "key" => config with { Key = file },
                "roots" => config with { Roots = file },
                _ => throw Wrong(config.Source, name, "is unknown"),
            };
        }
        return config;
    }

    private static string Endpoint(string file, YamlScalar key, YamlNode value) =>
        value is YamlScalar text && Uri.TryCreate($"https://{text.Text}", UriKind.Absolute, out var uri) && !uri.IsDefaultPort
            && uri.AbsolutePath == "/" && uri.UserInfo.Length == 0 && uri.Query.Length == 0 && uri.Fragment.Length == 0
                && !text.Text.EndsWith('/')
            ? text.Text
            : throw Wrong(file, key, "must be HOST:PORT, e.g. localhost:17001");

    private static Failure Wrong(string file, YamlScalar key, string rule) =>
        Failure.Config($"{file}:{key.Line}: {key.Text} {rule}", Shape);

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
