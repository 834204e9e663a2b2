using Overture.Platform.Records;
using Overture.Conductor.Providers.Ec2;
using Overture.Conductor.Reports;
using Overture.Conductor.Specs;
using Overture.Conductor.Terminate;
using Overture.Conductor.Webhooks;
using Overture.Platform.Connections;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Options;

namespace Overture.Conductor;

/// <summary>The Conductor's options, beside <see cref="ServiceOptions"/>.</summary>
public sealed record ConductorOptions : ServiceOptions
{
    public ConductorOptions()
    {
        Listen = "127.0.0.1:7001";
        StateDirectory = "/var/lib/overture/conductor";
    }

    public LaunchOptions Launch { get; init; } = new();

    public LocalOptions Local { get; init; } = new();

    public Ec2Options Ec2 { get; init; } = new();

    public ReportOptions Reports { get; init; } = new();

    public FirstBootOptions FirstBoot { get; init; } = new();

    public PuppetDbOptions PuppetDb { get; init; } = new();

    public EventOptions Events { get; init; } = new();

    /// <summary>Who is sent events, by a name of 1-32 of [a-z0-9-]. At most 20.</summary>
    public IReadOnlyDictionary<string, WebhookOptions> Webhooks { get; init; } = new Dictionary<string, WebhookOptions>();

    /// <summary>Where reports wait; it may be a disk of its own.</summary>
    internal string ReportSpool => Path.Combine(StateDirectory, "reports");

    public override IReadOnlyList<string> WrittenDirectories() =>
        Reports.Listen.Length > 0 ? [StateDirectory, ReportSpool] : [StateDirectory];

    // A certificate from CertAuthority, reports, instances.
    public override StoreFounding Founding() =>
        new(true, [(Path.Combine(StateDirectory, "puppet-host"), "current"), (ReportSpool, "*"), (Local.Directory, "meta-data")]);

    public override IEnumerable<FieldProblem> Problems() =>
        base.Problems().Concat(Launch.Problems()).Concat(Local.Problems()).Concat(Ec2.Problems(Deployment)).Concat(Reports.Problems())
            .Concat(FirstBoot.Problems(Reports.Listen.Length > 0, Ec2.IsOn)).Concat(PuppetDb.Problems(Reports.Listen.Length > 0))
            .Concat(Events.Problems())
            .Concat(Webhooks.SelectMany(w => w.Value.Problems(w.Key)))
            .Concat(Webhooks.Count > 20 ? [new("webhooks", "must be at most 20")] : []);
}

/// <summary>The log of events.</summary>
public sealed record EventOptions
{
    /// <summary>How long events are kept to be watched again or delivered late. 1 h to 90 days.</summary>
    public TimeSpan Keep { get; init; } = TimeSpan.FromDays(7);

    internal IEnumerable<FieldProblem> Problems() =>
        Keep < TimeSpan.FromHours(1) || Keep > TimeSpan.FromDays(90) ? [new("events.keep", "must be 1h to 90d")] : [];
}

/// <summary>What goes into launch records and user data.</summary>
public sealed record LaunchOptions
{
    /// <summary>PEM file of the P-256 private key that signs launch records. Required.</summary>
    public string SigningKey { get; init; } = "";

    /// <summary>File with the hex secret (32 bytes or more) that one-time tokens are derived from. Required.</summary>
    public string TokenKey { get; init; } = "";

    /// <summary>PEM file of the Puppet CA chain, pinned into user data so that an agent never trusts on first use. Required.</summary>
    public string CaBundle { get; init; } = "";

    /// <summary>Directory of further public launch keys (*.pem): Conductors whose records this one trusts. Empty: only its own.</summary>
    public string TrustedKeys { get; init; } = "";

    internal IEnumerable<FieldProblem> Problems()
    {
        foreach (var (field, path) in new[] { ("launch.signingKey", SigningKey), ("launch.tokenKey", TokenKey),
            ("launch.caBundle", CaBundle) })
        {
            if (OptionRules.FileProblem(path) is { } rule)
                yield return new(field, rule);
        }
        if (TrustedKeys.Length > 0 && OptionRules.DirectoryProblem(TrustedKeys) is { } missing)
            yield return new("launch.trustedKeys", missing);
    }
}

/// <summary>The local provider: instances are throw-away clones of this host, or of other root file systems.</summary>
public sealed record LocalOptions
{
    /// <summary>Where instances are kept, an absolute path. Empty: no local provider.</summary>
    public string Directory { get; init; } = "";

    /// <summary>The script that boots one. Default: instance.sh beside the assembly.</summary>
    public string Script { get; init; } = Path.Combine(AppContext.BaseDirectory, "instance.sh");

    /// <summary>
    /// A folder of further images beside `host`, an absolute path: each directory in it, or link to one, is a root file system with
    /// cloud-init, and an image of that name (a-z, 0-9, dot, dash, underscore; at most 63). Empty: only the host.
    /// </summary>
    public string Images { get; init; } = "";

    /// <summary>
    /// Absolute directories that are empty inside an instance of image `host`: keys, stores, other services' homes.
    /// </summary>
    public IReadOnlyList<string> Hide { get; init; } = [];

