using System.Net;
using Overture.CertAuthority.Csr;
using Overture.CertAuthority.Issuance;
using Overture.CertAuthority.Revocation;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Policy;

/// <summary>Gathers what a decision rests on: always from the object store, never from Redis, which anybody who can write it could bend.</summary>
internal sealed class EvidenceReader(
    ObjectStore store, LaunchVerifier launches, ClaimStore claims, BlockStore blocks, KeyBlocks keyBlocks, RevocationStore revocations, TimeProvider clock)
{
    public async Task<Evidence> Read(CertName name, CsrFacts request, IPAddress? peer, CancellationToken cancel)
    {
        var (registered, launch) = await Launch(name, cancel);
        var claim = registered ? await claims.Find(name, ClaimStore.Launched, cancel) : await Standing(name, cancel);
        var evidence = new Evidence
        {
            Name = name,
            Request = request,
            Peer = peer,
            Registered = registered,
            Launch = launch,
            Claim = claim,
            ForeignClaim = claim is not null && !claims.IsOurs(claim),
            Blocks = await blocks.Of(name, cancel),
            KeyBlocked = await keyBlocks.Holds(request.Key.SpkiSha256, cancel),
            Now = clock.GetUtcNow(),
        };
        if (!registered)
            return evidence with { Denial = await store.Get<Denial>(ObjectKeys.Denial(name, request.Key.SpkiSha256), cancel) };
        return evidence with
        {
            Ending = await Ending(name, cancel),
            Converged = await store.Get(ObjectKeys.Fact(name, "converged"), cancel) is not null,
            Observed = await Observation(name, cancel),
        };
    }

    public async Task<bool> IsDenied(CertName name, string spki, CancellationToken cancel) => await store.Get(ObjectKeys.Denial(name, spki), cancel) is not null;

    /// <summary>Whether the name is registered, and its launch record if that can be believed.</summary>
    public async Task<(bool Registered, LaunchRecord? Launch)> Launch(CertName name, CancellationToken cancel)
    {
        try
        {
            var signed = await store.Get<SignedLaunch>(ObjectKeys.Launch(name), cancel);
            return (signed is not null, signed is null ? null : launches.Verify(signed, name));
        }
        catch (InvalidDataException)
        {
            // An object that does not even parse is a record nobody trusted has signed.
            return (true, null);
        }
    }

    /// <summary>The Conductor's word that the instance goes or is gone.</summary>
    public async Task<bool> Ending(CertName name, CancellationToken cancel) =>
        await store.Get(ObjectKeys.Fact(name, "terminating"), cancel) is not null || await store.Get(ObjectKeys.Fact(name, "terminated"), cancel) is not null;

    /// <summary>The Conductor's last look at the instance, if a trusted key signed it.</summary>
    public async Task<Observation?> Observation(CertName name, CancellationToken cancel)
    {
        try
        {
            return await store.Get<SignedObservation>(ObjectKeys.Observation(name), cancel) is { } signed ? launches.Verify(signed, name) : null;
        }
        catch (InvalidDataException)
        {
            // as if there were none: it is made anew when it is needed
            return null;
        }
    }

    // Of a name that nobody registered: certified by hand, or moved in.
    private async Task<Claim?> Standing(CertName name, CancellationToken cancel)
    {
        Claim? newest = null;
        foreach (var claim in await claims.Of(name, cancel))
        {
            // What is over, and what somebody else has put there, binds nobody.
            if (!claims.IsOurs(claim) || claim.NotAfter?.ToDateTimeOffset() <= clock.GetUtcNow() || (claim.Serial.Length > 0 && await revocations.Contains(claim.Serial, cancel)))
                continue;
            if (newest is null || claim.ClaimedAt.ToDateTimeOffset() > newest.ClaimedAt.ToDateTimeOffset())
                newest = claim;
        }
        return newest;
    }
}
