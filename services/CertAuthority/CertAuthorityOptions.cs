using Overture.Platform.Records;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.PuppetApi.Limits;
using Overture.CertAuthority.PuppetApi;
using Overture.CertAuthority.Signing;
using Overture.CertAuthority.StockCa;
using Overture.CertAuthority.Storage;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Options;

namespace Overture.CertAuthority;

/// <summary>CertAuthority's options, beside those of every service.</summary>
public sealed record PuppetApiOptions
{
    /// <summary>Address of the listener for Puppet agents, ADDRESS:PORT.</summary>
    public string Listen { get; init; } = "127.0.0.1:8141";

    /// <summary>Names agents reach it by (their ca_server); they are in its certificate.</summary>
    public IReadOnlyList<string> DnsNames { get; init; } = [];

    /// <summary>File of the access log, common log format; empty: none.</summary>
    public string AccessLog { get; init; } = "";

    /// <summary>
    /// Lines that the access log grows by in a minute, a tenth of them for one address and half for one method and status. More requests
    /// are counted, and written as one line a minute for each address, method and status. 100 to 10000000.
    /// </summary>
    public int AccessLogLinesPerMinute { get; init; } = 6_000;

    /// <summary>
    /// A client whose certificate this CA signed and no record knows is refused. False lets it in, for as long as records are being
    /// restored; it is reported all the same. Each replica's own listener goes by its own option; those of the other services refuse while
    /// any replica of the last three hours does.
    /// </summary>
    public bool RefuseUnrecorded { get; init; } = true;

    /// <inheritdoc cref="PuppetLimitOptions"/>
    public PuppetLimitOptions Limits { get; init; } = new();
}

/// <summary>The audit log.</summary>
public sealed record AuditOptions
{
    /// <summary>
    /// Requests a minute that were refused, held or merely repeated and have an audit record each: half of them for one cause, a sixth for
    /// one address. More are counted, and have one record a minute and cause together. Requests under registered names have as many of
    /// their own. 6 to 1000000.
    /// </summary>
    public int RefusalsPerMinute { get; init; } = 60;

    /// <summary>
    /// How long records of refused, held and repeated requests are kept; after that their hashes alone, so that the chain holds. All other
    /// records are kept forever. 30d to 36500d; 0s: these too.
    /// </summary>
    public TimeSpan KeepRefusals { get; init; } = TimeSpan.FromDays(400);
}

/// <summary>Certificate revocation lists.</summary>
public sealed record CrlOptions
{
    /// <summary>
    /// From an issue of the list to its nextUpdate. An agent whose copy has expired can never heal itself, hence as long as a leaf lives.
    /// </summary>
    public TimeSpan NextUpdate { get; init; } = TimeSpan.FromDays(1825);

    /// <summary>A new number at least this often. 1m to 7d.</summary>
    public TimeSpan Refresh { get; init; } = TimeSpan.FromHours(12);
}

/// <summary>POST certificate_renewal, by which Puppet 8 agents get a new certificate before the old one ends.</summary>
public sealed record RenewalOptions
{
    /// <summary>Whether it is answered. False: agents ask for a new certificate by hand.</summary>
    public bool Enabled { get; init; } = true;
}

/// <summary>Requests that a person lets in.</summary>
public sealed record ApprovalOptions
{
    /// <summary>Only names that have a node definition: any other would always fail its runs. False where another ENC answers.</summary>
    public bool RequireDefinition { get; init; } = true;

    /// <summary>Requests of one address (of IPv6: of one /64) that may wait at once, of 1,000 in all. 1 to 1000.</summary>
    public int WaitingPerAddress { get; init; } = 50;
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

    /// <summary>
    /// Life of a certificate whose request says that its owner renews. 61d (an agent renews 30 days before the end) to 825d.
    /// </summary>
    public TimeSpan RenewingLeafLife { get; init; } = TimeSpan.FromDays(180);

    public AuditOptions Audit { get; init; } = new();

    public CrlOptions Crl { get; init; } = new();

    public RenewalOptions Renewal { get; init; } = new();

    public ApprovalOptions Approval { get; init; } = new();

    public StockCaOptions StockCa { get; init; } = new();

    // Not the audit key: a start that came no further makes it too.
    public override StoreFounding Founding() =>
        new(true, [(StateDirectory, "audit.head"), (StateDirectory, "crl.json"), (StateDirectory, "spent-*")]);

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
        if (Approval.WaitingPerAddress is < 1 or > 1000)
            yield return new("approval.waitingPerAddress", "must be 1 to 1000");
        if (PuppetApi.AccessLogLinesPerMinute is < 100 or > 10_000_000)
            yield return new("puppetApi.accessLogLinesPerMinute", "must be 100 to 10000000");
        if (Audit.RefusalsPerMinute is < 6 or > 1_000_000)
            yield return new("audit.refusalsPerMinute", "must be 6 to 1000000");
        if (Audit.KeepRefusals != TimeSpan.Zero
            && (Audit.KeepRefusals < TimeSpan.FromDays(30) || Audit.KeepRefusals > TimeSpan.FromDays(36_500)))
        {
            yield return new("audit.keepRefusals", "must be 0s, or 30d to 36500d");
        }
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
