using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;

namespace Overture.Conductor.Instances;

/// <summary>Reads the records of one instance. Immutable ones that its row has are not read again.</summary>
internal sealed class InstanceRecordsReader(ObjectStore store, FirstBootStore firstBoots, Timeline timeline, InstanceRows rows)
{
    private const string FirstClaim = "1", ServedKind = "served";

    /// <param name="name">Whose.</param>
    /// <param name="cancel">Gives up.</param>
    /// <param name="young">It is being launched, under a name not yet known elsewhere: only the Conductor's own facts exist.</param>
    /// <returns>Null: no such instance.</returns>
    /// <exception cref="UnreadableObjectException">A record is damaged.</exception>
    public async Task<InstanceRecords?> Read(CertName name, CancellationToken cancel, bool young = false)
    {
        var known = rows.Find(name)?.Records();
        var launch = known?.Launch ?? await LaunchOf(name, cancel);
        if (launch is null)
            return null;
        if (young)
        {
            return (known ?? new InstanceRecords { Name = name, Launch = launch })
                with { Facts = await FactsOf(name, known?.Facts ?? [], cancel), Said = known?.Said ?? [] };
        }

        var claim = known?.Claim ?? await ClaimOf(name, cancel);
        var certificate = known?.Certificate ?? (claim is null ? null : await CertificateOf(name, claim, cancel));
        var facts = await FactsOf(name, known?.Facts ?? [], cancel);
        var over = facts.Any(f => f.Event is InstanceEvents.Terminating or InstanceEvents.Terminated);
        // Later each report says it; other Conductors hear of it.
        var speaks = launch.ReportTokenSha256.Length > 0 && !over && !facts.Any(f => f.Event == InstanceEvents.Converged);
        var spoken = speaks && known?.Said is null ? await firstBoots.Find(name, cancel) : null;
        var current = certificate is null || over ? known?.Current : await Current(name, claim!, certificate, known?.Current, cancel);
        return (known ?? new InstanceRecords { Name = name, Launch = launch }) with
        {
            Facts = facts,
            Current = current,
            Contested = claim is null || over ? null : known?.Contested ?? await Contested(name, cancel),
            Revoked = current is null || over ? null : await Revoked(name, claim!, current, cancel),
            Unrevoked = facts.Any(f => f.Event == InstanceEvents.Terminated && f.Reason == Reason.RevocationPending.Code())
                && await store.Get(ObjectKeys.Closed(name), cancel) is null,
            Claim = claim,
            Certificate = certificate,
            FirstServed = known?.FirstServed ?? await FirstServed(name, cancel),
            Held = claim is null ? await Held(name, cancel) : null,
            Refusals = claim is null ? await Refusals(name) ?? known?.Refusals ?? [] : [],
            Said = !speaks ? null : known?.Said ?? [.. spoken?.Said ?? []],
            Clock = known?.Clock ?? ClockReading.Of(spoken),
        };
    }

    // For display: a writer of the bucket can change what users see, but nothing that is signed (CertAuthority verifies).
    private async Task<LaunchRecord?> LaunchOf(CertName name, CancellationToken cancel)
    {
        if (await store.Get<SignedLaunch>(ObjectKeys.Launch(name), cancel) is not { } signed)
            return null;
        var key = ObjectKeys.Launch(name);
        var record = store.Read<LaunchRecord>(key, signed.Payload.ToByteArray());
        if (record.NotBefore is null || record.Deadline is null)
            throw store.Unreadable(new UnreadableObjectException(key, "is damaged: it has no times"));
        return record.Certname == name.ToString() ? record
            : throw store.Unreadable(new UnreadableObjectException(key,
                $"is the record of another name, {PrintableText.Of(record.Certname)}"));
    }

    // No serial: puppetserver's own CA signs, and CertAuthority records what it saw there.
    private async Task<Claimed?> ClaimOf(CertName name, CancellationToken cancel)
    {
        var key = ObjectKeys.Claim(name, FirstClaim);
        return await store.Get<Claim>(key, cancel) is { } claim
            ? new Claimed(claim.Claim_, claim.Serial, claim.CsrReceivedAt ?? claim.ClaimedAt ?? throw Lacks(key, "claimedAt")) : null;
    }

    private async Task<Signed?> CertificateOf(CertName name, Claimed claim, CancellationToken cancel)
    {
        var key = claim.IsStock ? ObjectKeys.StockCertificate(name) : ObjectKeys.Certificate(claim.Serial);
        return await store.Get<CertificateRecord>(key, cancel) is { } certificate
            ? new Signed(certificate.Serial, certificate.SignedAt ?? throw Lacks(key, "signedAt")) : null;
    }

