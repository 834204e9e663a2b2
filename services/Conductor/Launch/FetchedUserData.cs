using System.Security.Cryptography;
using System.Text;
using Overture.Conductor.Instances;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;

namespace Overture.Conductor.Launch;

/// <summary>
/// User data that an instance fetches by a URL: for more than a cloud takes. The object is private, its key can't be guessed, and its URL
/// expires; it is removed once the instance has converged or ends. It is the only object that holds a token.
/// </summary>
internal sealed class FetchedUserData(ObjectStore store, InstanceTable table, TimeProvider clock)
{
    private static readonly TimeSpan LongestLife = TimeSpan.FromMinutes(60);

    /// <exception cref="FaultException">The store gives no URLs.</exception>
    public void CheckStore()
    {
        if (!store.GivesUrls)
        {
            throw new FaultException(FaultKind.Precondition, Reason.InvalidField,
                $"user_data_url: the object store cannot issue URLs; leave it out, or keep the records in an s3: bucket",
                new FieldProblem("user_data_url", "needs an s3: bucket"));
        }
    }

    /// <summary>Stores it; a second time it is the same object, with a fresh URL.</summary>
    /// <exception cref="FaultException">Its token is spent or has expired, or the instance ends.</exception>
    public async Task<(string Url, DateTimeOffset Expires)> Keep(Enrollment enrollment, CancellationToken cancel)
    {
        // 1. the URL is good no longer than the token
        var now = clock.GetUtcNow();
        var left = enrollment.Record.Deadline.ToDateTimeOffset() - now;
        var life = left < LongestLife ? left : LongestLife;
        if (life < TimeSpan.FromSeconds(1))
            throw Over(enrollment.Name, "its token has expired");

        // 2. the object; the bundle in it may have changed since
        var key = ObjectKeys.UserDataObject(enrollment.Name, IdOf(enrollment.Token));
        var body = Encoding.UTF8.GetBytes(enrollment.UserData);
        var held = await store.PutIfAbsent(key, (ReadOnlyMemory<byte>)body, cancel) == PutOutcome.Conflict ? await store.Get(key, cancel)
            : null;
        if (held is not null && !held.Body.AsSpan().SequenceEqual(body))
            await store.PutIfMatch(key, body, held.ETag, cancel);

        // 3. the remover writes the fact first, or removes it again after the fact: one of the two sees the other
        if (await table.Refold(enrollment.Name, cancel) is { State: >= InstanceState.Converged } ended)
        {
            await TryRemove(enrollment.Name, cancel);
            throw Over(enrollment.Name, ended.State == InstanceState.Converged ? "it has converged" : "it is terminated");
        }
        return (store.ReadUrl(key, life)!.AbsoluteUri, now + life);
    }

    // What stays is removed by the sweep (InstanceRemains); the caller hears what is so.
    private async Task TryRemove(CertName name, CancellationToken cancel)
    {
        try
        {
            await Remove(name, cancel);
        }
        catch (Exception e) when (FaultException.Of(e) is not null)
        {
            // the warning is the sweep's
        }
    }

    /// <summary>No error when there is none.</summary>
    public async Task Remove(CertName name, CancellationToken cancel)
    {
        // Only such a store ever had any.
        if (!store.GivesUrls)
            return;
        await foreach (var key in store.List(ObjectKeys.UserDataOf(name), null, cancel))
            await store.Delete(key, cancel);
    }

    // Of the token, so that a repeated registration finds its object; not the hash that the launch record holds.
    private static string IdOf(string token) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes("overture user data " + token)));

    private static FaultException Over(CertName name, string why) =>
        new(FaultKind.Precondition, Reason.TokenExpired,
            $"{name} needs no user data any more: {why}; register another with a new request id");
}
