using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.Signing;
using Overture.CertAuthority.Storage;
using Overture.Platform.Certificates;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;

namespace Overture.CertAuthority.Revocation;

/// <summary>What revoking one serial came to.</summary>
/// <param name="Certname">Whose it was; empty: no record says.</param>
/// <param name="Serials">It, and what was renewed from it.</param>
internal sealed record RevokedSerial(string Certname, IReadOnlyList<string> Serials, CrlRecord Crl);

/// <summary>
/// Ends one certificate, whether a record knows it or not, with what was renewed from it: the key is the same. The name stays as it is.
/// </summary>
internal sealed class RevokeSerial(
    ClaimStore claims, UnclaimedCertificates unclaimed, RevocationStore revocations, KeyBlocks keyBlocks, EnrollmentContextReader context,
    CrlPublisher crls,
    CurrentIdentity identity, CaSigner signer, AuditLog audit, Timeline timeline)
{
    /// <param name="readings">What the person wrote may mean; at least one.</param>
    /// <param name="cause">Why; kept. Its block is of no concern here.</param>
    /// <param name="by">Who asks.</param>
    /// <param name="cancel">Nothing is lost: the same again goes on.</param>
    /// <exception cref="FaultException">INVALID_FIELD: it may be two numbers, or is the CA's own.</exception>
    public async Task<RevokedSerial> Run(IReadOnlyList<SerialNumber> readings, RevocationCause cause, Caller by, CancellationToken cancel)
    {
        // 1. Which number it is, and whose.
        var subject = await Subject(readings, cancel);
        // 2. Not one without which no agent can connect.
        Spare(subject);
        // 3. Revoke it, then ask for what was renewed from it: renewal claims first and reads the revocations after.
        var serials = new List<string>();
        for (var next = subject; next is not null; next = await Successor(next, cancel))
            serials.Add(await Revoke(next, cause, by, cancel));
        // 4. Publish.
        var crl = await crls.Publish(cancel);
        // 5. Record it.
        if (CertName.TryParse(subject.Certname, out var name, out _) && (await context.Launch(name, cancel)).Registered)
        {
            timeline.Add(AuditLog.Service, name, $"revoked:{subject.Serial}",
                $"certificate {subject.Serial} revoked: {cause.Sentence}; by {by.Actor}; on CRL {crl.Number}",
                proof: ObjectKeys.Crl(crl.Number));
        }
        return new RevokedSerial(subject.Certname, serials, crl);
    }

    private async Task<Claim> Subject(IReadOnlyList<SerialNumber> readings, CancellationToken cancel)
    {
        var known = new List<Claim>();
        foreach (var serial in readings)
        {
            if (await Known(serial, cancel) is { } claim)
                known.Add(claim);
        }
        if (known.Count == 1)
            return known[0];
        return readings is [var only]
            ? new Claim { Serial = $"{only}", NotAfter = new DateTimeOffset(signer.Ca.Issuer.NotAfter).ToTimestamp() }
            : throw FaultException.Invalid(
                "serial",
                $"may be hexadecimal or decimal, and {(known.Count > 1 ? "both are" : "neither is")} a certificate known here: write "
                    + $"0x{readings[0]} or 0x{readings[1]}");
    }

    private async Task<Claim?> Known(SerialNumber serial, CancellationToken cancel)
    {
        if ((await Released(serial, cancel) ?? await unclaimed.Find($"{serial}", cancel)) is { } record)
        {
            return new Claim { Serial = record.Serial, Certname = record.Certname, SpkiSha256 = record.SpkiSha256,
                NotAfter = record.NotAfter };
        }
        // Of the imported inventory alone.
        return await claims.FindImported(serial, cancel);
    }

    // One that is damaged is a serial like any other.
    private async Task<CertificateRecord?> Released(SerialNumber serial, CancellationToken cancel)
    {
        try
        {
            return await claims.Certificate($"{serial}", cancel);
        }
        catch (Exception e) when (e is InvalidDataException or UnreadableObjectException)
        {
            return null;
        }
    }

    private void Spare(Claim subject)
    {
        var ca = signer.Ca.Issuer;
        var serial = SerialNumber.Recorded(subject.Serial);
        var itself = SerialNumber.Of(ca) == serial && ca.IssuerName.RawData.AsSpan().SequenceEqual(ca.SubjectName.RawData);
        if (itself || serial == identity.Value?.Serial
            || (CertName.TryParse(subject.Certname, out var name, out _) && RequestNames.IsOwn(name)))
        {
            throw FaultException.Invalid(
                "serial", "is the CA's own: without it no agent can connect; to replace it, give the replica another name");
        }
    }

    private async Task<Claim?> Successor(Claim of, CancellationToken cancel) =>
        CertName.TryParse(of.Certname, out var name, out _) ? await claims.Find(name, ClaimStore.Renewal(of.Serial), cancel) : null;

    private async Task<string> Revoke(Claim subject, RevocationCause cause, Caller by, CancellationToken cancel)
    {
        if (cause.Reason == RevocationReason.KeyCompromise && subject.SpkiSha256.Length > 0)
            await keyBlocks.Add(subject, cancel);
        if (await revocations.Put(subject, cause.Reason, cause.Sentence, by.Actor, cancel) is { } fact)
        {
            var record = AuditAction.Revoked.Record(
                subject.Certname, by, subject.Serial, subject.SpkiSha256, DecisionOutcome.Revoke.Because(Reason.None, cause.Sentence));
            await audit.Write(record.Wrote(ObjectKeys.Revocation(subject.Serial), fact), cancel);
        }
        return subject.Serial;
    }
}
