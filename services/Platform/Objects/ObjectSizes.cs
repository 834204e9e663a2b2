using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.Platform.Objects;

/// <summary>
/// How many bytes an object of each kind may have: several times what our own writers make of it. More is neither read into memory nor
/// written, so a bucket that others filled costs an error and no memory. Pure.
/// </summary>
internal static class ObjectSizes
{
    private const int KiB = 1024, MiB = 1024 * KiB;
    private const int Usual = 256 * KiB;

    private static readonly (string Prefix, int Most)[] Larger =
    [
        // What a gRPC message of 512 KiB becomes as JSON, signed.
        ("requests/", 2 * MiB), (ObjectKeys.Launches, 2 * MiB),
        // A definition, its answer and their escapes.
        ("history/", 4 * MiB), ("classification/history/", 4 * MiB),
        (ObjectKeys.UserData, 512 * KiB),
        // A block names every claim that existed.
        (ObjectKeys.Blocks, 2 * MiB),
        // Some 50 bytes an entry: a million revoked certificates.
        (ObjectKeys.Crls, 64 * MiB),
        // As many as the CA API takes in, as text.
        ("ca/parents/", 16 * MiB),
        // 500 records.
        (ObjectKeys.AuditStreams, 16 * MiB),
        (ObjectKeys.InstanceSnapshots, 64 * MiB), (ObjectKeys.EventCheckpoints, 64 * MiB),
        (ObjectKeys.EventParts, 64 * MiB),
        // 500 events.
        (ObjectKeys.EventLog, 16 * MiB),
        // A fingerprint of 70 bytes for each certificate that puppetserver's own CA had signed before.
        (ObjectKeys.StockBaseline, 64 * MiB),
        // Names that an import left out.
        ("ca/imported/", 16 * MiB),
    ];

    /// <summary>Of the object with this key.</summary>
    public static int MaxBytes(string key)
    {
        foreach (var (prefix, most) in Larger)
        {
            if (key.StartsWith(prefix, StringComparison.Ordinal))
                return most;
        }
        return Usual;
    }

    /// <param name="key">Which object.</param>
    /// <param name="size">What it has; where it has no end, what was read of it.</param>
    /// <param name="version">Of what lies there.</param>
    public static UnreadableObjectException TooLarge(string key, long size, string version) =>
        new(key, $"has {size} bytes, and at most {MaxBytes(key)} are read: replace it with a smaller one, or remove it "
            + "(docs/operations.md)") { Version = version };

    /// <exception cref="FaultException">TOO_LARGE: what is written must be readable.</exception>
    public static void CheckWrite(string key, int size)
    {
        if (size > MaxBytes(key))
        {
            throw new FaultException(FaultKind.TooLarge, Reason.TooLarge,
                $"{key} would have {size} bytes; at most {MaxBytes(key)} are stored");
        }
    }
}
