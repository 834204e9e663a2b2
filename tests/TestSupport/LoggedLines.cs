using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Overture.TestSupport;

/// <summary>What was logged: the event's name, then its sentence, then an exception.</summary>
public sealed class LoggedLines<T> : ILogger<T>
{
    public ConcurrentQueue<string> Said { get; } = new();

    /// <summary>Those of one event.</summary>
    public IReadOnlyList<string> Of(string eventName) => [.. Said.Where(l => l.StartsWith(eventName + ":", StringComparison.Ordinal))];

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
        Func<TState, Exception?, string> formatter) =>
        Said.Enqueue($"{eventId.Name}: {formatter(state, exception)} {exception}");
}
