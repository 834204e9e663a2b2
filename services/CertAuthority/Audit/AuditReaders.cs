using Overture.Platform.Faults;

namespace Overture.CertAuthority.Audit;

/// <summary>Few read the whole log at once: each may take minutes, and holds batches in memory.</summary>
internal sealed class AuditReaders(TimeProvider clock) : IDisposable
{
    /// <summary>How many at once.</summary>
    public const int Most = 4;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private readonly SemaphoreSlim seats = new(Most, Most);

    /// <returns>To be disposed at the end of the read.</returns>
    /// <exception cref="FaultException">RATE_LIMITED: there are as many for 10 s.</exception>
    public async Task<IDisposable> Enter(CancellationToken cancel)
    {
        using var most = new CancellationTokenSource(Patience, clock);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel, most.Token);
        try
        {
            await seats.WaitAsync(limit.Token);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new FaultException(FaultKind.Unavailable, Reason.RateLimited,
                $"{Most} others read the audit log already; try again, or ask for less (limit, since)");
        }
        return new Seat(seats);
    }

    public void Dispose() => seats.Dispose();

    private sealed class Seat(SemaphoreSlim seats) : IDisposable
    {
        public void Dispose() => seats.Release();
    }
}
