using System.Net;
using Overture.CertAuthority.Csr;
using Overture.CertAuthority.Policy;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Storage;

/// <summary>
/// Gathers what a decision rests on: always from the object store, never from Redis, which anyone who can write to it could falsify.
/// </summary>
internal sealed class EnrollmentContextReader(
    ObjectStore store, LaunchVerifier launches, ClaimStore claims, BlockStore blocks, KeyBlocks keyBlocks, RevocationStore revocations,
    SpentNames spent, TimeProvider clock,
    ILogger<EnrollmentContextReader> log)
{
    public async Task<EnrollmentContext> Read(CertName name, CsrFacts request, IPAddress? peer, CancellationToken cancel)
    {
        var (registered, launch) = await Launch(name, cancel);
        // Asked before the store is: one that is written in between is not lost.
        var wasSpent = registered && spent.Holds(name);
        var claim = registered ? await claims.Find(name, ClaimStore.Launched, cancel) : await Standing(name, cancel);
        if (wasSpent && claim is null)
            Log.ClaimLost(log, name);
        var evidence = new EnrollmentContext
        {
            Name = name,
            Request = request,
            Peer = peer,
            Registered = registered,
            Launch = launch,
            Claim = claim,
            ForeignClaim = claim is not null && !claims.IsOurs(claim),
            ClaimLost = wasSpent && claim is null,
            Status = new NameStatus(registered && await Ending(name, cancel), await blocks.Of(name, cancel)),
            KeyBlocked = await keyBlocks.Holds(request.Key.Hash, cancel),
            Now = clock.GetUtcNow(),
        };
        if (!registered)
            return evidence with { Denial = await store.Get<Denial>(ObjectKeys.Denial(name, $"{request.Key.Hash}"), cancel) };
        return evidence with
        {
            Converged = await store.Get(ObjectKeys.Fact(name, InstanceEvents.Converged), cancel) is not null,
            Observed = await Observation(name, cancel),
        };
    }

    public async Task<bool> IsDenied(CertName name, SpkiHash key, CancellationToken cancel) =>
        await store.Get(ObjectKeys.Denial(name, $"{key}"), cancel) is not null;

    /// <summary>Whether the name is registered, and its launch record if that can be believed.</summary>
    public async Task<(bool Registered, LaunchRecord? Launch)> Launch(CertName name, CancellationToken cancel)
    {
        try
        {
            var signed = await store.Get<SignedLaunch>(ObjectKeys.Launch(name), cancel);
            return (signed is not null, signed is null ? null : launches.Verify(signed, name));
        }
        catch (Exception e) when (e is InvalidDataException or UnreadableObjectException)
        {
            // An object that does not even parse is a record without a trusted signature.
            return (true, null);
        }
    }

    /// <summary>What bars the name now.</summary>
    public async Task<NameStatus> Status(CertName name, CancellationToken cancel) =>
        new(await Ending(name, cancel), await blocks.Of(name, cancel));

    private async Task<bool> Ending(CertName name, CancellationToken cancel) =>
        await store.Get(ObjectKeys.Fact(name, InstanceEvents.Terminating), cancel) is not null
            || await store.Get(ObjectKeys.Fact(name, InstanceEvents.Terminated), cancel) is not null;

    /// <summary>The Conductor's last look at the instance, if a trusted key signed it.</summary>
    public async Task<Observation?> Observation(CertName name, CancellationToken cancel)
    {
        try
        {
            return await store.Get<SignedObservation>(ObjectKeys.Observation(name), cancel) is { } signed
                ? launches.Verify(signed, name)
                : null;
        }
        catch (Exception e) when (e is InvalidDataException or UnreadableObjectException)
        {
            // as if there were none: it is made again when it is needed
            return null;
        }
    }

    // Of a name that was not registered: certified by hand, or moved in.
    private async Task<Claim?> Standing(CertName name, CancellationToken cancel)
    {
        Claim? newest = null;
        foreach (var claim in await claims.Of(name, cancel))
        {
            // Claims that ended, and those of another writer, bind no key.
            if (!claims.IsOurs(claim) || claim.NotAfter?.ToDateTimeOffset() <= clock.GetUtcNow()
                || (claim.Serial.Length > 0 && await revocations.Contains(SerialNumber.Recorded(claim.Serial), cancel)))
            {
                continue;
            }
            if (newest is null || claim.ClaimedAt.ToDateTimeOffset() > newest.ClaimedAt.ToDateTimeOffset())
                newest = claim;
        }
        return newest;
    }
}
