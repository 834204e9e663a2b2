namespace Overture.Cli;

/// <summary>Where the services are and who we are. The same keys for the command line (cli.yaml) and the hooks (hooks.yaml).</summary>
internal sealed record CliConfig
{
    private const string HooksVariable = "OVERTURE_HOOKS_CONFIG";

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

    /// <summary>The console, for `overture ui`; empty where the file does not say.</summary>
    public string Console { get; init; } = "";

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

    /// <summary>The command line's: the file named, else the first that exists of the places a person would expect.</summary>
    /// <param name="named">By --config; a file of one site, or of contexts.</param>
    /// <param name="context">By --context.</param>
    /// <exception cref="Failure">With the file and the line, or the places looked at.</exception>
    public static CliConfig ForPerson(string? named, string? context)
    {
        var chosen = context ?? Variable("OVERTURE_CONTEXT");
        if (named is not null)
            return Read(named, context, chosen);
        if (Variable("OVERTURE_CLI_CONFIG") is { } pointed)
            return Read(pointed, chosen, chosen);
        if (chosen is not null)
            return Of(ContextFile.Read(ContextFile.Usual), chosen);
        var home = Variable("OVERTURE_HOME") is { } directory ? Path.Combine(directory, "cli.yaml") : "";
        if (File.Exists(home))
            return Read(home, null, null);
        // What a person chose goes before what happens to be in this directory.
        if (ContextFile.Read(ContextFile.Usual) is { Current.Length: > 0 } contexts)
            return Of(contexts, null);
        string[] places = [Path.Combine(".overture", "cli.yaml"), "/etc/overture/cli.yaml"];
        string[] looked = home.Length > 0 ? [home, .. places] : places;
        return Read(places.FirstOrDefault(File.Exists) ?? throw Failure.Config(
            $"no configuration: there is no {string.Join(", no ", looked.Select(Path.GetFullPath))}, "
                + $"and no current context in {ContextFile.Usual}",
            "run ./run once, or name a file with --config FILE or OVERTURE_CLI_CONFIG; docs/cli.md shows its keys"), null, null);
    }

    /// <summary>A hook's: puppetserver starts it with a thin environment, so there is one place. Each hook has a role of its own, so
    /// overture-autosign shows the files of autosignTls where there are any.</summary>
    public static CliConfig ForHook(string hook)
    {
        var file = Path.GetFullPath(HooksFile);
        FileGuard.Check(file, "configuration", secret: false);
        return OfHooks(file, hook) with { IsGuarded = true, IsPointed = Variable(HooksVariable) is not null };
    }

    /// <summary>Where the hooks' configuration is.</summary>
    public static string HooksFile => Variable(HooksVariable) ?? "/etc/overture/hooks.yaml";

    /// <summary>As a hook reads it; who owns the file is not checked.</summary>
    /// <exception cref="Failure">It can't be read, or with every mistake.</exception>
    public static CliConfig OfHooks(string file, string hook) => CliConfigReader.Read(file,
        YamlFile.Read(file, ExitCodes.Config, CliConfigReader.Shape), autosign: hook == "overture-autosign");

    // A file of one site has no context to choose; one that was chosen for this very file must not be passed over.
    private static CliConfig Read(string file, string? demanded, string? chosen)
    {
        var full = Path.GetFullPath(file);
        var document = YamlFile.Read(full, ExitCodes.Config, CliConfigReader.Shape);
        if (ContextFile.Is(document))
            return Of(ContextFile.Of(full, document), chosen);
        return demanded is null ? CliConfigReader.Read(full, document) : throw Failure.Config(
            $"{full} is the configuration of one site and has no context {demanded}",
            $"leave out the context, or the file: without it, contexts are read from {ContextFile.Usual}");
    }

    private static CliConfig Of(ContextFile contexts, string? name)
    {
        var (found, settings) = contexts.Choose(name);
        return CliConfigReader.Read(contexts.File, settings, found);
    }

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
