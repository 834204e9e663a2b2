using Overture.CertAuthority.Csr;
using Overture.CertAuthority.Issuance;
using Overture.CertAuthority.Revocation;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Policy;

/// <summary>Gathers what a decision rests on: always from the object store, never from Redis, which anybody who can write it could bend.</summary>
internal sealed class EvidenceReader(ObjectStore store, LaunchVerifier launches, ClaimStore claims, BlockStore blocks, TimeProvider clock)
{
    public async Task<Evidence> Read(CertName name, CsrFacts request, CancellationToken cancel)
    {
        var (registered, launch) = await Launch(name, cancel);
        var evidence = new Evidence { Name = name, Request = request, Registered = registered, Launch = launch, Now = clock.GetUtcNow() };
        if (!registered)
            return evidence;
        return evidence with
        {
            Claim = await claims.Find(name, ClaimStore.Launched, cancel),
            Blocks = await blocks.Of(name, cancel),
            Ending = await Ending(name, cancel),
            Converged = await store.Get(ObjectKeys.Fact(name, "converged"), cancel) is not null,
        };
    }

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
}
