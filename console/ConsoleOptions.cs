using Overture.Console.Fleet;
using Overture.Console.Sessions;
using Overture.Platform.Connections;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Tls;

namespace Overture.Console;

/// <summary>
/// Options of the console, from /etc/overture/console.yaml (or --config FILE) and the environment OVERTURE_CONSOLE__*, as of every service.
/// </summary>
public sealed record ConsoleOptions
{
    /// <summary>Where browsers and `overture ui` come to, ADDRESS:PORT.</summary>
    public string Listen { get; init; } = "";

    /// <summary>What links begin with, as browsers reach it: https://HOST:PORT.</summary>
    public string Url { get; init; } = "";

    /// <summary>Keys that seal cookies: mode 0700. Must survive a restart, or all sign in again.</summary>
    public string StateDirectory { get; init; } = "";

    /// <summary>
    /// A file of secrets, one a line, the first in use: the same for all replicas behind one url. Empty: this console is alone, and makes
    /// its keys itself.
    /// </summary>
    public string SessionKey { get; init; } = "";

    /// <summary>Where a trace is shown, {trace} in the place of its id: https://traces.example.com/trace/{trace}. Empty: nowhere.</summary>
    public string TraceUrl { get; init; } = "";

    /// <summary>Filters of the fleet, each NAME=ADDRESS with an address of its page: "web, broken=/?profile=web".</summary>
    public IReadOnlyList<string> Views { get; init; } = [];

    /// <summary>There may be others behind the same url.</summary>
    public bool IsReplicated => SessionKey.Length > 0;

    /// <summary>Identity in the internal PKI, of the role console: shown to browsers and to the services.</summary>
    public TlsFiles Tls { get; init; } = new();

    /// <summary>The Conductor's gRPC API, HOST:PORT.</summary>
    public string Conductor { get; init; } = "";

    /// <summary>CertAuthority's, HOST:PORT.</summary>
    public string CertAuthority { get; init; } = "";

    /// <summary>The Classifier's, HOST:PORT.</summary>
    public string Classifier { get; init; } = "";

    /// <summary>Sign-in by an identity provider; the services have the same, and theirs counts.</summary>
    public ConsoleProviderOptions OpenIdConnect { get; init; } = new();

    /// <summary>Connections of browsers.</summary>
    public ListenerLimits Limits { get; init; } = new() { Connections = 1_000, PerAddress = 200, UnfinishedPerAddress = 100 };

    /// <summary>Every rule that is broken, field by field.</summary>
    public IEnumerable<FieldProblem> Problems()
    {
        if (!OptionRules.IsEndpoint(Listen))
            yield return new("listen", "must be ADDRESS:PORT, e.g. 127.0.0.1:8144");
        if (!Uri.TryCreate(Url, UriKind.Absolute, out var url) || url.Scheme != Uri.UriSchemeHttps || url.PathAndQuery != "/")
            yield return new("url", "must be https://HOST:PORT, as browsers reach it");
        if (StateDirectory.Length == 0)
            yield return new("stateDirectory", "must be set");
        if (IsReplicated && (OptionRules.FileProblem(SessionKey) ?? SharedKeys.Problem(SessionKey)) is { } unfit)
            yield return new("sessionKey", unfit);
        if (TraceUrl.Length > 0 && (!TraceUrl.Contains("{trace}", StringComparison.Ordinal)
            || !Uri.TryCreate(TraceUrl.Replace("{trace}", "0", StringComparison.Ordinal), UriKind.Absolute, out var traces)
            || (traces.Scheme != Uri.UriSchemeHttps && traces.Scheme != Uri.UriSchemeHttp)))
        {
            yield return new("traceUrl", "must be an http or https URL with {trace} where a trace's id belongs");
        }
        foreach (var view in Views.Where(v => FleetView.Read(v) is null))
            yield return new("views", $"'{view}' must be NAME=ADDRESS, 1 to 40 characters and such as /?state=running");
        foreach (var (field, address) in new[]
            { ("conductor", Conductor), ("certAuthority", CertAuthority), ("classifier", Classifier) })
        {
            if (!OptionRules.IsHostPort(address))
                yield return new(field, "must be HOST:PORT");
        }
        foreach (var (field, path) in new[] { ("tls.certificate", Tls.Certificate), ("tls.key", Tls.Key), ("tls.roots", Tls.Roots) })
        {
            if (OptionRules.FileProblem(path) is { } rule)
                yield return new(field, rule);
        }
        foreach (var problem in Limits.Problems("limits").Concat(OpenIdConnect.AllProblems("openIdConnect")))
            yield return problem;
    }
}
