namespace Overture.CertAuthority.Import;

/// <summary>What taking an imported CA in says; it may last a minute, and nobody should have to wonder.</summary>
internal static partial class ImportLog
{
    [LoggerMessage(EventId = 160, EventName = "ca.import.begun", Level = LogLevel.Information,
        Message = "taking the imported CA in: {Certificates} certificates, {Older} older ones, {Revocations} revocations")]
    public static partial void Begun(ILogger logger, int certificates, int older, int revocations);

    [LoggerMessage(EventId = 161, EventName = "ca.import.goes_on", Level = LogLevel.Information, Message = "taking the imported CA in: {Done} of {All}")]
    public static partial void GoesOn(ILogger logger, int done, int all);

    [LoggerMessage(EventId = 162, EventName = "ca.import.skipped", Level = LogLevel.Warning,
        Message = "'{Name}' is no certname here: its certificate stays good, is served no more, and is revoked only if the imported CRL says so")]
    public static partial void Skipped(ILogger logger, string name);

    [LoggerMessage(EventId = 163, EventName = "ca.import.ended", Level = LogLevel.Information,
        Message = "the imported CA is in: {Certificates} certificates, {Older} older ones, {Revocations} revocations; {Skipped} names left out")]
    public static partial void Ended(ILogger logger, int certificates, int older, int revocations, int skipped);
}
