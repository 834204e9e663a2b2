using System.Text.RegularExpressions;

namespace Overture.Conductor.Providers.Local;

/// <summary>
/// What local instances are clones of: `host`, this machine, and each directory (or link to one) in a folder that holds a root file system.
/// The folder is read each time, so an image is there as soon as it is put there.
/// </summary>
/// <param name="folder">Absolute path; empty: there is only the host.</param>
internal sealed partial class LocalImages(string folder)
{
    public const string Host = "host";

    /// <summary>Names a spec may have: host first, the others in order.</summary>
    public IReadOnlyList<string> Names()
    {
        if (!Directory.Exists(folder))
            return [Host];
        var others = Directory.EnumerateDirectories(folder).Select(Path.GetFileName).OfType<string>()
            .Where(n => n != Host && Name().IsMatch(n)).Order(StringComparer.Ordinal);
        return [Host, .. others];
    }

    /// <summary>The root of an image's file system; null: there is no such image.</summary>
    public string? Find(string name) =>
        name == Host ? "/" : Names().Contains(name, StringComparer.Ordinal) ? Path.Combine(folder, name) : null;

    /// <summary>What a spec's image must be, of those there are now.</summary>
    public string Rule() => Names() is { Count: > 1 } names ? $"must be one of {string.Join(", ", names)}" : $"must be {Host}";

    [GeneratedRegex("^[a-z0-9][a-z0-9._-]{0,62}$")]
    private static partial Regex Name();
}
