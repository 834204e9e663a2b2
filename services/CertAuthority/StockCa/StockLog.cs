using Overture.Platform.Records;

namespace Overture.CertAuthority.StockCa;

/// <summary>What the approver for puppetserver's own CA says.</summary>
internal static partial class StockLog
{
    [LoggerMessage(EventId = 170, EventName = "stock.away", Level = LogLevel.Error,
        Message = "{Cause}; nothing is signed or revoked there until it is back")]
    public static partial void StockCaAway(ILogger logger, string cause);

    [LoggerMessage(EventId = 171, EventName = "stock.back", Level = LogLevel.Information, Message = "puppetserver's own CA is back")]
    public static partial void StockCaBack(ILogger logger);

    [LoggerMessage(EventId = 172, EventName = "stock.declined", Level = LogLevel.Warning,
        Message = "the request of {Certname} may be signed, but puppetserver declines: {Why}")]
    public static partial void StockCaDeclined(ILogger logger, CertName certname, string why);

    [LoggerMessage(EventId = 173, EventName = "stock.mismatch", Level = LogLevel.Critical,
        Message =
            "puppetserver's own CA holds certificate {Serial} for {Certname}, with key {FoundSpki}, but the token came with key "
                + "{ClaimedSpki}")]
    public static partial void StockKeyMismatch(ILogger logger, CertName certname, string serial, string claimedSpki, string foundSpki);

    [LoggerMessage(EventId = 174, EventName = "stock.revocation_waits", Level = LogLevel.Error,
        Message = "revoking {Certname} waits: {Cause}")]
    public static partial void StockRevocationWaits(ILogger logger, CertName certname, string cause);

    [LoggerMessage(EventId = 176, EventName = "stock.unclaimed", Level = LogLevel.Critical,
        Message =
            "puppetserver's own CA has signed certificate {Serial} for '{Name}' (SHA-256 {Fingerprint}), and no claim exists for it: "
                + "signed by hand, by another autosign rule, or by a hook that puppetserver read as a list. "
            + "If it was not signed by hand: puppetserver ca clean --certname {Name}, and overture-autosign --replay on that host")]
    public static partial void StockUnclaimed(ILogger logger, string serial, string name, string fingerprint);

    [LoggerMessage(EventId = 177, EventName = "stock.baseline", Level = LogLevel.Warning,
        Message =
            "puppetserver's own CA had signed {Count} certificates without a claim before CertAuthority first looked ({Names}); they "
                + "are not reported one by one. Check that all are yours: puppetserver ca list --all")]
    public static partial void StockBaseline(ILogger logger, int count, string names);

    [LoggerMessage(EventId = 180, EventName = "stock.no_baseline", Level = LogLevel.Critical,
        Message =
            "puppetserver's own CA had signed {Count} certificates without a claim before CertAuthority first looked ({Names}), and its "
                + "configuration signs strangers, so each is reported: {Findings}")]
    public static partial void StockNoBaseline(ILogger logger, int count, string names, string findings);

    [LoggerMessage(EventId = 181, EventName = "ca.foreign_baseline", Level = LogLevel.Critical,
        Message =
            "{Key} {Problem}: it is ignored, and every certificate without a claim is reported. Put the right one back from a copy of "
                + "the bucket, or remove it, and restart CertAuthority, which then looks for the first time")]
    public static partial void ForeignBaseline(ILogger logger, string key, string problem);

    [LoggerMessage(EventId = 178, EventName = "stock.autosign", Level = LogLevel.Critical,
        Message = "puppetserver would sign strangers: {What}")]
    public static partial void StockAutosign(ILogger logger, string what);

    [LoggerMessage(EventId = 175, EventName = "stock.not_configured", Level = LogLevel.Error,
        Message =
            "{Certname} was signed by puppetserver's own CA, and stockCa is not configured, so it is not revoked there. Run "
                + "puppetserver ca clean --certname {Certname}")]
    public static partial void StockCaNotConfigured(ILogger logger, CertName certname);
}
