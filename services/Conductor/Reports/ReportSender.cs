using System.Security.Cryptography.X509Certificates;
using Overture.Conductor.Launch;
using Overture.Conductor.State;
using Overture.Platform.Objects;
using Overture.Platform.Records;

namespace Overture.Conductor.Reports;

/// <summary>
/// Who may post reports: a certname whose signed launch record says role: puppetserver, as long as nothing blocks it. The handshake proved the
/// certificate; a node's own does not do.
/// </summary>
internal sealed class ReportSender(ObjectStore store, LaunchLedger ledger, FactLog facts)
{
    private const string Puppetserver = "puppetserver";

    /// <returns>Null: welcome. Else why not, for our log alone.</returns>
    public async Task<string?> Refusal(X509Certificate2? certificate, CancellationToken cancel)
    {
        if (certificate is null)
            return "no certificate";
        if (!CertName.TryParse(certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false), out var name, out var rule))
            return $"its name {rule}";
        try
        {
            if (await ledger.Standing(name, cancel) is not { } record)
                return $"{name} is not registered";
            if (record.Role != Puppetserver)
                return $"{name} is no puppetserver";
        }
        catch (InvalidDataException e)
        {
            return e.Message;
        }
        if (await store.Any(ObjectKeys.BlocksOf(name), cancel) || await store.Get(ObjectKeys.Revocation(SerialOf(certificate)), cancel) is not null)
            return $"{name} is blocked or revoked";
        return await facts.Find(name, FactLog.Terminating, cancel) is null ? null : $"{name} is terminated";
    }

    // As CertAuthority writes it: lower-case hex of the magnitude, whole bytes.
    private static string SerialOf(X509Certificate2 certificate)
    {
        var serial = certificate.SerialNumber.ToLowerInvariant();
        while (serial.Length > 2 && serial.StartsWith("00", StringComparison.Ordinal))
            serial = serial[2..];
        return serial;
    }
}
