using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.Classifier.Documents;
using Overture.Platform.Faults;
using Overture.Platform.PuppetHost;
using Overture.Platform.Records;
using Overture.Platform.Registry;

namespace Overture.Classifier.Terminus;

/// <summary>
/// Puppetservers that were authorized within the freshness; checked in the store again after it, or as soon as the change feed names one. A
/// refusal is never cached.
/// </summary>
internal sealed class PeerAuthorizationCache
{
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(700);
    private const int MaxEntries = 10_000;
    private readonly ConcurrentDictionary<string, (string Name, long At)> welcome = new(StringComparer.Ordinal);
    private readonly PuppetserverPeers peers;
    private readonly TimeProvider clock;
    private readonly TimeSpan freshness, staleFor;

    public PeerAuthorizationCache(PuppetserverPeers peers, ClassifierOptions options, ChangeFeed feed, TimeProvider clock)
    {
        this.peers = peers;
        this.clock = clock;
        (freshness, staleFor) = (options.Freshness, options.StaleFor);
        feed.Changed += (name, _) => Forget(name);
    }

    /// <returns>Null: authorized. Else why not, for our log alone.</returns>
    public async Task<string?> Refusal(X509Certificate2? certificate, CancellationToken cancel)
    {
        var print = certificate?.GetCertHashString(HashAlgorithmName.SHA256) ?? "";
        if (welcome.TryGetValue(print, out var known) && clock.GetElapsedTime(known.At) <= freshness)
            return null;
        var now = clock.GetTimestamp();
        string? refusal;
        using var limit = new CancellationTokenSource(Patience, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        try
        {
            refusal = await peers.Refusal(certificate, either.Token).WaitAsync(either.Token);
        }
        catch (Exception e) when (known.Name is not null && clock.GetElapsedTime(known.At) <= staleFor && !cancel.IsCancellationRequested
            && e is OperationCanceledException or FaultException { Kind: FaultKind.Unavailable })
        {
            // The store is away: as with answers, what was known counts, unless the feed has named it since.
            return null;
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new FaultException(FaultKind.Unavailable, Reason.StoreUnavailable, "the object store does not answer");
        }
        if (refusal is null && welcome.Count < MaxEntries)
            welcome[print] = (certificate!.GetNameInfo(X509NameType.SimpleName, forIssuer: false), now);
        else
            welcome.TryRemove(print, out _);
        return refusal;
    }

    private void Forget(CertName name)
    {
        var text = name.ToString();
        foreach (var (print, peer) in welcome)
        {
            if (peer.Name == text)
                welcome.TryRemove(print, out _);
        }
    }
}
