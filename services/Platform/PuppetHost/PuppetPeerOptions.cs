using Overture.Platform.Records;
using Overture.Platform.Faults;
using Overture.Platform.Options;
using Overture.Platform.Tls;

namespace Overture.Platform.PuppetHost;

/// <summary>A server that a service asks over HTTPS and whose certificate, as ours, is of the Puppet CA.</summary>
public abstract record PuppetPeerOptions
{
    /// <summary>https://HOST:PORT; empty: there is none.</summary>
    public string Url { get; init; } = "";

    /// <summary>
    /// PEM file of a client certificate. This, its key and the roots: all three, or none: then the certificate and the CA bundle of the
    /// service's listener for puppetservers.
    /// </summary>
    public string Certificate { get; init; } = "";

    /// <summary>PEM file of its key.</summary>
    public string Key { get; init; } = "";

    /// <summary>PEM file of the roots that the server must chain to.</summary>
    public string Roots { get; init; } = "";

    public bool IsOn => Url.Length > 0;

    public bool HasFiles => Certificate.Length > 0 || Key.Length > 0 || Roots.Length > 0;

    public TlsFiles Files() => new() { Certificate = Certificate, Key = Key, Roots = Roots };

    /// <param name="section">Of the option file, for errors: puppetDb.</param>
    /// <param name="example">A URL.</param>
    /// <param name="listener">Option of the service's listener for puppetservers.</param>
    /// <param name="listens">Whether there is that listener.</param>
    protected IEnumerable<FieldProblem> PeerProblems(string section, string example, string listener, bool listens)
    {
        if (!IsOn)
        {
            if (HasFiles)
                yield return new($"{section}.url", $"must be set where {section}.certificate, key or roots is");
            yield break;
        }
        if (!Uri.TryCreate(Url, UriKind.Absolute, out var url) || url.Scheme != Uri.UriSchemeHttps || url.PathAndQuery != "/"
            || url.UserInfo.Length > 0 || url.Fragment.Length > 0)
        {
            yield return new($"{section}.url", $"must be https://HOST:PORT, e.g. {example}");
        }
        if (!HasFiles)
        {
            if (!listens)
            {
                yield return new($"{section}.certificate",
                    $"must be set where {listener} is empty: there is no certificate of that listener to use");
            }
            yield break;
        }
        foreach (var (field, path) in new[] { ("certificate", Certificate), ("key", Key), ("roots", Roots) })
        {
            if (OptionRules.FileProblem(path) is { } rule)
                yield return new($"{section}.{field}", rule);
        }
    }
}
