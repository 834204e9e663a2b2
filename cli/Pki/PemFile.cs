using System.Security.Cryptography;

namespace Overture.Cli.Pki;

/// <summary>One block of a PEM file.</summary>
/// <param name="Line">Of its BEGIN.</param>
/// <param name="Der">Null where it does not decode.</param>
public sealed record PemBlock(string Label, int Line, byte[]? Der);

/// <summary>PEM text block by block, with line numbers: the framework's reader skips a damaged block silently.</summary>
public static class PemFile
{
    private const string Begin = "-----BEGIN ", End = "-----END ", Dashes = "-----";

    public static IReadOnlyList<PemBlock> Read(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var blocks = new List<PemBlock>();
        // What an editor put between two files that were joined, is no part of a BEGIN.
        var lines = text.Replace("\uFEFF", "", StringComparison.Ordinal).Split('\n');
        for (var i = 0; i < lines.Length; i++)
        {
            if (Label(lines[i], Begin) is not { } label)
                continue;
            var first = i;
            while (i + 1 < lines.Length && Label(lines[i], End) is null && Label(lines[i + 1], Begin) is null)
                i++;
            blocks.Add(new PemBlock(label, first + 1, Decode(string.Join('\n', lines[first..(i + 1)]), label)));
        }
        return blocks;
    }

    private static string? Label(string line, string prefix)
    {
        var trimmed = line.Trim();
        return trimmed.StartsWith(prefix, StringComparison.Ordinal) && trimmed.Length > prefix.Length + Dashes.Length
            && trimmed.EndsWith(Dashes, StringComparison.Ordinal)
            ? trimmed[prefix.Length..^Dashes.Length]
            : null;
    }

    private static byte[]? Decode(string block, string label) =>
        PemEncoding.TryFind(block, out var fields) && block[fields.Label] == label
            ? Convert.FromBase64String(block[fields.Base64Data]) : null;
}
