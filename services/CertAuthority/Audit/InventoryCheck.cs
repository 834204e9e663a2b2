using System.Collections.Concurrent;
using System.Security.Cryptography;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.Signing;
using Overture.CertAuthority.Storage;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Audit;

/// <summary>
/// The store's certificates against their claims, the CA's key and the audit log, and the log against the store (threats I11, F59): who
/// deletes or replaces a certificate, a claim, a revocation or a block can't do it in the log as well.
/// </summary>
internal sealed class InventoryCheck(ObjectStore store, ClaimStore claims, CaSigner signer, TimeProvider clock)
{
    private const int AtOnce = 8;

    /// <summary>
    /// A record of a release may be that late: its process died, and another replica writes it (<see cref="AuditSweep"/>).
    /// </summary>
    public static readonly TimeSpan Grace = TimeSpan.FromMinutes(15);

    /// <param name="acts">What the log says; all of it was read before the store is looked at here.</param>
    /// <param name="tell">Receives each problem.</param>
    public async Task Run(RecordedActs acts, Action<string> tell, CancellationToken cancel)
    {
        // 1. Each certificate: genuine, as claimed, recorded once.
        var found = new ConcurrentBag<string>();
        var here = await Keys(ObjectKeys.Certificates, cancel);
        await Parallel.ForEachAsync(
            here, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancel }, async (serial, stop) =>
        {
            if (await Certificate(serial, acts, stop) is { } problem)
                found.Add($"{ObjectKeys.Certificate(serial)}: {problem}");
        });
        // 2. Each record: what it says is there.
        foreach (var serial in acts.Releases.Keys.Concat(acts.Recoveries).Distinct(StringComparer.Ordinal).Where(s => !here.Contains(s)))
            found.Add($"{ObjectKeys.Certificate(serial)}: was released and is gone");
        foreach (var (serial, times) in acts.Releases.Where(r => r.Value > 1))
            found.Add($"{ObjectKeys.Certificate(serial)}: was released {times} times");
        await Revocations(acts, found, cancel);
        var blocked = (await Keys(ObjectKeys.Blocks, cancel)).Select(k => k.Split('/')[0]).ToHashSet(StringComparer.Ordinal);
        foreach (var name in acts.BlockedNames.Where(n => !acts.ChangedNames.Contains(n) && !blocked.Contains(n)))
            found.Add($"{ObjectKeys.Blocks}{name}/: the name was blocked, and its block is gone");
        if (acts.NewestCrl > 0 && await store.Get(ObjectKeys.Crl(acts.NewestCrl), cancel) is null && !await Newer(acts.NewestCrl, cancel))
            found.Add($"{ObjectKeys.Crl(acts.NewestCrl)}: was published and is gone");
        foreach (var problem in found.Order(StringComparer.Ordinal))
            tell(problem);
    }

    private async Task<string?> Certificate(string serial, RecordedActs acts, CancellationToken cancel)
    {
        try
        {
            if (await store.Get<CertificateRecord>(ObjectKeys.Certificate(serial), cancel) is not { } certificate)
                return null; // collected in between
            if (certificate.Serial != serial)
                return $"is the certificate {certificate.Serial}";
            if (await claims.Find(CertName.Parse(certificate.Certname), certificate.Claim, cancel) is not { } claim)
                return $"its claim {certificate.Claim} is gone";
            if (claim.Serial != serial || claim.SpkiSha256 != certificate.SpkiSha256)
                return $"its claim {certificate.Claim} is another certificate's";
            if (!claims.IsOurs(claim))
                return $"its claim {certificate.Claim} was not written by this CA";
            if (claim.Issuer == Issuers.Own)
            {
                var der = PemBody(certificate.Pem);
                SignedDer.Check(der, claim, signer);
                if (await KeyProblem(claim, cancel) is { } key)
                    return key;
                if (!acts.HasRelease(serial) && clock.GetUtcNow() - certificate.SignedAt.ToDateTimeOffset() > Grace)
                    return "no audit record says that it was released";
            }
            // As it would be served. An imported one's claim has no bytes to compare with; its signature, serial and name must do.
            await claims.Certificate(serial, cancel);
            return null;
        }
        catch (CryptographicException)
        {
            return "is not what its claim says, or not signed by this CA";
        }
        catch (Exception e) when (e is InvalidDataException or UnreadableObjectException or ArgumentException
            || (e is FaultException fault && fault.Kind != FaultKind.Unavailable))
        {
            return $"it, or its claim, is damaged: {e.Message}";
        }
    }

    // While it is there no other name gets a certificate for this key. A renewal goes by its predecessor's, whose name an imported CA may
    // have let share it.
    private async Task<string?> KeyProblem(Claim claim, CancellationToken cancel)
    {
        var owner = await claims.OwnerOf(claim.SpkiSha256, cancel);
        if (owner is null)
            return $"{ObjectKeys.KeyOwner(claim.SpkiSha256)} is gone: another name could get a certificate for its key";
        return owner.Certname == claim.Certname || claim.Grant.Kind() == GrantKind.Predecessor
            ? null
            : $"{ObjectKeys.KeyOwner(claim.SpkiSha256)} says that its key is another name's";
    }

    private async Task Revocations(RecordedActs acts, ConcurrentBag<string> found, CancellationToken cancel)
    {
        await Parallel.ForEachAsync(
            acts.Revocations, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancel }, async (serial, stop) =>
        {
            var path = ObjectKeys.Revocation(serial);
            try
            {
                var fact = await store.Get<RevocationRecord>(path, stop);
                if (fact is null)
                    found.Add($"{path}: was revoked, and the revocation is gone");
                else if (fact.Serial != serial)
                    found.Add($"{path}: is the revocation of {fact.Serial}");
                else if (acts.Restored.TryGetValue(serial, out var at))
                    found.Add($"{path}: was gone from the store, and was written back from the list at {at:yyyy-MM-ddTHH:mm:ssZ}");
            }
            catch (Exception e) when (e is InvalidDataException or UnreadableObjectException)
            {
                found.Add($"{path}: {e.Message}");
            }
        });
    }

    private async Task<HashSet<string>> Keys(string prefix, CancellationToken cancel)
    {
        var keys = new HashSet<string>(StringComparer.Ordinal);
        await foreach (var key in store.List(prefix, null, cancel))
            keys.Add(key[prefix.Length..]);
        return keys;
    }

    // Old lists may be dropped, the newest not.
    private async Task<bool> Newer(long number, CancellationToken cancel)
    {
        await foreach (var _ in store.List(ObjectKeys.Crls, ObjectKeys.Crl(number), cancel))
            return true;
        return false;
    }

    private static byte[] PemBody(string pem)
    {
        var fields = PemEncoding.Find(pem);
        return Convert.FromBase64String(pem[fields.Base64Data]);
    }
}
