using System.Globalization;
using Overture.Platform.Records;
using StackExchange.Redis;

namespace Overture.Platform.Registry;

/// <summary>A definition in the bucket that can't be served.</summary>
/// <param name="Name">Whose.</param>
/// <param name="Version">Its ETag: of use only while this is the version in the bucket.</param>
/// <param name="Sentence">The rule that it breaks.</param>
/// <param name="At">When it was found; whole milliseconds.</param>
public sealed record BrokenDefinition(CertName Name, string Version, string Sentence, DateTimeOffset At);

/// <summary>
/// The registry's list of broken definitions: Classifier writes it when it meets one, and the Conductor shows it. A registry that lost it
/// has it again when the node is classified next.
/// </summary>
public sealed class BrokenDefinitions(RegistryConnection registry, RegistryKeys keys)
{
    public Task Save(BrokenDefinition broken) => registry.Run(db => db.HashSetAsync(keys.BrokenDefinitions, broken.Name.ToString(),
        $"{broken.At.ToUnixTimeMilliseconds()} {broken.Version} {broken.Sentence}"));

    /// <summary>It was mended, or is gone.</summary>
    public Task Remove(CertName name) => registry.Run(db => db.HashDeleteAsync(keys.BrokenDefinitions, name.ToString()));

    /// <summary>What was last said of one; null: nothing.</summary>
    public async Task<BrokenDefinition?> Find(CertName name) =>
        // HMGET: what the Conductor's user of Redis may do (RegistryRights).
        await registry.Run(db => db.HashGetAsync(keys.BrokenDefinitions, [name.ToString()])) is [{ IsNull: false } value]
            ? Read(new HashEntry(name.ToString(), value)) : null;

    public async Task<IReadOnlyList<BrokenDefinition>> All() =>
        [.. (await registry.Run(db => db.HashGetAllAsync(keys.BrokenDefinitions))).Select(Read).OfType<BrokenDefinition>()];

    private static BrokenDefinition? Read(HashEntry entry) =>
        CertName.TryParse((string)entry.Name!, out var name, out _)
            && ((string)entry.Value!).Split(' ', 3) is [var ms, var version, var why]
            && long.TryParse(ms, NumberStyles.None, CultureInfo.InvariantCulture, out var at)
            ? new BrokenDefinition(name, version, why, DateTimeOffset.FromUnixTimeMilliseconds(at)) : null;
}
