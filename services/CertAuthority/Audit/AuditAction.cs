using Overture.Records.V1;

namespace Overture.CertAuthority.Audit;

/// <summary>What came of an act (<c>AuditRecord.outcome</c>): its name in lower case.</summary>
internal enum AuditOutcome
{
    Allow,
    Deny,
    Error,
}

/// <summary>What an audit record is about (<c>AuditRecord.action</c>), with what came of it: every one that is ever written.</summary>
/// <param name="Name">Dotted; never changes, since the log is searched and verified by it.</param>
internal readonly record struct AuditAction(string Name, AuditOutcome Outcome)
{
    // Requests.
    public static readonly AuditAction RequestRefused = new("csr.refused", AuditOutcome.Deny),
        RequestHeld = new("csr.held", AuditOutcome.Deny), RequestRepeated = new("csr.repeated", AuditOutcome.Allow),
        RequestLimited = new("csr.limited", AuditOutcome.Deny), RequestDisplaced = new("csr.displaced", AuditOutcome.Deny),
        RequestAuthorized = new("csr.authorized", AuditOutcome.Allow), RequestApproved = new("csr.approved", AuditOutcome.Allow),
        RequestDenied = new("csr.denied", AuditOutcome.Deny), RequestDropped = new("csr.dropped", AuditOutcome.Deny),
        ApprovalRefused = new("approval.refused", AuditOutcome.Deny), RenewalRefused = new("renewal.refused", AuditOutcome.Deny),
        AddressLimited = new("request.limited.address", AuditOutcome.Deny),
        CertificateLimited = new("request.limited.certificate", AuditOutcome.Deny),
        RenewalLimited = new("request.limited.renewal", AuditOutcome.Deny);

    // Certificates and names.
    public static readonly AuditAction Released = new("cert.released", AuditOutcome.Allow),
        Recovered = new("cert.recovered", AuditOutcome.Allow), RenewedAgain = new("cert.renewed_again", AuditOutcome.Allow),
        Revoked = new("cert.revoked", AuditOutcome.Allow), RevocationRestored = new("cert.revocation_restored", AuditOutcome.Error),
        Cleaned = new("cert.cleaned", AuditOutcome.Allow), Unrecorded = new("cert.unrecorded", AuditOutcome.Allow),
        AdminIssued = new("cert.admin_issued", AuditOutcome.Allow), AdminRefused = new("cert.admin_refused", AuditOutcome.Deny),
        ClaimVoided = new("claim.voided", AuditOutcome.Deny), NameBlocked = new("name.blocked", AuditOutcome.Allow),
        NameReleased = new("name.released", AuditOutcome.Allow);

    // The CA, its lists, the log.
    public static readonly AuditAction CrlPublished = new("crl.published", AuditOutcome.Allow),
        CrlDamaged = new("crl.damaged", AuditOutcome.Error), ParentCrlUpdated = new("crl.parent_updated", AuditOutcome.Allow),
        CaImported = new("ca.imported", AuditOutcome.Allow), CaExported = new("ca.exported", AuditOutcome.Allow),
        AuditGap = new("audit.gap", AuditOutcome.Error),
        ObjectDamaged = new("object.damaged", AuditOutcome.Error);

    // The internal PKI.
    public static readonly AuditAction InternalCrlPublished = new("pki.crl_published", AuditOutcome.Allow);

    // puppetserver's own CA.
    public static readonly AuditAction StockSigned = new("stock.signed", AuditOutcome.Allow),
        StockRevoked = new("stock.revoked", AuditOutcome.Allow), StockMismatch = new("stock.mismatch", AuditOutcome.Error),
        StockUnclaimed = new("stock.unclaimed", AuditOutcome.Error), StockAutosign = new("stock.autosign", AuditOutcome.Error),
        StockBaseline = new("stock.baseline", AuditOutcome.Allow), StockBaselineRefused = new("stock.baseline_refused", AuditOutcome.Error);

    /// <summary>
    /// What came of one request and changed nothing: strangers cause them as fast as they can send, so they may be counted together, and go
    /// after audit.keepRefusals.
    /// </summary>
    public static IReadOnlyList<AuditAction> Refusals { get; } =
    [
        RequestRefused, RequestHeld, RequestRepeated, RequestLimited, RequestDisplaced, RenewalRefused, RenewedAgain, AddressLimited,
        CertificateLimited, RenewalLimited,
    ];

    /// <summary>As records spell it.</summary>
    public string OutcomeText => Outcome switch { AuditOutcome.Allow => "allow", AuditOutcome.Deny => "deny", _ => "error" };

    /// <summary>Whether the record is about this action, whatever came of it.</summary>
    public bool Is(AuditRecord record) => record.Action == Name;

    /// <summary>A record about it; id, time and trace are set when it is written.</summary>
    /// <param name="certname">Empty where what was asked for is no certname.</param>
    /// <param name="by">Who asked, or what part of this service did it.</param>
    /// <param name="serial">Of the certificate.</param>
    /// <param name="spki">Of its key.</param>
    /// <param name="decision">Why.</param>
    public AuditRecord Record(string certname, Caller by, string serial = "", string spki = "", Decision? decision = null) => new()
    {
        Action = Name,
        Outcome = OutcomeText,
        Certname = certname,
        Actor = by.Actor,
        Peer = by.Peer,
        Serial = serial,
        SpkiSha256 = spki,
        Decision = decision,
    };
}
