namespace Overture.CertAuthority.Import;

/// <summary>What taking an imported CA in says; it may last a minute, so progress is shown.</summary>
internal static partial class ImportLog
{
    [LoggerMessage(EventId = 185, EventName = "ca.import.begun", Level = LogLevel.Information,
        Message = "taking the imported CA in: {Certificates} certificates, {Older} older ones, {Revocations} revocations")]
    public static partial void Begun(ILogger logger, int certificates, int older, int revocations);

    [LoggerMessage(EventId = 186, EventName = "ca.import.goes_on", Level = LogLevel.Information,
        Message = "taking the imported CA in: {Done} of {All}")]
    public static partial void GoesOn(ILogger logger, int done, int all);

    [LoggerMessage(EventId = 187, EventName = "ca.import.no_certname", Level = LogLevel.Warning,
        Message =
            "'{Name}' is no certname here: its certificate {Serial} stays good and can be revoked (overture certificate revoke --serial "
                + "{Serial}, puppetserver ca revoke), but is not renewed")]
    public static partial void NoCertname(ILogger logger, string name, string serial);

    [LoggerMessage(EventId = 188, EventName = "ca.import.ended", Level = LogLevel.Information,
        Message =
            "the imported CA is in: {Certificates} certificates, {Older} older ones, {Revocations} revocations; {Unclaimed} under names "
                + "that are no certnames here")]
    public static partial void Ended(ILogger logger, int certificates, int older, int revocations, int unclaimed);
}
