using System.Text;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Policy;
using Overture.Platform.Certificates;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Serving;

namespace Overture.CertAuthority.Revocation;

/// <summary>
/// Publishes a list of revoked certificates of the internal PKI. Its CA's key is not here: what is trusted is the list's own signature,
/// and that nothing is taken back.
/// </summary>
internal sealed class PublishInternalCrl(InternalCrls crls, ObjectStore store, AuditLog audit)
{
    /// <param name="pem">The list.</param>
    /// <param name="by">Who brings it.</param>
    /// <param name="cancel">Nothing is lost: the same again goes on.</param>
    /// <exception cref="FaultException">INVALID_FIELD, ETAG_MISMATCH.</exception>
    public async Task<InternalCrl> Run(string pem, Caller by, CancellationToken cancel)
    {
        // 1. A list of ours.
        var list = InternalCrl.Read(pem, crls.Cas, out var rule) ?? throw FaultException.Invalid("crl_pem", rule!);
        // 2. Newer than what is published, and with all of it.
        var last = (await crls.Look(cancel)).FirstOrDefault(l => l.Issuer == list.Issuer);
        if (last?.Pem == list.Pem)
            return list;
        if (last is not null && list.Number <= last.Number)
            throw Older(last.Number);
        if (last is not null && !list.HoldsAllOf(last))
        {
            throw FaultException.Invalid("crl_pem",
                $"must list every certificate that list {last.Number} does: a revocation is not taken back");
        }
        // 3. Recorded, on the disk before it is published: once more, it would be found published and nothing be left to record.
        await audit.Write(AuditAction.InternalCrlPublished, "", by, decision: DecisionOutcome.Revoke.Because(Reason.None,
            $"publishes list {list.Number} of the internal PKI: {list.Entries.Count} certificates are revoked"), cancel: cancel);
        await audit.Flushed(cancel);
        // 4. Published, under its own number: of two at once one is first.
        var key = ObjectKeys.InternalCrl($"{list.Issuer}", list.Number);
        if (await store.PutIfAbsent(key, Encoding.ASCII.GetBytes(list.Pem), cancel) == PutOutcome.Conflict
            && (await crls.Look(cancel)).FirstOrDefault(l => l.Issuer == list.Issuer)?.Pem != list.Pem)
        {
            throw Older(list.Number);
        }
        // 5. It counts here at once, elsewhere at the next look.
        await crls.Look(cancel);
        return list;
    }

    private static FaultException Older(long number) => new(FaultKind.Conflict, Reason.EtagMismatch,
        $"list {number} of this CA is published already; make one above it that holds all of its entries");
}
