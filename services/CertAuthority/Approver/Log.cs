using Overture.Platform.Records;

namespace Overture.CertAuthority;

/// <summary>What the approver for puppetserver's own CA says.</summary>
internal static partial class Log
{
    [LoggerMessage(EventId = 150, EventName = "stock.away", Level = LogLevel.Error, Message = "{Cause}; nothing is signed or revoked there until it is back")]
    public static partial void StockCaAway(ILogger logger, string cause);

    [LoggerMessage(EventId = 151, EventName = "stock.back", Level = LogLevel.Information, Message = "puppetserver's own CA is back")]
    public static partial void StockCaBack(ILogger logger);

    [LoggerMessage(EventId = 152, EventName = "stock.declined", Level = LogLevel.Warning, Message = "the request of {Certname} may be signed, but puppetserver does not: {Why}")]
    public static partial void StockCaDeclined(ILogger logger, CertName certname, string why);

    [LoggerMessage(EventId = 153, EventName = "stock.mismatch", Level = LogLevel.Critical,
        Message = "puppetserver's own CA holds certificate {Serial} for {Certname}, of key {FoundSpki} where {ClaimedSpki} brought the token")]
    public static partial void StockKeyMismatch(ILogger logger, CertName certname, string serial, string claimedSpki, string foundSpki);

    [LoggerMessage(EventId = 154, EventName = "stock.revocation_waits", Level = LogLevel.Error, Message = "revoking {Certname} waits: {Cause}")]
    public static partial void StockRevocationWaits(ILogger logger, CertName certname, string cause);

    [LoggerMessage(EventId = 155, EventName = "stock.not_configured", Level = LogLevel.Error,
        Message = "{Certname} was signed by puppetserver's own CA, and nobody revokes there: stockCa is not configured. Run puppetserver ca clean --certname {Certname}")]
    public static partial void StockCaNotConfigured(ILogger logger, CertName certname);
}
