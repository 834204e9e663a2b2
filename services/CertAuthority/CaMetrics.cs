using System.Diagnostics.Metrics;
using Overture.CertAuthority.Enrollment;
using Overture.CertAuthority.Revocation;
using Overture.CertAuthority.Signing;
using Overture.Platform.Telemetry;

namespace Overture.CertAuthority;

/// <summary>The CA when metrics are collected: when its certificate and its list end, and what waits for a person.</summary>
internal sealed class CaMetrics : IDisposable
{
    private readonly Meter meter = new(FlowTelemetry.SourceName);

    public CaMetrics(CaSigner signer, CrlPublisher crls, HeldRequests held, TimeProvider clock)
    {
        meter.CreateObservableGauge(FlowTelemetry.Expiry, () => Ends(signer, crls), "s", "when it ends, in seconds since 1970");
        meter.CreateObservableGauge<double>(FlowTelemetry.CrlAge, () => crls.Current is { } list
            ? [new(Math.Max(0, (clock.GetUtcNow() - CrlDocument.MadeAt(list)).TotalSeconds))] : [], "s", "how long ago the CRL was made");
        meter.CreateObservableGauge<int>(FlowTelemetry.HeldRequests, () => held.LastSeen is { } seen ? [new(seen.Count)] : [],
            "{request}", "certificate requests that wait for a person");
        meter.CreateObservableGauge<double>(FlowTelemetry.HeldAge, () => held.LastSeen is { } seen
            ? [new(seen.Oldest is { } oldest ? Math.Max(0, (clock.GetUtcNow() - oldest).TotalSeconds) : 0)] : [],
            "s", "how long the oldest of them has waited");
    }

    public void Dispose() => meter.Dispose();

    private static IEnumerable<Measurement<long>> Ends(CaSigner signer, CrlPublisher crls)
    {
        yield return End("ca", new DateTimeOffset(signer.Ca.Issuer.NotAfter));
        if (crls.Current is { } list)
            yield return End("crl", list.NextUpdate.ToDateTimeOffset());
    }

    private static Measurement<long> End(string kind, DateTimeOffset at) =>
        new(at.ToUnixTimeSeconds(), new KeyValuePair<string, object?>("kind", kind));
}
