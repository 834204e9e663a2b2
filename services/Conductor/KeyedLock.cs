using Overture.Platform.Records;

namespace Overture.Conductor;

/// <summary>One at a time for each certname, in this process. A few names share a lock, so never hold two of one set.</summary>
internal sealed class KeyedLock
{
    private readonly SemaphoreSlim[] locks = [.. Enumerable.Range(0, 64).Select(_ => new SemaphoreSlim(1, 1))];

    public async Task<IDisposable> Enter(CertName name, CancellationToken cancel)
    {
        var held = locks[(uint)name.GetHashCode() % (uint)locks.Length];
        await held.WaitAsync(cancel);
        return new Release(held);
    }

    private sealed class Release(SemaphoreSlim held) : IDisposable
    {
        public void Dispose() => held.Release();
    }
}
