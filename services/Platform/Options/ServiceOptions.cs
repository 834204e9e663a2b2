using Overture.Platform.Faults;
using Overture.Platform.Registry;
using Overture.Platform.Tls;

namespace Overture.Platform.Options;

/// <summary>
/// What every service is told. From /etc/overture/&lt;service&gt;.yaml (or --config FILE), then the environment
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

    /// <summary>This process's own small files (keys, spool): mode 0700. Must survive a restart.</summary>
    public string StateDirectory { get; init; } = "";

    /// <summary>Name of this replica in records; unique among the replicas of a service. 1-32 of [a-z0-9-].</summary>
    public string Replica { get; init; } = "1";

    /// <summary>After SIGTERM, how long everything is still taken while health already says NOT_SERVING. 0s to 10s.</summary>
    public TimeSpan Drain { get; init; }

    /// <summary>Identity in the internal PKI.</summary>
    public TlsFiles Tls { get; init; } = new();

    public RegistryOptions Registry { get; init; } = new();

    /// <summary>Every rule that is broken, field by field.</summary>
    public virtual IEnumerable<FieldProblem> Problems()
    {
        if (Deployment.Length > 32 || !OnlyLabel(Deployment))
            yield return new("deployment", "must be empty or 1-32 of [a-z0-9-]");
        if (Objects.ObjectStore.NameProblem(Bucket) is { } badName)
            yield return new("bucket", badName);
        foreach (var problem in S3.Problems(Bucket.StartsWith("s3:", StringComparison.Ordinal)))
            yield return problem;
        if (!OptionRules.IsEndpoint(Listen))
            yield return new("listen", "must be ADDRESS:PORT, e.g. 127.0.0.1:7001");
        if (StateDirectory.Length == 0)
            yield return new("stateDirectory", "must be set");
        if (Replica.Length is 0 or > 32 || !OnlyLabel(Replica))
            yield return new("replica", "must be 1-32 of [a-z0-9-]");
        if (Drain < TimeSpan.Zero || Drain > TimeSpan.FromSeconds(10))
            yield return new("drain", "must be 0s to 10s");
        foreach (var (field, path) in new[] { ("tls.certificate", Tls.Certificate), ("tls.key", Tls.Key), ("tls.roots", Tls.Roots) })
        {
            if (OptionRules.FileProblem(path) is { } rule)
                yield return new(field, rule);
        }
        if (!OptionRules.IsHostPort(Registry.Endpoint))
            yield return new("registry.endpoint", "must be HOST:PORT");
        if (Registry.PasswordFile.Length > 0 && OptionRules.FileProblem(Registry.PasswordFile) is { } missing)
            yield return new("registry.passwordFile", missing);
        if (Registry.TlsRoots.Length > 0 && !Registry.Tls)
            yield return new("registry.tlsRoots", "must be empty where registry.tls is false");
        else if (Registry.TlsRoots.Length > 0 && OptionRules.FileProblem(Registry.TlsRoots) is { } noRoots)
            yield return new("registry.tlsRoots", noRoots);
        if (Registry.Deadline < TimeSpan.FromMilliseconds(100) || Registry.Deadline > TimeSpan.FromSeconds(10))
            yield return new("registry.deadline", "must be 100ms to 10s");
    }

    private static bool OnlyLabel(string text) => text.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-');
}

/// <summary>Rules that several options share.</summary>
public static class OptionRules
{
    /// <summary>IP address and port.</summary>
    public static bool IsEndpoint(string text) => System.Net.IPEndPoint.TryParse(text, out var end) && end.Port > 0;

    /// <summary>Host name or address, and port.</summary>
    public static bool IsHostPort(string text)
    {
        var colon = text.LastIndexOf(':');
        return colon > 0 && int.TryParse(text.AsSpan(colon + 1), out var port) && port is > 0 and < 65536;
    }

    /// <summary>The rule a path to a readable file breaks, or null.</summary>
    public static string? FileProblem(string path) =>
        path.Length == 0 ? "must be set" : File.Exists(path) ? null : $"no such file: {path}";

    public static string? DirectoryProblem(string path) =>
        path.Length == 0 ? "must be set" : Directory.Exists(path) ? null : $"no such directory: {path}";
}
