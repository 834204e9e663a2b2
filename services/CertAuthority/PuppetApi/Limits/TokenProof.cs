using System.Security.Cryptography;
using System.Text;
using Overture.CertAuthority.Storage;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.CertAuthority.PuppetApi.Limits;

/// <summary>
/// Whether a request of a name over its budget brings that name's token, at the price of one look into memory: guessing from anywhere must
/// never shut out the one that knows (threats T17). It decides nothing else; the request is then judged like any other.
/// </summary>
internal sealed class TokenProof(EnrollmentContextReader context, PuppetLimitOptions limits, TimeProvider clock)
{
    // A launch record never changes; only one that was not there yet may appear.
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(2);
    private readonly Lock gate = new();
    private readonly BoundedMap<CertName, Look> looks = new(limits.Remembered);

    /// <exception cref="Platform.Faults.FaultException">The store does not answer.</exception>
    public async Task<bool> Holds(CertName name, ReadOnlyMemory<byte> body)
    {
        if (ChallengeReader.Sha256(body.Span) is not { } brought)
            return false;
        var expected = await Expected(name);
        return expected is not null
            && CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(brought), Encoding.ASCII.GetBytes(expected));
    }

    // One read of the store for all who ask within two seconds, also when it fails.
    private Task<string?> Expected(CertName name)
    {
        Look look;
        lock (gate)
        {
            ref var place = ref looks.Of(name);
            if (place is null || clock.GetElapsedTime(place.At) > Fresh)
                place = new Look(clock.GetTimestamp(), new Lazy<Task<string?>>(() => Read(name)));
            look = place;
        }
        return look.Hash.Value;
    }

    // "No token needed" is no proof of anything: such a name waits like any other.
    private async Task<string?> Read(CertName name) =>
        (await context.Launch(name, CancellationToken.None)).Launch?.TokenSha256 is { Length: > 0 } hash ? hash : null;

    private sealed record Look(long At, Lazy<Task<string?>> Hash);
}
