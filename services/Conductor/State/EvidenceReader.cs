using System.Collections.Concurrent;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;

namespace Overture.Conductor.State;

/// <summary>Collects the evidence of one instance. What was read once and can never change is not read again.</summary>
internal sealed class EvidenceReader(ObjectStore store, EventLog events)
{
    private const string RefusalKey = "csr-refused", FirstClaim = "1", ServedKind = "served";
    private readonly ConcurrentDictionary<CertName, Evidence> seen = new();

    /// <summary>As last read, without asking the store; null: not read yet, or no such instance.</summary>
    public Evidence? Last(CertName name) => seen.GetValueOrDefault(name);

    /// <summary>As a snapshot has it; what the store says since is read on top of it.</summary>
    public void Remember(Evidence evidence) => seen.TryAdd(evidence.Name, evidence);

    /// <param name="name">Whose.</param>
    /// <param name="cancel">Gives up.</param>
    /// <param name="young">It is being launched, by a name nobody knows yet: there is nothing but the Conductor's own facts.</param>
    /// <returns>Null: no such instance.</returns>
    /// <exception cref="InvalidDataException">A record is damaged.</exception>
    public async Task<Evidence?> Read(CertName name, CancellationToken cancel, bool young = false)
    {
        var known = seen.GetValueOrDefault(name);
        var launch = known?.Launch ?? await LaunchOf(name, cancel);
        if (launch is null)
            return null;
        if (young)
            return seen[name] = (known ?? new Evidence { Name = name, Launch = launch }) with { Facts = await FactsOf(name, known?.Facts ?? [], cancel) };
        var claim = known?.Claim ?? await ClaimOf(name, cancel);
        var certificate = known?.Certificate ?? (claim is null ? null : await CertificateOf(name, claim, cancel));
        var facts = await FactsOf(name, known?.Facts ?? [], cancel);
        var evidence = new Evidence
        {
            Name = name,
            Launch = launch,
            Facts = facts,
            Unrevoked = facts.Any(f => f.Event == FactLog.Terminated && f.Reason == Reason.RevocationPending.Code()) && await store.Get(ObjectKeys.Closed(name), cancel) is null,
            Claim = claim,
            Certificate = certificate,
            FirstServed = known?.FirstServed ?? await FirstServed(name, cancel),
            Held = claim is null ? await Held(name, cancel) : null,
            Refusals = claim is null ? await Refusals(name) : [],
        };
        seen[name] = evidence;
        return evidence;
    }

    // For display: whoever can write the bucket can change what people are shown, but nothing that is signed (CertAuthority verifies).
    private async Task<LaunchRecord?> LaunchOf(CertName name, CancellationToken cancel)
    {
        if (await store.Get<SignedLaunch>(ObjectKeys.Launch(name), cancel) is not { } signed)
            return null;
        var record = RecordJson.Read<LaunchRecord>(signed.Payload.Span);
        if (record.NotBefore is null || record.Deadline is null)
            throw new InvalidDataException($"launches/{name} has no times");
        return record.Certname == name.ToString() ? record : throw new InvalidDataException($"launches/{name} tells of {record.Certname}");
    }

    // No serial: puppetserver's own CA signs, and CertAuthority writes down what it saw there.
    private async Task<Claimed?> ClaimOf(CertName name, CancellationToken cancel) =>
        await store.Get<Claim>(ObjectKeys.Claim(name, FirstClaim), cancel) is { } claim ? new Claimed(claim.Claim_, claim.Serial, claim.CsrReceivedAt ?? claim.ClaimedAt) : null;

    private async Task<Signed?> CertificateOf(CertName name, Claimed claim, CancellationToken cancel) =>
        await store.Get<CertificateRecord>(claim.IsStock ? ObjectKeys.StockCertificate(name) : ObjectKeys.Certificate(claim.Serial), cancel) is { } certificate
            ? new Signed(certificate.Serial, certificate.SignedAt) : null;

    private async Task<IReadOnlyList<InstanceFact>> FactsOf(CertName name, IReadOnlyList<InstanceFact> known, CancellationToken cancel)
    {
        var facts = known.ToDictionary(f => ObjectKeys.Fact(name, f.Event));
        await foreach (var key in store.List(ObjectKeys.FactsOf(name), null, cancel))
        {
            if (!facts.ContainsKey(key) && await store.Get<InstanceFact>(key, cancel) is { } fact && key == ObjectKeys.Fact(name, fact.Event))
                facts.Add(key, fact);
        }
        return [.. facts.Values];
    }

    private async Task<Served?> FirstServed(CertName name, CancellationToken cancel)
    {
        await foreach (var key in store.List(ObjectKeys.HistoryOf(name), null, cancel))
        {
            if (await store.Get<NodeHistory>(key, cancel) is { Kind: ServedKind } served)
                return new Served(served.Id, served.At);
        }
        return null;
    }

    /// <summary>The environment in the last answer to the ENC; null: nobody wrote it down.</summary>
    public async Task<string?> ServedEnvironment(CertName name, CancellationToken cancel)
    {
        string? last = null;
        await foreach (var key in store.List(ObjectKeys.HistoryOf(name), null, cancel))
        {
            if (await store.Get<NodeHistory>(key, cancel) is { Kind: ServedKind, Environment.Length: > 0 } served)
                last = served.Environment;
        }
        return last;
    }

    private async Task<HeldRequest?> Held(CertName name, CancellationToken cancel)
    {
        await foreach (var key in store.List(ObjectKeys.HeldRequestsOf(name), null, cancel))
            return await store.Get<HeldRequest>(key, cancel);
        return null;
    }

    private async Task<IReadOnlyList<TimelineEvent>> Refusals(CertName name)
    {
        try
        {
            return [.. (await events.Read(name)).Where(e => e.Key.StartsWith(RefusalKey, StringComparison.Ordinal))];
        }
        catch (FaultException)
        {
            return [];
        }
    }
}
