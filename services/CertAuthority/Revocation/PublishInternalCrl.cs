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
        // 2. The next one, with all of the last; the same again was published already, and recorded before that.
        var last = await Last(list, cancel);
        if (last?.Pem == list.Pem)
            return list;
        if (list.Number != (last?.Number ?? 0) + 1)
            throw NotNext(list.Number, last?.Number ?? 0);
        if (last is not null && !list.HoldsAllOf(last))
        {
            throw FaultException.Invalid("crl_pem",
                $"must list every certificate that list {last.Number} does: a revocation is not taken back");
        }
        // 3. Recorded, on the disk before it is published: once more, it would be found published and nothing be left to record.
        await audit.Write(AuditAction.InternalCrlPublished, "", by, decision: DecisionOutcome.Revoke.Because(Reason.None,
            $"publishes list {list.Number} of the internal PKI: {list.Entries.Count} certificates are revoked"), cancel: cancel);
        await audit.Flushed(cancel);
        // 4. Published, under its own number: of two at once one is first, and the other has to hold its entries too.
        await Put(list, cancel);
        // 5. It counts here at once, elsewhere at the next look.
        await crls.Look(cancel);
        return list;
    }

    private async Task<InternalCrl?> Last(InternalCrl of, CancellationToken cancel) =>
        (await crls.Look(cancel)).FirstOrDefault(l => l.Issuer == of.Issuer);

    private async Task Put(InternalCrl list, CancellationToken cancel)
    {
        var (key, body) = (ObjectKeys.InternalCrl($"{list.Issuer}", list.Number), (ReadOnlyMemory<byte>)Encoding.ASCII.GetBytes(list.Pem));
        if (await store.PutIfAbsent(key, body, cancel) == PutOutcome.Stored)
            return;
        if (await Last(list, cancel) is { } other && other.Number >= list.Number)
        {
            if (other.Pem != list.Pem)
                throw NotNext(list.Number, other.Number);
            return;
        }
        // What lies there counts nowhere, and must not keep a revocation out.
        if (await store.Get(key, cancel) is not { } found || await store.PutIfMatch(key, body, found.ETag, cancel) != PutOutcome.Stored)
            throw NotNext(list.Number, list.Number - 1);
    }

    private static FaultException NotNext(long number, long last) => new(FaultKind.Conflict, Reason.EtagMismatch,
        number <= last ? $"list {last} of this CA is published already; make list {last + 1}, which holds all of its entries"
            : $"list {number} can't follow list {last} of this CA; make list {last + 1}: overture pki revoke NAME --offline "
                + $"--number {last + 1}");
}
