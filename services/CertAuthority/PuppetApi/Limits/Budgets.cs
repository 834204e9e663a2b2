using System.Net;
using Overture.Platform.Connections;
using Overture.Platform.Records;

namespace Overture.CertAuthority.PuppetApi.Limits;

/// <summary>
/// What one name and one address may do. By the name in the URL, registered or not, so that 429 does not reveal which names exist.
/// </summary>
internal sealed class Budgets(PuppetLimitOptions limits, TimeProvider clock)
{
    /// <summary>Certificate requests.</summary>
    public Buckets<CertName> Csrs { get; } = new(new Rate(limits.CsrPerMinute, limits.CsrBurst), limits.Remembered, clock);

    /// <summary>Certificate requests with the right token that came when the name's budget was spent.</summary>
    public Buckets<CertName> Proven { get; } = new(new Rate(limits.ProvenPerMinute, limits.ProvenBurst), limits.Remembered, clock);

    /// <summary>
    /// Looks at the certificate; of each address by itself, since who only looks can prove nothing, and a stranger who looks must not make
    /// the agent wait.
    /// </summary>
    public Buckets<(CertName, AddressKey)> Polls { get; } =
        new(new Rate(limits.PollsPerMinute, limits.PollBurst), limits.Remembered, clock);

    /// <summary>Looks that found nothing, each a listing of the store.</summary>
    public Buckets<AddressKey> Unfound { get; } = new(new Rate(limits.UnfoundPerMinute, limits.UnfoundBurst), limits.Remembered, clock);

    /// <summary>Renewals of one name, each a claim and a certificate in the store.</summary>
    public Buckets<string> Renewals { get; } = new(new Rate(limits.RenewalsPerMinute, limits.RenewalBurst), limits.Remembered, clock);

    public Buckets<AddressKey> Failures { get; } = new(new Rate(limits.FailuresPerMinute, limits.FailureBurst), limits.Remembered, clock);
}
