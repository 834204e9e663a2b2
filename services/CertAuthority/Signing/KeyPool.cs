using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace Overture.CertAuthority.Signing;

/// <summary>
/// Copies of one key, a thread at a time each: the framework's classes promise no thread safety, and copies do not wait for each other.
/// </summary>
internal sealed class KeyPool(Func<AsymmetricAlgorithm> make) : IDisposable
{
    private readonly ConcurrentBag<AsymmetricAlgorithm> idle = [];

    public AsymmetricAlgorithm Take() => idle.TryTake(out var key) ? key : make();

    public void Return(AsymmetricAlgorithm key) => idle.Add(key);

    public void Dispose()
    {
        while (idle.TryTake(out var key))
            key.Dispose();
    }
}
