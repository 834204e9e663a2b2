using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Issuance;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Revocation;

/// <summary>
/// The CRLs of the CAs above the one that signs: those of the CA directory, or newer ones that an administrator has put
/// (PUT certificate_revocation_list). Agents check the whole chain, so each must be there and must not expire.
/// </summary>
internal sealed class ParentCrls(ObjectStore store, CaSigner signer, AuditLog audit, Ids ids, TimeProvider clock)
{
    private IEnumerable<X509Certificate2> Parents => signer.Ca.Chain.Skip(1);

    /// <summary>PEM, one list for each parent, in the order of the chain.</summary>
    public async Task<string> Newest(CancellationToken cancel)
    {
        var text = "";
        foreach (var parent in Parents)
        {
            var initial = Initial(parent);
            var newest = await Stored(parent, cancel);
            text += newest is not null && (initial is null || newest.Value.Number > CrlDocument.Read(initial, parent).Number) ? newest.Value.Pem
                : initial is not null ? CrlPem.Write(initial) : "";
        }
        return text;
    }

    /// <summary>Takes what is newer than what there is.</summary>
    /// <param name="pem">Any number of lists, each of a CA above the one that signs.</param>
    /// <returns>How many were newer.</returns>
    /// <exception cref="FaultException">INVALID_FIELD: none, or one that is not a parent's; then nothing is taken.</exception>
    public async Task<int> Accept(string pem, Caller by, CancellationToken cancel)
    {
        var lists = Split(pem);
        var taken = 0;
        foreach (var (parent, der, read) in lists.Select(Recognised).ToList())
        {
            var record = new ParentCrl
            {
                Schema = 1,
                WriteId = ids.Unguessable(),
                KeyId = KeyIdOf(parent),
                Number = read.Number,
                Pem = CrlPem.Write(der),
                By = by.Actor,
                At = clock.GetUtcNow().ToTimestamp(),
            };
            if (Initial(parent) is { } initial && read.Number <= CrlDocument.Read(initial, parent).Number)
                continue;
            if (await store.PutIfAbsent(ObjectKeys.ParentCrl(record.KeyId, record.Number), record, cancel) != PutOutcome.Stored)
                continue;
            await audit.Write("crl.parent_updated", "allow", "", by, $"{record.KeyId}-crl-{record.Number}", cancel: cancel);
            taken++;
        }
        return taken;
    }

    private static IReadOnlyList<byte[]> Split(string pem)
    {
        try
        {
            return CrlPem.Split(pem) is { Count: > 0 } lists ? lists : throw Invalid("No valid CRLs submitted.");
        }
        catch (FormatException)
        {
            throw Invalid("No valid CRLs submitted.");
        }
    }

    private (X509Certificate2 Parent, byte[] Der, CrlDocument Read) Recognised(byte[] der)
    {
        try
        {
            foreach (var parent in Parents.Where(p => SignatureScheme.IsSignedBy(der, p)))
            {
                var read = CrlDocument.Read(der, parent);
                return read.NextUpdate > clock.GetUtcNow() ? (parent, der, read) : throw Invalid($"the CRL of {parent.Subject} has expired");
            }
        }
        catch (Exception e) when (e is CryptographicException or AsnContentException)
        {
            throw Invalid("one of the lists is no X.509 CRL with a number");
        }
        throw Invalid("one of the lists is not signed by a CA above the one that signs here; its own list is made here alone");
    }

    // What lies in the bucket is believed by its signature alone, and so is its number.
    private async Task<(string Pem, long Number)?> Stored(X509Certificate2 parent, CancellationToken cancel)
    {
        (string Pem, long Number)? newest = null;
        await foreach (var key in store.List(ObjectKeys.ParentCrlsOf(KeyIdOf(parent)), null, cancel))
        {
            if (await Read(key, parent, cancel) is { } found && (newest is null || found.Number > newest.Value.Number))
                newest = found;
        }
        return newest;
    }

    private async Task<(string Pem, long Number)?> Read(string key, X509Certificate2 parent, CancellationToken cancel)
    {
        try
        {
            return await store.Get<ParentCrl>(key, cancel) is { } found && CrlPem.Split(found.Pem) is [var der] ? (CrlPem.Write(der), CrlDocument.Read(der, parent).Number) : null;
        }
        catch (Exception e) when (e is InvalidDataException or CryptographicException or FormatException or ArgumentException)
        {
            return null;
        }
    }

    private byte[]? Initial(X509Certificate2 parent) => CrlPem.Split(signer.Ca.ParentCrls).FirstOrDefault(der => SignatureScheme.IsSignedBy(der, parent));

    private static string KeyIdOf(X509Certificate2 certificate) => certificate.Extensions.OfType<X509SubjectKeyIdentifierExtension>().FirstOrDefault() is { } own
        ? Convert.ToHexStringLower(own.SubjectKeyIdentifierBytes.Span)
        : Convert.ToHexStringLower(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo()));

    private static FaultException Invalid(string sentence) => new(FaultKind.Invalid, Reason.InvalidField, sentence);
}
