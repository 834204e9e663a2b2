using System.Collections.Concurrent;
using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.Revocation;
using Overture.CertAuthority.Signing;
using Overture.CertAuthority.Storage;
using Overture.CertAuthority.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Queries;

/// <summary>
/// Everything public of the CA, for `overture ca export`. Reads each record once and keeps none; what is damaged is counted, and hides no
/// other.
/// </summary>
internal sealed class ExportCa(ObjectStore store, ClaimStore claims, UnclaimedCertificates unclaimed, CrlPublisher crls,
    CaSigner signer, DamagedObjects damaged, AuditLog audit)
{
    // Some 3 KiB each: an answer stays far below the 4 MiB that a client takes.
    private const int Together = 200, AtOnce = 32;
    private const int Piece = 1024 * 1024;
    private const string ImportedClaim = "import-";

    /// <param name="by">Who asks.</param>
    /// <param name="give">Takes each answer.</param>
    /// <param name="cancel">Gives up.</param>
    public async Task Run(Caller by, Func<ExportCaResponse, Task> give, CancellationToken cancel)
    {
        // 1. the CA
        var imported = await store.Get<ImportDone>(ObjectKeys.Imported(Convert.ToHexStringLower(signer.Ca.KeyId.Span)), cancel);
        await give(new ExportCaResponse
        {
            BundlePem = System.Text.Encoding.ASCII.GetString(signer.Ca.Bundle),
            HighestImportedSerial = imported?.HighestSerial ?? 0,
        });

        // 2. what was released, or moved in with its file
        var unreadable = 0;
        var cleaned = await Names(ObjectKeys.Cleanings, cancel);
        var released = await Names(ObjectKeys.Certificates, cancel);
        foreach (var portion in released.Chunk(Together))
        {
            unreadable += await Give(portion, async serial => await claims.Certificate(serial, cancel) is { } found
                ? Of(found, cleaned) : null, give, cancel);
        }

        // 3. what the inventory of an imported CA alone knows, and what has a name that no certname may be
        var inventory = (await Names(ObjectKeys.Claims, cancel)).Where(k => k.Contains($"/{ImportedClaim}", StringComparison.Ordinal)
            && !released.Contains(k[(k.LastIndexOf('/') + 1 + ImportedClaim.Length)..]));
        foreach (var portion in inventory.Chunk(Together))
        {
            unreadable += await Give(portion, async key => await claims.Read(ObjectKeys.Claims + key, cancel) is { } found
                ? Of(found, cleaned) : null, give, cancel);
        }
        foreach (var portion in (await unclaimed.All(cancel)).Where(c => !released.Contains(c.Serial)).Chunk(Together))
            await give(new ExportCaResponse { Certificates = { portion.Select(c => Of(c, cleaned)) } });

        // 4. last, so that it holds what was revoked meanwhile
        var list = await crls.Publish(cancel);
        await audit.Write(AuditAction.CaExported, "", by, $"crl-{list.Number}", cancel: cancel);
        foreach (var piece in Pieces(list.Pem))
            await give(new ExportCaResponse { CrlPem = piece });
        await give(new ExportCaResponse { Unreadable = unreadable, Complete = true });
    }

    /// <summary>A list of a hundred thousand entries is larger than an answer that a client takes.</summary>
    internal static IEnumerable<string> Pieces(string pem) => pem.Chunk(Piece).Select(c => new string(c));

    private async Task<HashSet<string>> Names(string prefix, CancellationToken cancel)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        await foreach (var key in store.List(prefix, null, cancel))
            names.Add(key[prefix.Length..]);
        return names;
    }

    private async Task<int> Give(IReadOnlyCollection<string> portion, Func<string, Task<ExportedCertificate?>> read,
        Func<ExportCaResponse, Task> give, CancellationToken cancel)
    {
        var found = new ConcurrentBag<ExportedCertificate>();
        var unreadable = 0;
        await Parallel.ForEachAsync(portion, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancel },
            async (key, stop) =>
            {
                try
                {
                    if (await read(key) is { } certificate)
                        found.Add(certificate);
                }
                catch (Exception e) when (e is InvalidDataException or UnreadableObjectException)
                {
                    Interlocked.Increment(ref unreadable);
                    await damaged.Report(e, "", stop);
                }
            });
        await give(new ExportCaResponse { Certificates = { found } });
        return unreadable;
    }

    private static ExportedCertificate Of(CertificateRecord record, HashSet<string> cleaned)
    {
        var own = CertName.TryParse(record.Certname, out var name, out _) && RequestNames.IsOwn(name);
        var begin = record.Pem.Length > 0 ? TbsFacts.OfPem(record.Pem)?.NotBefore.ToTimestamp() : record.SignedAt;
        return new()
        {
            Certname = record.Certname,
            Serial = record.Serial,
            NotBefore = begin,
            NotAfter = record.NotAfter,
            Pem = record.Pem,
            Cleaned = cleaned.Contains(record.Serial),
            Own = own,
        };
    }

    private static ExportedCertificate Of(Claim claim, HashSet<string> cleaned) => new()
    {
        Certname = claim.Certname,
        Serial = claim.Serial,
        NotBefore = claim.ClaimedAt,
        NotAfter = claim.NotAfter,
        Cleaned = cleaned.Contains(claim.Serial),
    };
}
