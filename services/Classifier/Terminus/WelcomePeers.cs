using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.Platform.PuppetHost;
using Overture.Platform.Records;
using Overture.Platform.Registry;

namespace Overture.Classifier.Terminus;

/// <summary>
/// Puppetservers that were welcome within the freshness; asked of the store again after it, or as soon as the change feed names one. A refusal is
/// never kept.
/// </summary>
internal sealed class WelcomePeers
{
    private const int MostEntries = 10_000;
    private readonly ConcurrentDictionary<string, (string Name, long At)> welcome = new(StringComparer.Ordinal);
    private readonly PuppetserverPeers peers;
    private readonly TimeProvider clock;
    private readonly TimeSpan freshness;

    public WelcomePeers(PuppetserverPeers peers, ClassifierOptions options, ChangeFeed feed, TimeProvider clock)
    {
        this.peers = peers;
        this.clock = clock;
        freshness = options.Freshness;
        feed.Changed += (name, _) => Forget(name);
    }

    /// <returns>Null: welcome. Else why not, for our log alone.</returns>
    public async Task<string?> Refusal(X509Certificate2? certificate, CancellationToken cancel)
    {
        var print = certificate?.GetCertHashString(HashAlgorithmName.SHA256) ?? "";
        if (welcome.TryGetValue(print, out var known) && clock.GetElapsedTime(known.At) <= freshness)
            return null;
        var now = clock.GetTimestamp();
        var refusal = await peers.Refusal(certificate, cancel);
        if (refusal is null && welcome.Count < MostEntries)
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
