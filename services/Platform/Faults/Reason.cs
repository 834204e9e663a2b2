using System.Text;

namespace Overture.Platform.Faults;

/// <summary>
/// Every reason code there is. The same UPPER_SNAKE string (<see cref="ReasonText.Code"/>) is in gRPC's ErrorInfo, in HTTP answers,
/// the audit log, timelines, metrics and docs/errors.md (a test compares).
/// </summary>
public enum Reason
{
    None,

    // the request to an API
    InvalidField,
    NotFound,
    AlreadyExists,
    RequestIdReused,
    EtagMismatch,
    TooLarge,
    RoleMissing,
    ScopeMissing,
    CertificateNotValid,
    CertificateRevoked,
    DelegationInvalid,
    BrowserRefused,
    IdentityProviderUnavailable,
    RateLimited,

    // outages
    StoreUnavailable,
    ObjectUnreadable,
    RegistryUnavailable,
    ShuttingDown,
    Starting,
    Internal,

    // form of a certificate request: 400
    CsrTooLarge,
    CsrPem,
    CsrPrivateKey,
    CsrDer,
    CsrSubject,
    CsrAttribute,
    CsrExtension,
    CsrSan,
    CsrAlgorithm,
    CsrSignature,
    NameInvalid,
    NameMismatch,
    KeyType,
    KeySize,
    KeyWeak,
    KeyReused,
    KeyBlocked,
    NameTaken,

    // authorization of a certificate request: 403, one body for all
    NodeUnknown,
    LaunchSignature,
    TokenMissing,
    TokenMismatch,
    TokenExpired,
    TokenSpent,
    TokenConflict,
    NotYetValid,
    SourceMismatch,
    NameBlocked,
    ClaimVoid,
    RequestDenied,
    CertificateUnrecorded,
    InstanceNotRunning,
    InstanceUnconfirmed,

    // renewal
    RenewalOff,
    NotRenewable,

    // a request that waits for a person: 200
    HeldForApproval,
    HeldOtherKey,
    HeldQueueFull,
    DefinitionMissing,

    // good outcomes
    TokenAccepted,
    SameKey,
    RegistryOnly,
    Self,
    Approved,
    Renewed,
    Imported,
    AdminIssued,

    // classification
    NodeBlocked,
    DefinitionInvalid,
    NodeUnregistered,
    NodeInUse,

    // launching
    ProviderFailed,
    LaunchFailureFinal,
    ProviderUnfit,
    RunFailed,
    RunPartial,
    NotPuppetserver,

    // ending
    InstanceEnded,
    Protected,
    RevocationPending,
    StockCaUnavailable,
    StockUnclaimed,
    StockAutosign,
    PuppetDbUnavailable,

    // definitions and the code they are for
    PuppetserverUnavailable,
    PuppetCodeMissing,

    // the audit log
    AuditBroken,
}

/// <summary>The one spelling of a <see cref="Reason"/> outside this process.</summary>
public static class ReasonText
{
    private static readonly Dictionary<Reason, string> Codes = Enum.GetValues<Reason>().ToDictionary(r => r, Spell);

    /// <summary>UPPER_SNAKE, e.g. TOKEN_MISMATCH; empty for <see cref="Reason.None"/>.</summary>
    public static string Code(this Reason reason) => Codes[reason];

    private static string Spell(Reason reason)
    {
        if (reason == Reason.None)
            return "";
        var text = new StringBuilder();
        foreach (var c in reason.ToString())
        {
            if (char.IsAsciiLetterUpper(c) && text.Length > 0)
                text.Append('_');
            text.Append(char.ToUpperInvariant(c));
        }
        return text.ToString();
    }
}
