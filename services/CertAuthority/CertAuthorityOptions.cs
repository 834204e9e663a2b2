using Overture.CertAuthority.Approver;
using Overture.CertAuthority.Issuance;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.PuppetApi.Limits;
using Overture.Platform.Faults;
using Overture.Platform.Options;

namespace Overture.CertAuthority;

/// <summary>What CertAuthority is told, beside what every service is.</summary>
public sealed record PuppetApiOptions
{
    /// <summary>Address of the listener for Puppet agents, ADDRESS:PORT.</summary>
    public string Listen { get; init; } = "127.0.0.1:8141";

    /// <summary>Names agents reach it by (their ca_server); they stand in its certificate.</summary>
    public IReadOnlyList<string> DnsNames { get; init; } = [];

    /// <summary>File of the access log, common log format; empty: none.</summary>
    public string AccessLog { get; init; } = "";

    /// <inheritdoc cref="PuppetLimitOptions"/>
    public PuppetLimitOptions Limits { get; init; } = new();
}

/// <summary>Certificate revocation lists.</summary>
public sealed record CrlOptions
{
    /// <summary>From an issue of the list to its nextUpdate. An agent whose copy has expired can never heal itself, hence as long as a leaf lives.</summary>
    public TimeSpan NextUpdate { get; init; } = TimeSpan.FromDays(1825);

    /// <summary>A new number at least this often. 1m to 7d.</summary>
    public TimeSpan Refresh { get; init; } = TimeSpan.FromHours(12);
}

/// <summary>POST certificate_renewal, by which Puppet 8 agents get a new certificate before the old one ends.</summary>
public sealed record RenewalOptions
{
    public bool Enabled { get; init; } = true;
}

/// <summary>Requests that a person lets in.</summary>
public sealed record ApprovalOptions
{
    /// <summary>Only names that have a node definition: any other would fail its runs for ever. False where another ENC answers.</summary>
    public bool RequireDefinition { get; init; } = true;
}

/// <inheritdoc cref="ServiceOptions"/>
public record CertAuthorityOptions : ServiceOptions
{
    /// <summary>The Puppet CA as made by `overture ca init`: ca_crt.pem, ca_key.pem, passphrase, root_crl.pem.</summary>
    public string CaDirectory { get; init; } = "";

    /// <summary>Directory of the public keys (*.pem) whose launch records are believed.</summary>
    public string LaunchKeys { get; init; } = "";

    public PuppetApiOptions PuppetApi { get; init; } = new();

    /// <summary>Life of a certificate whose owner can't renew it (Puppet 7). 1d to 3650d.</summary>
    public TimeSpan LeafLife { get; init; } = TimeSpan.FromDays(1825);

    /// <summary>Life of a certificate whose request says that its owner renews. 61d (an agent renews 30 days before the end) to 825d.</summary>
    public TimeSpan RenewingLeafLife { get; init; } = TimeSpan.FromDays(180);

    public CrlOptions Crl { get; init; } = new();

    public RenewalOptions Renewal { get; init; } = new();

    public ApprovalOptions Approval { get; init; } = new();

    public StockCaOptions StockCa { get; init; } = new();

    internal LeafLives Lives => new(LeafLife, RenewingLeafLife);

    /// <summary>Names the CA API's certificate carries; localhost when none are given.</summary>
    internal IReadOnlyList<string> ServerNames => PuppetApi.DnsNames.Count == 0 ? ["localhost"] : PuppetApi.DnsNames;

    public override IEnumerable<FieldProblem> Problems()
    {
        foreach (var problem in base.Problems())
            yield return problem;
        foreach (var rule in CaFiles.Problems(CaDirectory))
            yield return new("caDirectory", rule);
        if (OptionRules.DirectoryProblem(LaunchKeys) is { } missing)
            yield return new("launchKeys", missing);
        if (!OptionRules.IsEndpoint(PuppetApi.Listen))
            yield return new("puppetApi.listen", "must be ADDRESS:PORT, e.g. 127.0.0.1:8141");
        foreach (var name in PuppetApi.DnsNames.Where(n => Uri.CheckHostName(n) != UriHostNameType.Dns))
            yield return new("puppetApi.dnsNames", $"'{name}' is no host name");
        foreach (var problem in PuppetApi.Limits.Problems("puppetApi.limits"))
            yield return problem;
        if (LeafLife < TimeSpan.FromDays(1) || LeafLife > TimeSpan.FromDays(3650))
            yield return new("leafLife", "must be 1d to 3650d");
        if (RenewingLeafLife < TimeSpan.FromDays(61) || RenewingLeafLife > TimeSpan.FromDays(825))
            yield return new("renewingLeafLife", "must be 61d to 825d");
        if (Crl.NextUpdate < TimeSpan.FromDays(1) || Crl.NextUpdate > TimeSpan.FromDays(3650))
            yield return new("crl.nextUpdate", "must be 1d to 3650d");
        if (Crl.Refresh < TimeSpan.FromMinutes(1) || Crl.Refresh > TimeSpan.FromDays(7))
            yield return new("crl.refresh", "must be 1m to 7d");
        foreach (var problem in StockCa.Problems())
            yield return problem;
    }
}
