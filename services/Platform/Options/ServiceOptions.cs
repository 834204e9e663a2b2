using Overture.Platform.Records;
using Overture.Platform.Connections;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Registry;
using Overture.Platform.Serving;
using Overture.Platform.Tls;

namespace Overture.Platform.Options;

/// <summary>
/// Options of every service. From /etc/overture/&lt;service&gt;.yaml (or --config FILE), then the environment
/// OVERTURE_&lt;SERVICE&gt;__&lt;SECTION&gt;__&lt;KEY&gt;; validated at start, all errors at once. Secrets are paths, never values.
/// </summary>
public abstract record ServiceOptions
{
    /// <summary>Prefix of every object and Redis key, so that two Overtures can share a bucket. Empty, or 1-32 of [a-z0-9-].</summary>
    public string Deployment { get; init; } = "";

    /// <summary>The object store: "file:/absolute/path", "s3://bucket" or "s3://bucket/prefix".</summary>
    public string Bucket { get; init; } = "file:/var/lib/overture/objects";

    /// <summary>How an s3: bucket is reached.</summary>
    public S3Options S3 { get; init; } = new();

    /// <summary>Address of the gRPC listener, ADDRESS:PORT.</summary>
    public string Listen { get; init; } = "";

    /// <summary>Connections of the gRPC listener, all of which must show a certificate of the internal PKI.</summary>
    public ListenerLimits GrpcLimits { get; init; } = new() { Connections = 2_000, PerAddress = 1_000, UnfinishedPerAddress = 500 };

    /// <summary>Whether RPCs are also taken as JSON over HTTP/2, on the gRPC listener, of the same callers.</summary>
    public bool Json { get; init; }

    /// <summary>This process's own small files (keys, spool): mode 0700. Must survive a restart.</summary>
    public string StateDirectory { get; init; } = "";

    /// <summary>Name of this replica in records; unique among the replicas of a service. 1-32 of [a-z0-9-].</summary>
    public string Replica { get; init; } = "1";

    /// <summary>After SIGTERM, how long everything is still taken while health already says NOT_SERVING. 0s to 10s.</summary>
    public TimeSpan Drain { get; init; }

    /// <summary>
    /// Log lines a minute about requests that were refused, a tenth of them for one address. More are counted, and said in one line a
    /// minute for each address and cause. 10 to 1000000.
    /// </summary>
    public int RefusalLinesPerMinute { get; init; } = 300;

    /// <summary>Identity in the internal PKI.</summary>
    public TlsFiles Tls { get; init; } = new();

    /// <summary>People of an identity provider, who come by a console.</summary>
    public IdentityProviderOptions OpenIdConnect { get; init; } = new();

    /// <summary>Metrics for Prometheus, beside those that go out over OTLP.</summary>
    public PrometheusOptions Prometheus { get; init; } = new();

    /// <summary>Redis.</summary>
    public RegistryOptions Registry { get; init; } = new();

    /// <summary>Directories that this service writes while it runs, for health to try: the state directory.</summary>
    public virtual IReadOnlyList<string> WrittenDirectories() => [StateDirectory];

    /// <summary>Whether this service may give an empty store its id, and what shows that it has worked before.</summary>
    public virtual StoreFounding Founding() => StoreFounding.Never;

    /// <summary>Every rule that is broken, field by field.</summary>
    public virtual IEnumerable<FieldProblem> Problems()
    {
        if (Deployment.Length > 32 || !OnlyLabel(Deployment))
            yield return new("deployment", "must be empty or 1-32 of [a-z0-9-]");
        if (ObjectStore.NameProblem(Bucket) is { } badName)
            yield return new("bucket", badName);
        foreach (var problem in S3.Problems(Bucket.StartsWith("s3:", StringComparison.Ordinal)))
            yield return problem;
        if (!OptionRules.IsEndpoint(Listen))
            yield return new("listen", "must be ADDRESS:PORT, e.g. 127.0.0.1:7001");
        foreach (var problem in GrpcLimits.Problems("grpcLimits"))
            yield return problem;
        if (StateDirectory.Length == 0)
            yield return new("stateDirectory", "must be set");
        if (Replica.Length is 0 or > 32 || !OnlyLabel(Replica))
            yield return new("replica", "must be 1-32 of [a-z0-9-]");
        if (Drain < TimeSpan.Zero || Drain > TimeSpan.FromSeconds(10))
            yield return new("drain", "must be 0s to 10s");
        if (RefusalLinesPerMinute is < 10 or > 1_000_000)
            yield return new("refusalLinesPerMinute", "must be 10 to 1000000");
        foreach (var (field, path) in new[] { ("tls.certificate", Tls.Certificate), ("tls.key", Tls.Key), ("tls.roots", Tls.Roots) })
        {
            if (OptionRules.FileProblem(path) is { } rule)
                yield return new(field, rule);
        }
        foreach (var problem in Registry.Problems().Concat(Prometheus.Problems(Listen)).Concat(OpenIdConnect.Problems("openIdConnect")))
            yield return problem;
    }

    private static bool OnlyLabel(string text) => text.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-');
}