    // The first, or what it was renewed to: the claim that was made last.
    private async Task<CurrentCertificate> Current(CertName name, Claimed claim, Signed first, CurrentCertificate? known,
        CancellationToken cancel)
    {
        var claims = new List<string>();
        await foreach (var key in store.List(ObjectKeys.ClaimsOf(name), null, cancel))
            claims.Add(key);
        if (known is not null && known.Claims == claims.Count)
            return known;
        var (serial, end, at) = (first.Serial, default(Google.Protobuf.WellKnownTypes.Timestamp), DateTimeOffset.MinValue);
        foreach (var key in claims)
        {
            if (await store.Get<Claim>(key, cancel) is { } other && (other.ClaimedAt.Maybe() ?? DateTimeOffset.MinValue) >= at)
                (serial, end, at) = (other.Serial.Length > 0 ? other.Serial : serial, other.NotAfter, other.ClaimedAt.Maybe() ?? at);
        }
        if (claim.IsStock)
            (serial, end) = (first.Serial, (await store.Get<CertificateRecord>(ObjectKeys.StockCertificate(name), cancel))?.NotAfter);
        return new CurrentCertificate(serial, end, claims.Count);
    }

    private async Task<CaRecord?> Contested(CertName name, CancellationToken cancel) =>
        await store.Get<Block>(ObjectKeys.Block(name, InstanceEvents.Contested), cancel) is { } block
            ? new CaRecord(block.Sentence, block.At.Maybe() ?? DateTimeOffset.MinValue) : null;

    private async Task<CaRecord?> Revoked(CertName name, Claimed claim, CurrentCertificate current, CancellationToken cancel) =>
        await store.Get<Revocation>(claim.IsStock ? ObjectKeys.StockRevocation(name) : ObjectKeys.Revocation(current.Serial), cancel)
            is { } revocation ? new CaRecord(revocation.Sentence, revocation.At.Maybe() ?? DateTimeOffset.MinValue) : null;

    private UnreadableObjectException Lacks(string key, string field) =>
        store.Unreadable(new UnreadableObjectException(key, RecordRules.Lacks(field)));

    private async Task<IReadOnlyList<InstanceFact>> FactsOf(CertName name, IReadOnlyList<InstanceFact> known, CancellationToken cancel)
    {
        var facts = known.ToDictionary(f => ObjectKeys.Fact(name, f.Event));
        await foreach (var key in store.List(ObjectKeys.FactsOf(name), null, cancel))
        {
            if (!facts.ContainsKey(key) && await store.Get<InstanceFact>(key, cancel) is { } fact
                && key == ObjectKeys.Fact(name, fact.Event))
            {
                facts.Add(key, fact);
            }
        }
        return [.. facts.Values];
    }

    private async Task<Served?> FirstServed(CertName name, CancellationToken cancel)
    {
        await foreach (var key in store.List(ObjectKeys.HistoryOf(name), null, cancel))
        {
            if (await HistoryEntry(key, cancel) is { Kind: ServedKind } served)
                return new Served(served.Id, served.At);
        }
        return null;
    }

    /// <summary>The environment in the last answer to the ENC; null: not recorded.</summary>
    public async Task<string?> ServedEnvironment(CertName name, CancellationToken cancel)
    {
        string? last = null;
        await foreach (var key in store.List(ObjectKeys.HistoryOf(name), null, cancel))
        {
            if (await HistoryEntry(key, cancel) is { Kind: ServedKind, Environment.Length: > 0 } served)
                last = served.Environment;
        }
        return last;
    }

    // One damaged entry must not hide the instance: the entries beside it carry the same facts.
    private async Task<NodeHistory?> HistoryEntry(string key, CancellationToken cancel)
    {
        try
        {
            return await store.Get<NodeHistory>(key, cancel);
        }
        catch (UnreadableObjectException)
        {
            return null;
        }
    }

    private async Task<HeldRequest?> Held(CertName name, CancellationToken cancel)
    {
        await foreach (var key in store.List(ObjectKeys.HeldRequestsOf(name), null, cancel))
            return await store.Get<HeldRequest>(key, cancel);
        return null;
    }

    // Null: the registry is away.
    private async Task<IReadOnlyList<TimelineEvent>?> Refusals(CertName name)
    {
        try
        {
            return [.. (await timeline.Read(name)).Where(e => e.Key.StartsWith(InstanceEvents.CsrRefused, StringComparison.Ordinal))];
        }
        catch (FaultException)
        {
            return null;
        }
    }
}
