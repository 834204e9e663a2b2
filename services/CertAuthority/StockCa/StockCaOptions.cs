using Overture.Platform.Records;
using Overture.Platform.Faults;
using Overture.Platform.Options;
using Overture.Platform.Tls;

namespace Overture.CertAuthority.StockCa;

/// <summary>puppetserver's own CA, where a site keeps it: who decides for it is CertAuthority, who signs is puppetserver.</summary>
public sealed record StockCaOptions
{
    /// <summary>Its CA API, https://HOST:PORT; empty: there is none.</summary>
    public string Url { get; init; } = "";

    /// <summary>PEM file of a client certificate with pp_cli_auth, made by `puppetserver ca generate --ca-client`.</summary>
    public string Certificate { get; init; } = "";

    /// <summary>PEM file of its key.</summary>
    public string Key { get; init; } = "";

    /// <summary>PEM file: that CA's bundle (ca_crt.pem), down to its root. Nothing else is trusted.</summary>
    public string Roots { get; init; } = "";

    /// <summary>From one look at its waiting requests to the next. 1s to 5s.</summary>
    public TimeSpan Poll { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// puppetserver's configuration directory (/etc/puppet), where this service can read it: looked at for an autosign.conf, or a setting
    /// autosign, that signs every request. Empty: it is on another host.
    /// </summary>
    public string ConfDirectory { get; init; } = "";

    internal bool Enabled => Url.Length > 0;

    internal TlsFiles Files => new() { Certificate = Certificate, Key = Key, Roots = Roots };

    internal IEnumerable<FieldProblem> Problems()
    {
        if (!Enabled)
            yield break;
        if (!Uri.TryCreate(Url, UriKind.Absolute, out var url) || url.Scheme != Uri.UriSchemeHttps || url.PathAndQuery != "/"
            || url.UserInfo.Length > 0)
        {
            yield return new("stockCa.url", "must be https://HOST:PORT, e.g. https://puppet.example.com:8140");
        }
        foreach (var (field, path) in new[] { ("stockCa.certificate", Certificate), ("stockCa.key", Key), ("stockCa.roots", Roots) })
        {
            if (OptionRules.FileProblem(path) is { } rule)
                yield return new(field, rule);
        }
        if (ConfDirectory.Length > 0 && OptionRules.DirectoryProblem(ConfDirectory) is { } missing)
            yield return new("stockCa.confDirectory", missing);
        if (Poll < TimeSpan.FromSeconds(1) || Poll > TimeSpan.FromSeconds(5))
            yield return new("stockCa.poll", "must be 1s to 5s");
    }
}
