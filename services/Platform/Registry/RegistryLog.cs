using Microsoft.Extensions.Logging;

namespace Overture.Platform.Registry;

internal static partial class RegistryLog
{
    [LoggerMessage(EventId = 10, EventName = "registry.connected", Level = LogLevel.Information,
        Message = "registry at {Endpoint}: connected")]
    public static partial void Connected(ILogger logger, string endpoint);

    [LoggerMessage(EventId = 11, EventName = "registry.unavailable", Level = LogLevel.Warning,
        Message = "registry at {Endpoint} {What}; work goes on from the object store")]
    public static partial void Wrong(ILogger logger, string endpoint, string what);

    [LoggerMessage(EventId = 16, EventName = "registry.healed", Level = LogLevel.Information,
        Message = "registry at {Endpoint} takes writes again, after {Seconds:0} s")]
    public static partial void Healed(ILogger logger, string endpoint, double seconds);

    [LoggerMessage(EventId = 15, EventName = "registry.tls_refused", Level = LogLevel.Warning,
        Message = "registry at {Endpoint}: its certificate is refused: {Cause}")]
    public static partial void TlsRefused(ILogger logger, string endpoint, string cause);

    [LoggerMessage(EventId = 17, EventName = "registry.primary_named", Level = LogLevel.Information,
        Message = "registry at {Endpoint}: the Sentinels name {Primary} as the primary of {Name}")]
    public static partial void PrimaryNamed(ILogger logger, string endpoint, string name, string primary);

    [LoggerMessage(EventId = 12, EventName = "registry.skipped", Level = LogLevel.Debug,
        Message = "the registry missed {What}; the store has it")]
    public static partial void Skipped(ILogger logger, string what);

    [LoggerMessage(EventId = 13, EventName = "registry.listener_failed", Level = LogLevel.Error,
        Message = "a listener of the change feed failed at {What}")]
    public static partial void ListenerFailed(ILogger logger, string what, Exception exception);

    [LoggerMessage(EventId = 14, EventName = "registry.lines_failed", Level = LogLevel.Error,
        Message = "{Count} lines of timelines could not be written")]
    public static partial void LinesFailed(ILogger logger, int count, Exception exception);
}
