using Google.Protobuf;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.Signing;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Storage;

/// <summary>ca/claims, ca/certs and ca/keys. All are written once and never changed.</summary>
internal sealed class ClaimStore(ObjectStore store, RecordMac seal, SpentNames spent, CaSigner signer, Ids ids)
{
    private readonly GenuineCertificates genuine = new(signer.Ca.Issuer);

    /// <summary>The one claim of a launched name.</summary>
    public const string Launched = "1";

    private const string RenewalPrefix = "renew-";

    /// <summary>The claim of what is renewed from this serial.</summary>
    public static string Renewal(string serial) => $"{RenewalPrefix}{serial}";

    /// <summary>The serial that this claim renews; null: none.</summary>
    public static SerialNumber? Renewed(string claim) =>
        claim.StartsWith(RenewalPrefix, StringComparison.Ordinal) && claim[RenewalPrefix.Length..] is var serial
            && SerialNumber.IsRecorded(serial) ? SerialNumber.Recorded(serial) : null;

    public static bool IsAdmin(string claim) => claim.StartsWith(ObjectKeys.AdminClaim, StringComparison.Ordinal);

    /// <summary>Whether a certificate with pp_cli_auth was ever claimed for the name: then it is no node's.</summary>
    public async Task<bool> HasAdmin(CertName name, CancellationToken cancel)
    {
        await foreach (var key in store.List(ObjectKeys.ClaimsOf(name), null, cancel))
        {
            if (IsAdmin(key[(key.LastIndexOf('/') + 1)..]))
                return true;
        }
        return false;
    }

    /// <exception cref="UnreadableObjectException">It is damaged.</exception>
    public Task<Claim?> Find(CertName name, string claim, CancellationToken cancel) => Read(ObjectKeys.Claim(name, claim), cancel);

    /// <summary>
    /// The claim of a certificate that was moved in, by its serial alone: looks through all names, so for administrators only.
    /// </summary>
    /// <exception cref="UnreadableObjectException">It is damaged.</exception>
    public async Task<Claim?> FindImported(SerialNumber serial, CancellationToken cancel)
    {
        await foreach (var key in store.List(ObjectKeys.Claims, null, cancel))
        {
            if (key.EndsWith($"/import-{serial}", StringComparison.Ordinal))
                return await Read(key, cancel);
        }
        return null;
    }

    /// <exception cref="UnreadableObjectException">One of them is damaged.</exception>
    public async Task<IReadOnlyList<Claim>> Of(CertName name, CancellationToken cancel) =>
        await Readable(name, cancel) is var (claims, damaged) && damaged is null ? claims : throw damaged;

    /// <summary>The claims of a name that can be read, and the first that can't.</summary>
    public async Task<(IReadOnlyList<Claim> Claims, UnreadableObjectException? Damaged)> Readable(CertName name, CancellationToken cancel)
    {
        var (found, damaged) = (new List<Claim>(), (UnreadableObjectException?)null);
        await foreach (var key in store.List(ObjectKeys.ClaimsOf(name), null, cancel))
        {
            try
            {
                if (await Read(key, cancel) is { } claim)
                    found.Add(claim);
            }
            catch (UnreadableObjectException e)
            {
                damaged ??= e;
            }
        }
        return (found, damaged);
    }

    /// <summary>This CA wrote it. Others may still be revoked, but nothing is signed or renewed from them.</summary>
    public bool IsOurs(Claim claim) => seal.Holds(claim);

    /// <summary>The linearization point: the claim in force afterwards, this one or another's.</summary>
    public async Task<Claim> Put(Claim claim, CancellationToken cancel)
    {
        if (await WhereSpent(claim, cancel) is { } first)
            return first;
        seal.Put(claim);
        return await Standing(
            claim, await store.PutIfAbsent(KeyOf(claim), claim, cancel) == PutOutcome.Stored, cancel);
    }

    /// <summary>
    /// The same in one durable commit with what goes before it and comes after it: the key is bound to the name, then the claim is put,
    /// then its certificate.
    /// </summary>
    /// <param name="key">The claim's.</param>
    /// <param name="claim">As made.</param>
    /// <param name="signed">From the claim, looked at and not handed out; null: another CA signs.</param>
    /// <param name="cancel">Gives up.</param>
    /// <returns>The claim in force, and the certificate where it is the one given and is stored; null: the key is another name's.</returns>
    public async Task<(Claim Claim, CertificateRecord? Stored)?> Put(
        SpkiHash key, Claim claim, CertificateRecord? signed, CancellationToken cancel)
    {
        if (await WhereSpent(claim, cancel) is { } first)
            return (first, null);
        seal.Put(claim);
        List<(string, IMessage)> all = [(ObjectKeys.KeyOwner($"{key}"), Owner(claim.Certname)), (KeyOf(claim), claim)];
        if (signed is not null)
            all.Add((ObjectKeys.Certificate(signed.Serial), signed));
        int stored;
        try
        {
            stored = await store.PutRecordsInOrder(all, cancel);
            if (stored == 0)
            {
                if ((await OwnerOf($"{key}", cancel))?.Certname != claim.Certname)
                    return null;
                stored = 1 + await store.PutRecordsInOrder(all[1..], cancel);
            }
        }
        catch (FaultException)
        {
            // The claim may be there: then its name is spent, whatever becomes of it.
            if (await store.Get<Claim>(KeyOf(claim), CancellationToken.None) is { } there)
                Remember(there);
            throw;
        }
        var standing = await Standing(claim, stored > 1, cancel);
        if (stored < 3)
            return (standing, null);
        genuine.Remember(signed!);
        return (standing, signed);
    }

