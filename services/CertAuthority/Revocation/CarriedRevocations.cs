using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.Signing;
using Overture.CertAuthority.Storage;
using Overture.Platform.Certificates;
using Overture.Platform.Faults;

namespace Overture.CertAuthority.Revocation;

/// <summary>
/// Entries of the last list that its successor must hold although the store does not say so any more: their record was lost, or changed
/// the end of its certificate. The list has the CA's signature, the record has none; only a certificate that has it too can say
/// that it is over. The time here is <see cref="PublishCrl"/>'s, which no clock moves by itself.
/// </summary>
internal sealed class CarriedRevocations(RevocationStore revocations, ClaimStore claims, CaSigner signer)
{
    /// <summary>An entry stays for so long after its certificate's end.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromDays(1);

    public async Task<IReadOnlyList<RevocationRecord>> From(
        CrlDocument last, IReadOnlyCollection<RevocationRecord> live, IReadOnlyCollection<RevocationRecord> all, DateTimeOffset now,
        CancellationToken cancel)
    {
        var kept = live.Select(r => SerialNumber.Recorded(r.Serial)).ToHashSet();
        var missing = last.Entries.Values.Where(e => !kept.Contains(e.Serial)).ToList();
        if (missing.Count == 0)
            return [];
        var records = all.ToDictionary(r => SerialNumber.Recorded(r.Serial));
        var carried = new List<RevocationRecord>();
        foreach (var entry in missing)
        {
            if (records.TryGetValue(entry.Serial, out var record) && await IsOver(record, now, cancel))
                continue;
            var again = new RevocationRecord
            {
                Serial = $"{entry.Serial}",
                ReasonCode = entry.Reason,
                Sentence = "on the last list, and its record is gone",
                At = entry.At.ToTimestamp(),
                CertificateNotAfter = new DateTimeOffset(signer.Ca.Issuer.NotAfter).ToTimestamp(),
            };
            revocations.Remember(again);
            carried.Add(again);
        }
        return carried;
    }

    private async Task<bool> IsOver(RevocationRecord record, DateTimeOffset now, CancellationToken cancel)
    {
        try
        {
            if (await claims.Certificate(record.Serial, cancel) is { } released)
            {
                using var certificate = X509Certificate2.CreateFromPem(released.Pem);
                return $"{SerialNumber.Of(certificate)}" == record.Serial && SignatureScheme.IsSignedBy(
                    certificate.RawDataMemory, signer.Ca.Issuer) && certificate.NotAfter.ToUniversalTime() + Grace < now;
            }
        }
        catch (Exception e) when (e is CryptographicException or InvalidDataException or UnreadableObjectException
            or FaultException { Kind: not FaultKind.Unavailable })
        {
            return false;
        }
        // Never released, so there is nothing but the record.
        return record.CertificateNotAfter.ToDateTimeOffset() + Grace < now;
    }
}