    internal IEnumerable<FieldProblem> Problems()
    {
        if (Directory.Length == 0)
            yield break;
        if (!Path.IsPathRooted(Directory))
            yield return new("local.directory", "must be an absolute path");
        if (OptionRules.FileProblem(Script) is { } rule)
            yield return new("local.script", rule);
        if (Images.Length > 0 && (!Path.IsPathRooted(Images) || !System.IO.Directory.Exists(Images)))
            yield return new("local.images", Path.IsPathRooted(Images) ? $"no such directory: {Images}" : "must be an absolute path");
        foreach (var hidden in Hide.Where(h => !Path.IsPathRooted(h)))
            yield return new("local.hide", $"must be absolute paths; {hidden} is not");
    }
}

/// <summary>Report intake, on a listener of its own with a certificate of the Puppet CA.</summary>
public sealed record ReportOptions
{
    /// <summary>ADDRESS:PORT. Empty: no report intake.</summary>
    public string Listen { get; init; } = "127.0.0.1:8142";

    /// <summary>Names puppetserver reaches the listener by; they go into its certificate. Empty: localhost.</summary>
    public IReadOnlyList<string> DnsNames { get; init; } = [];

    /// <summary>Host of CertAuthority's Puppet CA API, where the listener's certificate comes from.</summary>
    public string CaServer { get; init; } = "localhost";

    /// <summary>Its port.</summary>
    public int CaPort { get; init; } = 8141;

    /// <summary>The largest report taken, in bytes. 64 KiB to 256 MiB.</summary>
    public int MaxBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>
    /// How often agents run (Puppet's runinterval): a node whose reports stop for three times that is shown as silent. 1 min to 7 days;
    /// 0: none is.
    /// </summary>
    public TimeSpan RunInterval { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>Connections of the listener.</summary>
    public HttpListenerLimits Limits { get; init; } = new();

    internal IReadOnlyList<string> Names => DnsNames.Count > 0 ? DnsNames : ["localhost"];

    internal IEnumerable<FieldProblem> Problems()
    {
        if (Listen.Length == 0)
            yield break;
        if (!OptionRules.IsEndpoint(Listen))
            yield return new("reports.listen", "must be ADDRESS:PORT, e.g. 127.0.0.1:8142, or empty");
        foreach (var name in DnsNames.Where(n => !Specs.HostName.IsValid(n)))
            yield return new("reports.dnsNames", $"must be DNS names; {name} is not");
        if (!Specs.HostName.IsValid(CaServer))
            yield return new("reports.caServer", "must be a host name or address");
        if (CaPort is < 1 or > 65535)
            yield return new("reports.caPort", "must be 1-65535");
        if (MaxBytes is < 64 * 1024 or > 256 * 1024 * 1024)
            yield return new("reports.maxBytes", "must be 65536 to 268435456");
        if (RunInterval != TimeSpan.Zero && (RunInterval < TimeSpan.FromMinutes(1) || RunInterval > TimeSpan.FromDays(7)))
            yield return new("reports.runInterval", "must be 1m to 7d, or 0s");
        foreach (var problem in Limits.Problems("reports.limits"))
            yield return problem;
    }
}

/// <summary>What instances say of their first boot, on a listener of its own. It shows the certificate of the report listener.</summary>
public sealed record FirstBootOptions
{
    /// <summary>ADDRESS:PORT. Empty: instances are not asked for it, and none is taken.</summary>
    public string Listen { get; init; } = "";

    /// <summary>
    /// How instances reach it: https://NAME:PORT. The name goes into the certificate. Empty: localhost, port of listen; not with ec2.
    /// </summary>
    public string Url { get; init; } = "";

    /// <summary>Connections of the listener.</summary>
    public HttpListenerLimits Limits { get; init; } = new();

    internal bool IsOn => Listen.Length > 0;

    internal Uri Address => new(Url.Length > 0 ? Url : $"https://localhost:{Listen[(Listen.LastIndexOf(':') + 1)..]}");

    internal IEnumerable<FieldProblem> Problems(bool hasReports, bool hasCloud)
    {
        if (!IsOn)
            yield break;
        if (hasCloud && Url.Length == 0)
        {
            yield return new("firstBoot.url",
                "must be https://NAME:PORT as instances reach it: to those of a cloud localhost is themselves");
        }
        if (!OptionRules.IsEndpoint(Listen))
            yield return new("firstBoot.listen", "must be ADDRESS:PORT, e.g. 0.0.0.0:8145, or empty");
        else if (!hasReports)
            yield return new("firstBoot.listen", "needs reports.listen, whose certificate it shows");
        if (Url.Length > 0 && !(Uri.TryCreate(Url, UriKind.Absolute, out var url) && url.Scheme == "https" && url.PathAndQuery == "/"
            && url is { UserInfo: "", Fragment: "" } && Specs.HostName.IsDns(url.Host)))
        {
            yield return new("firstBoot.url", "must be https://NAME:PORT with a DNS name, or empty");
        }
        foreach (var problem in Limits.Problems("firstBoot.limits"))
            yield return problem;
    }
}