    /// <summary>
    /// Makes a claim and its certificate that were found in the store durable, binds the key to the name, and records the name as spent:
    /// their writer may have put them a moment ago, and failed before it had done so.
    /// </summary>
    /// <returns>False: the key of a launched name is another name's, so nothing may be released.</returns>
    /// <exception cref="FaultException">STORE_UNAVAILABLE: they may not be.</exception>
    public async Task<bool> Settle(Claim claim, CancellationToken cancel)
    {
        Remember(claim);
        if (claim.Grant.Kind() == GrantKind.Launch
            && !await BindKey(SpkiHash.Recorded(claim.SpkiSha256), CertName.Parse(claim.Certname), cancel))
        {
            return false;
        }
        await store.MakeDurable([KeyOf(claim), ObjectKeys.Certificate(claim.Serial)], cancel);
        return true;
    }

    private static string KeyOf(Claim claim) => ObjectKeys.Claim(CertName.Parse(claim.Certname), claim.Claim_);

    // Written before, here: then that one counts or none, even where it was deleted a moment ago.
    private async Task<Claim?> WhereSpent(Claim claim, CancellationToken cancel)
    {
        var name = CertName.Parse(claim.Certname);
        if (claim.Claim_ != Launched || claim.Grant.Kind() != GrantKind.Launch || !spent.Holds(name))
            return null;
        return await Find(name, Launched, cancel) ?? throw new FaultException(
            FaultKind.Denied, Reason.TokenSpent, "the token was spent, and its claim is gone from the store; launch again");
    }

    private async Task<Claim> Standing(Claim claim, bool isOurs, CancellationToken cancel)
    {
        var standing = isOurs ? claim : (await Read(KeyOf(claim), cancel))!;
        Remember(standing);
        return standing;
    }

    /// <summary>The claim is in the store: its name is spent, also once it is there no more.</summary>
    /// <exception cref="FaultException">STORE_UNAVAILABLE: that can't be written down.</exception>
    public void Remember(Claim claim)
    {
        // A claim of another writer spends nothing.
        if (IsOurs(claim))
            spent.Add(claim);
    }

    /// <summary>Binds a key to the first name that claims it; false when it is another's.</summary>
    public async Task<bool> BindKey(SpkiHash key, CertName name, CancellationToken cancel)
    {
        var owner = Owner(name.ToString());
        return await store.PutIfAbsent(ObjectKeys.KeyOwner($"{key}"), owner, cancel) == PutOutcome.Stored
            || await OwnerOf($"{key}", cancel) is { } first && first.Certname == owner.Certname;
    }

    private KeyOwner Owner(string certname) => new() { Schema = 1, WriteId = ids.Unguessable(), Certname = certname };

    /// <summary>The name that a key is bound to; null: none.</summary>
    public Task<KeyOwner?> OwnerOf(string spki, CancellationToken cancel) => store.Get<KeyOwner>(ObjectKeys.KeyOwner(spki), cancel);

    /// <summary>The certificate under this serial. What is handed out comes by here, and is verified as a third party would.</summary>
    /// <exception cref="UnreadableObjectException">It is damaged, or not ours: not signed by this CA, of another serial or another
    /// name.</exception>
    public async Task<CertificateRecord?> Certificate(string serial, CancellationToken cancel)
    {
        var key = ObjectKeys.Certificate(serial);
        if (await store.Get<CertificateRecord>(key, cancel) is not { } found)
            return null;
        Whole(key, found,
            found.Pem.Length == 0
                ? "pem"
                : found.SignedAt is null
                ? "signedAt"
                : found.NotAfter is null
                ? "notAfter"
                : CertName.TryParse(found.Certname, out _, out _)
                ? null
                : "certname");
        return genuine.Problem(found, serial) is { } problem ? throw store.Unreadable(new UnreadableObjectException(key, problem)) : found;
    }

    /// <summary>The claim under this key; null: none.</summary>
    /// <exception cref="UnreadableObjectException">It is damaged.</exception>
    public async Task<Claim?> Read(string key, CancellationToken cancel)
    {
        var found = await store.Get<Claim>(key, cancel);
        return found is null ? null : Whole(key, found,
            found.ClaimedAt is null
                ? "claimedAt"
                : found.Grant is null
                ? "grant"
                : found.NotAfter is null && found.Serial.Length > 0
                ? "notAfter"
                : found.Serial.Length > 0 && !SerialNumber.IsRecorded(found.Serial)
                ? "serial"
            : CertName.TryParse(found.Certname, out _, out _) ? null : "certname");
    }

    // Truncated to "{}" it still parses; and no decision can be made from what has no dates.
    private T Whole<T>(string key, T record, string? lacks) =>
        lacks is null ? record : throw store.Unreadable(new UnreadableObjectException(key, RecordRules.Lacks(lacks)));

    /// <summary>Stores the certificate and gives back what the store holds under its serial: nothing else may be released.</summary>
    /// <exception cref="InvalidDataException">As above.</exception>
    public async Task<CertificateRecord> Put(CertificateRecord certificate, CancellationToken cancel)
    {
        var stored = await store.PutIfAbsent(ObjectKeys.Certificate(certificate.Serial), certificate, cancel) == PutOutcome.Stored;
        return stored ? certificate : (await Certificate(certificate.Serial, cancel))!;
    }
}
