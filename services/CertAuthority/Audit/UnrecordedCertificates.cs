using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.Storage;
using Overture.Platform.Certificates;
using Overture.Platform.Faults;
using Overture.Platform.PuppetHost;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;

namespace Overture.CertAuthority.Audit;

/// <summary>
/// Clients whose certificate this CA signed, without a record: reported at their first use, kept in ca/unclaimed so that they can be
/// explained and revoked, and refused unless this replica's puppetApi.refuseUnrecorded says otherwise. What could not be reported is
/// reported by
/// <see cref="RecordWaiting"/>.
/// </summary>
internal sealed class UnrecordedCertificates(
    RecordedCertificates recorded, UnclaimedCertificates unclaimed, DamagedObjects damaged, EnrollmentContextReader context, AuditLog audit,
    Timeline timeline,
    CertAuthorityOptions options, TimeProvider clock, ILogger<UnrecordedCertificates> log)
{
    // The replica that met it first records within a minute that it was reported; another replica waits longer.
    private static readonly TimeSpan OthersAge = TimeSpan.FromMinutes(3);
    private readonly ConcurrentDictionary<string, Reported> met = new(StringComparer.Ordinal);

    private enum Reported
    {
        /// <summary>Another replica has kept it, and reports it.</summary>
        Elsewhere,
        Here,
        /// <summary>Here, and it failed.</summary>
        NotYet,
    }

    /// <param name="certificate">Signed by this very CA, as the handshake has seen.</param>
    /// <param name="peer">Where it is used from.</param>
    /// <param name="cancel">Gives up.</param>
    /// <returns>True: nothing is answered to this client.</returns>
    /// <exception cref="FaultException">STORE_UNAVAILABLE.</exception>
    /// <exception cref="UnreadableObjectException">What lies there as its record is damaged, so nothing is decided.</exception>
    public async Task<bool> Refuses(X509Certificate2 certificate, IPAddress? peer, CancellationToken cancel)
    {
        // 1. Known, as all but a few are.
        if (await Lack(certificate, cancel) is not { } lack)
            return false;
        // 2. Kept, and reported by the replica that keeps it first.
        var serial = $"{SerialNumber.Of(certificate)}";
        if (!met.ContainsKey(serial) && await unclaimed.PutSeen(certificate, Caller.PeerOf(peer), cancel))
            await TryReport(certificate, lack, Caller.PeerOf(peer), cancel);
        met.TryAdd(serial, Reported.Elsewhere);
        // 3. In or out.
        return options.PuppetApi.RefuseUnrecorded;
    }

    /// <summary>
    /// Reports what was kept and not reported, because its process died or a store was away; and writes down of the others that they were.
    /// </summary>
    /// <exception cref="FaultException">STORE_UNAVAILABLE; the next call goes on.</exception>
    public async Task RecordWaiting(CancellationToken cancel)
    {
        foreach (var record in await unclaimed.Unrecorded(cancel))
        {
            var reported = met.GetValueOrDefault(record.Serial);
            if (reported == Reported.Elsewhere && clock.GetUtcNow() - record.SignedAt.ToDateTimeOffset() < OthersAge)
                continue;
            using var certificate = X509Certificate2.CreateFromPem(record.Pem);
            // Its record may be back since; that it was used without one is reported all the same.
            if (reported != Reported.Here && !await TryReport(certificate, RecordedCertificates.Unknown, record.SeenFrom, cancel))
                continue;
            // Reported means: in the audit log.
            if (await audit.Flushed(cancel))
                await unclaimed.PutTold(record.Serial, cancel);
        }
    }

    private async Task<string?> Lack(X509Certificate2 certificate, CancellationToken cancel)
    {
        try
        {
            return await recorded.Lack(certificate, cancel);
        }
        catch (UnreadableObjectException e)
        {
            var name = certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false);
            await damaged.TurnedAway(e, CertName.TryParse(name, out _, out _) ? name : "", cancel);
            throw;
        }
    }

    // The client's answer does not wait for it.
    private async Task<bool> TryReport(X509Certificate2 certificate, string lack, string peer, CancellationToken cancel)
    {
        var serial = $"{SerialNumber.Of(certificate)}";
        try
        {
            await RecordAlarm(certificate, serial, lack, peer, cancel);
            met[serial] = Reported.Here;
            return true;
        }
        catch (Exception e) when (FaultException.Of(e) is not null)
        {
            met[serial] = Reported.NotYet;
            Log.SweepFailed(log, $"the alarm about certificate {serial}", e.Message);
            return false;
        }
    }

    private async Task RecordAlarm(X509Certificate2 certificate, string serial, string lack, string peer, CancellationToken cancel)
    {
        var commonName = certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false);
        var known = CertName.TryParse(commonName, out var name, out _);
        var registered = known && (await context.Launch(name, cancel)).Registered;
        var refused = options.PuppetApi.RefuseUnrecorded ? "It is refused" : "It is let in, as puppetApi.refuseUnrecorded says";
        var decision = DecisionOutcome.Alarm.Because(Reason.CertificateUnrecorded, $"signed by this CA, and {lack}. {refused}");
        var outcome = options.PuppetApi.RefuseUnrecorded ? AuditOutcome.Deny : AuditOutcome.Allow;
        await audit.Write(AuditAction.Unrecorded with { Outcome = outcome }, known ? commonName : "", new Caller("agent", peer), serial,
            decision: decision, cancel: cancel);
        AlarmMetrics.Count(AlarmKind.Unrecorded);
        var shown = PrintableText.Of(commonName);
        if (lack == RecordedCertificates.Unknown)
            Log.Unrecorded(log, serial, shown, peer, refused);
        else
            Log.RecordReplaced(log, serial, shown, peer, lack, refused);
        if (registered)
        {
            timeline.Add(
                AuditLog.Service, name, $"unrecorded:{serial}", $"certificate {serial} is used from {peer}, and {lack}. {refused}",
                Reason.CertificateUnrecorded, ObjectKeys.UnclaimedCertificate(serial));
        }
    }
}
