using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Signing;
using Overture.Platform.Certificates;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Revocation;

/// <summary>
/// The CRLs of the CAs above the one that signs: those of the CA directory, or newer ones that an administrator has put
/// (PUT certificate_revocation_list). Agents check the whole chain, so each must be there and must not expire. One that can't be read is
/// reported and passed over: whatever became of a parent's list, our own is published.
/// </summary>
internal sealed class ParentCrls(ObjectStore store, CaSigner signer, AuditLog audit, Ids ids, TimeProvider clock, ILogger<ParentCrls> log)
{
    private readonly HashSet<string> reported = new(StringComparer.Ordinal);
    private readonly ParentCrlFile file = new(signer.Ca, clock);

    /// <summary>The first thing that is wrong with a parent's list, as last seen, in a sentence; null: nothing.</summary>
    public string? Problem { get; private set; }

    private IEnumerable<X509Certificate2> Parents => signer.Ca.Chain.Skip(1);

    /// <param name="published">What was published last; its lists are good if nothing else is.</param>
    /// <param name="cancel">Gives up.</param>
    /// <returns>PEM, one list for each parent, in the order of the chain.</returns>
    public async Task<string> Newest(string published, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        var problems = new List<string>();
        var (text, given) = ("", file.Text());
        foreach (var parent in Parents)
        {
            var known = await Known(parent, given, problems, cancel);
            known.AddRange(ParentList.In(published, parent));
            // A list of tomorrow only where there is no other.
            var newest = Best(known.Where(l => !l.IsEarly(now))) ?? Best(known);
            if (newest is null)
            {
                problems.Add(
                    $"there is no CRL of {parent.Subject}: agents that check the chain refuse every certificate. Next: put a list of it "
                        + $"into {CaFiles.ParentCrlFile}, or PUT certificate_revocation_list");
            }
            else if (newest.HasExpired(now))
            {
                problems.Add(
                    $"the CRL of {parent.Subject} expired on {newest.Facts.NextUpdate:yyyy-MM-dd}: agents that check the chain refuse "
                        + "every certificate. Next: PUT certificate_revocation_list with a new one");
            }
            text += newest?.Pem;
        }
        ReportProblems(problems);
        return text;
    }

    /// <summary>Takes what is newer than what there is.</summary>
    /// <param name="pem">Any number of lists, each of a CA above the one that signs.</param>
    /// <param name="by">Who asks.</param>
    /// <param name="cancel">Gives up.</param>
    /// <returns>How many were newer.</returns>
    /// <exception cref="FaultException">INVALID_FIELD: none, or one that is not a parent's; then nothing is taken.</exception>
    public async Task<int> Accept(string pem, Caller by, CancellationToken cancel)
    {
        var lists = CrlPem.Split(pem);
        if (lists.Count == 0)
            throw Invalid("No valid CRLs submitted.");
        var (taken, given) = (0, file.Text());
        foreach (var (parent, list) in lists.Select(Recognized).ToList())
        {
            // One that begins later than now is no reason to refuse one that is good now.
            if (!list.IsNewerThan(Best((await Known(parent, given, [], cancel)).Where(l => !l.IsEarly(clock.GetUtcNow())))))
                continue;
            var record = new ParentCrl
            {
                Schema = 1,
                WriteId = ids.Unguessable(),
                KeyId = KeyIdOf(parent),
                Number = list.Facts.Number ?? 0,
                Pem = list.Pem,
                By = by.Actor,
                At = clock.GetUtcNow().ToTimestamp(),
            };
            if (await store.PutIfAbsent(ObjectKeys.ParentCrl(record.KeyId, list.Id), record, cancel) != PutOutcome.Stored)
                continue;
            await audit.Write(
                AuditAction.ParentCrlUpdated, "", by,
                $"{record.KeyId}-crl-{list.Facts.Number?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? list.Id}",
                cancel: cancel);
            taken++;
        }
        return taken;
    }

    private (X509Certificate2 Parent, ParentList List) Recognized(byte[] der)
    {
        var now = clock.GetUtcNow();
        foreach (var parent in Parents.Where(p => SignatureScheme.IsSignedBy(der, p)))
        {
            var list = ParentList.Read(der, parent) ?? throw Invalid($"the list that {parent.Subject} signed is not an X.509 CRL");
            return list.HasExpired(now) ? throw Invalid($"the CRL of {parent.Subject} has expired")
                : list.IsEarly(now)
                ? throw Invalid(
                    $"the CRL of {parent.Subject} begins on {list.Facts.ThisUpdate:yyyy-MM-dd HH:mm:ss} UTC, which is not yet; compare "
                        + "the clocks")
                : (parent, list);
        }
        throw Invalid("one of the lists is not signed by a CA above the one that signs here; its own list is made here alone");
    }

    // What lies in the bucket is believed by its signature alone.
    private async Task<List<ParentList>> Known(X509Certificate2 parent, string given, List<string> problems, CancellationToken cancel)
    {
        var known = ParentList.In(given, parent).ToList();
        if (known.Count == 0)
        {
            problems.Add(
                $"{CaFiles.ParentCrlFile} of the CA directory holds no readable CRL of {parent.Subject}; another is served. Next: put a "
                    + "valid one there");
        }
        await foreach (var key in store.List(ObjectKeys.ParentCrlsOf(KeyIdOf(parent)), null, cancel))
        {
            if (await Read(key, parent, cancel) is { } found)
            {
                known.Add(found);
            }
            else
            {
                problems.Add(
                    $"{key} is not a readable CRL of {parent.Subject}; it is skipped. Next: PUT certificate_revocation_list again, and "
                        + "remove that object");
            }
        }
        return known;
    }

    private async Task<ParentList?> Read(string key, X509Certificate2 parent, CancellationToken cancel)
    {
        try
        {
            return await store.Get<ParentCrl>(key, cancel) is { } found && CrlPem.Split(found.Pem) is [var der]
                ? ParentList.Read(der, parent)
                : null;
        }
        catch (Exception e) when (e is InvalidDataException or UnreadableObjectException)
        {
            return null;
        }
    }

    private static ParentList? Best(IEnumerable<ParentList> lists) =>
        lists.Aggregate((ParentList?)null, (best, list) => list.IsNewerThan(best) ? list : best);

    private void ReportProblems(List<string> problems)
    {
        Problem = problems.FirstOrDefault();
        foreach (var problem in problems.Where(reported.Add))
            Log.ParentCrl(log, problem);
        // What came back and went again is said again.
        reported.IntersectWith(problems);
    }

    private static string KeyIdOf(X509Certificate2 certificate) =>
        certificate.Extensions.OfType<X509SubjectKeyIdentifierExtension>().FirstOrDefault() is { } own
        ? Convert.ToHexStringLower(own.SubjectKeyIdentifierBytes.Span)
        : Convert.ToHexStringLower(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo()));

    private static FaultException Invalid(string sentence) => new(FaultKind.Invalid, Reason.InvalidField, sentence);
}
