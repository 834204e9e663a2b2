using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.Platform.Registry;

/// <summary>Where the registry is.</summary>
public sealed record RegistryOptions
{
    /// <summary>
    /// HOST:PORT; or several of one primary and its replicas, or of its Sentinels, separated by commas. Required.
    /// </summary>
    public string Endpoint { get; init; } = "";

    /// <summary>Name of our ACL user; empty: Redis' default user, by the password alone.</summary>
    public string User { get; init; } = "";

    /// <summary>File that holds the password; empty: none.</summary>
    public string PasswordFile { get; init; } = "";

    /// <summary>TLS, where the server's certificate must be for the endpoint's host.</summary>
    public bool Tls { get; init; }

    /// <summary>PEM file of the CAs that the server's certificate may come from, instead of the system's. Empty: the system's.</summary>
    public string TlsRoots { get; init; } = "";

    /// <summary>How long one call may take before it is answered UNAVAILABLE. 100 ms to 10 s.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Where Sentinels say which server is the primary.</summary>
    public RegistrySentinelOptions Sentinel { get; init; } = new();

    /// <summary>Each HOST:PORT of <see cref="Endpoint"/>.</summary>
    internal IReadOnlyList<string> Endpoints => Endpoint.Split(',', StringSplitOptions.TrimEntries);

    /// <summary>Every rule that is broken, field by field.</summary>
    internal IEnumerable<FieldProblem> Problems()
    {
        if (!Endpoints.All(OptionRules.IsHostPort))
            yield return new("registry.endpoint", "must be HOST:PORT, or several separated by commas");
        if (User.Any(char.IsWhiteSpace) || (User.Length > 0 && PasswordFile.Length == 0))
            yield return new("registry.user", "must be empty, or a name without spaces beside a registry.passwordFile");
        if (PasswordFile.Length > 0 && OptionRules.FileProblem(PasswordFile) is { } missing)
            yield return new("registry.passwordFile", missing);
        if (TlsRoots.Length > 0 && !Tls)
            yield return new("registry.tlsRoots", "must be empty where registry.tls is false");
        else if (TlsRoots.Length > 0 && OptionRules.FileProblem(TlsRoots) is { } noRoots)
            yield return new("registry.tlsRoots", noRoots);
        if (Deadline < TimeSpan.FromMilliseconds(100) || Deadline > TimeSpan.FromSeconds(10))
            yield return new("registry.deadline", "must be 100ms to 10s");
        foreach (var problem in Sentinel.Problems())
            yield return problem;
    }
}

/// <summary>How the primary is found by Sentinels.</summary>
public sealed record RegistrySentinelOptions
{
    /// <summary>What the Sentinels at registry.endpoint call the primary; empty: Redis itself is there.</summary>
    public string ServiceName { get; init; } = "";

    /// <summary>Name of the Sentinels' ACL user; empty: their default user.</summary>
    public string User { get; init; } = "";

    /// <summary>File that holds the Sentinels' password; empty: none.</summary>
    public string PasswordFile { get; init; } = "";

    internal IEnumerable<FieldProblem> Problems()
    {
        if (ServiceName.Length == 0 && (User.Length > 0 || PasswordFile.Length > 0))
            yield return new("registry.sentinel.serviceName", "must be set where another option of registry.sentinel is");
        if (User.Any(char.IsWhiteSpace) || (User.Length > 0 && PasswordFile.Length == 0))
            yield return new("registry.sentinel.user", "must be empty, or a name without spaces beside a registry.sentinel.passwordFile");
        if (PasswordFile.Length > 0 && OptionRules.FileProblem(PasswordFile) is { } missing)
            yield return new("registry.sentinel.passwordFile", missing);
    }
}
