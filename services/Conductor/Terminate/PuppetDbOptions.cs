using Overture.Platform.Faults;
using Overture.Platform.Options;
using Overture.Platform.Tls;

namespace Overture.Conductor.Terminate;

/// <summary>The PuppetDB that is told of each end. Its certificate, and ours, are of the Puppet CA.</summary>
public sealed record PuppetDbOptions
{
    /// <summary>https://HOST:PORT; empty: there is none.</summary>
    public string Url { get; init; } = "";

    /// <summary>
    /// PEM files of a client certificate, its key, and the roots that PuppetDB must chain to. All three, or none: then the report listener's
    /// certificate and launch.caBundle.
    /// </summary>
    public string Certificate { get; init; } = "";
    public string Key { get; init; } = "";
    public string Roots { get; init; } = "";

    internal bool IsOn => Url.Length > 0;

    internal bool HasFiles => Certificate.Length > 0 || Key.Length > 0 || Roots.Length > 0;

    internal TlsFiles Files => new() { Certificate = Certificate, Key = Key, Roots = Roots };

    /// <param name="reports">Whether there is a report listener.</param>
    internal IEnumerable<FieldProblem> Problems(bool reports)
    {
        if (!IsOn)
        {
            if (HasFiles)
                yield return new("puppetDb.url", "must be set where puppetDb.certificate, key or roots is");
            yield break;
        }
        if (!Uri.TryCreate(Url, UriKind.Absolute, out var url) || url.Scheme != Uri.UriSchemeHttps || url.PathAndQuery != "/" || url.UserInfo.Length > 0 || url.Fragment.Length > 0)
            yield return new("puppetDb.url", "must be https://HOST:PORT, e.g. https://puppetdb.example.com:8081");
        if (!HasFiles)
        {
            if (!reports)
                yield return new("puppetDb.certificate", "must be set where reports.listen is empty: there is no certificate of the report listener to use");
            yield break;
        }
        foreach (var (field, path) in new[] { ("puppetDb.certificate", Certificate), ("puppetDb.key", Key), ("puppetDb.roots", Roots) })
        {
            if (OptionRules.FileProblem(path) is { } rule)
                yield return new(field, rule);
        }
    }
}
