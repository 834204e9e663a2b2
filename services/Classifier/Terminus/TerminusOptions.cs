using Overture.Platform.Connections;
using Overture.Platform.Faults;
using Overture.Platform.Options;
using Overture.Platform.Records;

namespace Overture.Classifier.Terminus;

/// <summary>
/// The listener that puppetservers with node_terminus = overture ask. Its certificate comes from the Puppet CA, for a name that was
/// registered before: overture instance register --certname NAME --dns-alt-name HOST --token-file FILE.
/// </summary>
public sealed record TerminusOptions
{
    /// <summary>ADDRESS:PORT, by convention port 8143. Empty: no such listener.</summary>
    public string Listen { get; init; } = "";

    /// <summary>The name that was registered for this Classifier. Each replica has its own.</summary>
    public string Certname { get; init; } = "";

    /// <summary>File of the registration's one-time token; read until there is a certificate, never again.</summary>
    public string TokenFile { get; init; } = "";

    /// <summary>Host of CertAuthority's Puppet CA API.</summary>
    public string CaServer { get; init; } = "localhost";

    /// <summary>Its port.</summary>
    public int CaPort { get; init; } = 8141;

    /// <summary>PEM file of the Puppet CA chain: what the CA API and puppetservers must chain to.</summary>
    public string CaBundle { get; init; } = "";

    /// <summary>Directory of the public keys (*.pem) whose launch records are believed.</summary>
    public string LaunchKeys { get; init; } = "";

    /// <summary>Connections of the listener.</summary>
    public HttpListenerLimits Limits { get; init; } = new();

    internal bool IsOn => Listen.Length > 0;

    internal IEnumerable<FieldProblem> Problems()
    {
        if (!IsOn)
            yield break;
        if (!OptionRules.IsEndpoint(Listen))
            yield return new("terminus.listen", "must be ADDRESS:PORT, e.g. 0.0.0.0:8143, or empty");
        if (!CertName.TryParse(Certname, out _, out var rule))
            yield return new("terminus.certname", rule);
        if (TokenFile.Length == 0)
            yield return new("terminus.tokenFile", "must be set; the file may be gone once there is a certificate");
        if (Uri.CheckHostName(CaServer) == UriHostNameType.Unknown)
            yield return new("terminus.caServer", "must be a host name or address");
        if (CaPort is < 1 or > 65535)
            yield return new("terminus.caPort", "must be 1-65535");
        if (OptionRules.FileProblem(CaBundle) is { } noBundle)
            yield return new("terminus.caBundle", noBundle);
        if (OptionRules.DirectoryProblem(LaunchKeys) is { } noKeys)
            yield return new("terminus.launchKeys", noKeys);
        foreach (var problem in Limits.Problems("terminus.limits"))
            yield return problem;
    }
}
