using Google.Protobuf.WellKnownTypes;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Issuance;

/// <summary>ca/claims, ca/certs and ca/keys. All are written once and never changed.</summary>
internal sealed class ClaimStore(ObjectStore store, RecordSeal seal, Ids ids)
{
    /// <summary>The one claim of a launched name.</summary>
    public const string Launched = "1";

    public Task<Claim?> Find(CertName name, string claim, CancellationToken cancel) => store.Get<Claim>(ObjectKeys.Claim(name, claim), cancel);

    public async Task<IReadOnlyList<Claim>> Of(CertName name, CancellationToken cancel)
    {
        var found = new List<Claim>();
        await foreach (var key in store.List(ObjectKeys.ClaimsOf(name), null, cancel))
        {
            if (await store.Get<Claim>(key, cancel) is { } claim)
                found.Add(claim);
        }
        return found;
    }

    /// <summary>This CA wrote it. Others may still be revoked, but nothing is signed or renewed from them.</summary>
    public bool IsOurs(Claim claim) => seal.Holds(claim);

    /// <summary>The linearization point: the claim that stands afterwards, this one or another's.</summary>
    public async Task<Claim> Put(Claim claim, CancellationToken cancel)
    {
        var name = CertName.Parse(claim.Certname);
        seal.Put(claim);
        return await store.PutIfAbsent(ObjectKeys.Claim(name, claim.Claim_), claim, cancel) == PutOutcome.Stored
            ? claim
            : (await Find(name, claim.Claim_, cancel))!;
    }

    /// <summary>Binds a key to the first name that claims it; false when it is another's.</summary>
    public async Task<bool> BindKey(string spki, CertName name, CancellationToken cancel)
    {
        var owner = new Struct
        {
            Fields =
            {
                ["schema"] = Value.ForNumber(1),
                ["writeId"] = Value.ForString(ids.Unguessable()),
                ["certname"] = Value.ForString(name.ToString()),
            },
        };
        var key = ObjectKeys.KeyOwner(spki);
        if (await store.PutIfAbsent(key, owner, cancel) == PutOutcome.Stored)
            return true;
        var standing = await store.Get<Struct>(key, cancel);
        return standing?.Fields["certname"].StringValue == name.ToString();
    }

    public Task<CertificateRecord?> Certificate(string serial, CancellationToken cancel) =>
        store.Get<CertificateRecord>(ObjectKeys.Certificate(serial), cancel);

    /// <summary>Stores the certificate and gives back what the store holds under its serial: nothing else may leave the house.</summary>
    public async Task<CertificateRecord> Put(CertificateRecord certificate, CancellationToken cancel)
    {
        var stored = await store.PutIfAbsent(ObjectKeys.Certificate(certificate.Serial), certificate, cancel) == PutOutcome.Stored;
        return stored ? certificate : (await Certificate(certificate.Serial, cancel))!;
    }
}
