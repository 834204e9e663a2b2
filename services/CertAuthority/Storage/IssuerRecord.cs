using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.Signing;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Storage;

/// <summary>
/// Writes ca/issuers/&lt;key id&gt;, by which the other services learn that this CA's certificates are recorded here, and whether a client
/// without a record is refused. Each replica has an entry of its own, renewed each hour; they refuse as long as one replica of the last
/// three hours wants it.
/// </summary>
internal sealed class IssuerRecord(ObjectStore store, CaSigner signer, CertAuthorityOptions options, Ids ids, TimeProvider clock,
    ILogger<IssuerRecord> log) : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2), Every = TimeSpan.FromHours(1), CountsFor = TimeSpan.FromHours(3);
    private readonly string key = ObjectKeys.Issuer(Convert.ToHexStringLower(signer.Ca.KeyId.Span));

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (true)
                await Task.Delay(await TryWrite(stoppingToken) ? Every : Pause, clock, stoppingToken);
        }
        catch (OperationCanceledException)
        {
            // stopping
        }
    }

    private async Task<bool> TryWrite(CancellationToken cancel)
    {
        try
        {
            StoredObject? standing;
            try
            {
                standing = await store.Get(key, cancel);
            }
            catch (UnreadableObjectException tooLarge)
            {
                return await store.PutIfMatch(key, RecordJson.Write(Made(null)), tooLarge.Version, cancel) == PutOutcome.Stored;
            }
            var issuer = Made(standing is null ? null : Parsed(standing.Body));
            return standing is null
                ? await store.PutIfAbsent(key, issuer, cancel) == PutOutcome.Stored
                : await store.PutIfMatch(key, RecordJson.Write(issuer), standing.ETag, cancel) == PutOutcome.Stored;
        }
        catch (Exception e) when (FaultException.Of(e) is not null)
        {
            Log.SweepFailed(log, key, e.Message);
            return false;
        }
    }

    private Issuer Made(Issuer? standing)
    {
        var now = clock.GetUtcNow();
        var issuer = new Issuer { Schema = 1, WriteId = ids.Unguessable(), KeyId = Convert.ToHexStringLower(signer.Ca.KeyId.Span) };
        issuer.Replicas.AddRange((standing?.Replicas ?? [])
            .Where(r => r.Replica != options.Replica && r.At is not null && (now - r.At.ToDateTimeOffset()).Duration() < CountsFor));
        issuer.Replicas.Add(
            new IssuerReplica { Replica = options.Replica, RefuseUnrecorded = options.PuppetApi.RefuseUnrecorded, At = now.ToTimestamp() });
        issuer.RefuseUnrecorded = issuer.Replicas.Any(r => r.RefuseUnrecorded);
        return issuer;
    }

    // Null: damaged, and replaced.
    private static Issuer? Parsed(byte[] body)
    {
        try
        {
            return RecordJson.Read<Issuer>(body);
        }
        catch (Exception e) when (e is InvalidDataException or UnreadableObjectException)
        {
            return null;
        }
    }
}
