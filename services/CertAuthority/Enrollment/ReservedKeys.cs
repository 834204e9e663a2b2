using System.Buffers.Text;
using System.Collections.Concurrent;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Signing;
using Overture.CertAuthority.Storage;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Serving;
using Overture.Platform.Tls;
using Overture.Records.V1;

namespace Overture.CertAuthority.Enrollment;

/// <summary>
/// Our own keys, which no node may bring (threats T29): those of the CAs, of launch records, of audit logs, and of everything in the
/// internal PKI, as far as any service has met it. The CA API's own leaf is bound to its name like any other key. Records of the store
/// count where a service, or the CA, signed them: what else lies there bars no key, and is reported.
/// </summary>
internal sealed class ReservedKeys(
    CaSigner signer, LaunchVerifier launches, ObjectStore store, CertAuthorityOptions options, TimeProvider clock,
    ILogger<ReservedKeys> log)
{
    private readonly HashSet<SpkiHash> own =
        [.. signer.Ca.Chain.Select(SpkiHash.Of), .. launches.PublicKeys.Select(spki => SpkiHash.Of(spki))];
    private const int MaxSaid = 10_000;
    private readonly ConcurrentDictionary<string, bool> said = new(StringComparer.Ordinal);
    private readonly PeerCertificates peers = new(options.Tls, clock);

    /// <summary>Whether the key is one of them.</summary>
    public async Task<bool> Holds(SpkiHash key, CancellationToken cancel) =>
        own.Contains(key)
            || (peers.Current is var now && (SpkiHash.Of(now.Leaf) == key || now.Roots.Any(root => SpkiHash.Of(root) == key)))
        || await Counts<ServiceKey>(
            ObjectKeys.ServiceKey($"{key}"), record => ServiceKeyVoucher.Problem(record, $"{key}", peers.Current.Issuers), cancel)
        || await Counts<AuditKeyRecord>(ObjectKeys.AuditKey(Kid(key)), record => Problem(record, Kid(key)), cancel);

    private async Task<bool> Counts<T>(string key, Func<T, string?> problem, CancellationToken cancel) where T : class,
        Google.Protobuf.IMessage, new()
    {
        string? why;
        try
        {
            if (await store.Get<T>(key, cancel) is not { } record)
                return false;
            why = problem(record);
        }
        catch (UnreadableObjectException e)
        {
            why = e.Why;
        }
        if (why is not null && said.Count < MaxSaid && said.TryAdd(key, true))
            Log.ForeignKey(log, key, why);
        return why is null;
    }

    private string? Problem(AuditKeyRecord record, string kid)
    {
        using var key = AuditKeyAttestation.Read(record, signer);
        return key is not null && record.Kid == kid ? null : "is not an audit key that this CA vouches for";
    }

    // As LaunchKeyId makes it.
    private static string Kid(SpkiHash key) => Base64Url.EncodeToString(key.ToBytes())[..16];
}
