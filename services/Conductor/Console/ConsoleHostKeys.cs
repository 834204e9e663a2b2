using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Overture.Conductor.V1;

namespace Overture.Conductor.Console;

/// <summary>
/// The SSH host keys that cloud-init printed on a console (keys-to-console). Pure. The guest's root may print anything: it can only lie
/// about itself, and no text is too long or too odd to be read in one pass.
/// </summary>
internal static partial class ConsoleHostKeys
{
    private const int MaxKeys = 16, LongestLine = 20_000;

    /// <summary>Those of the last complete block of keys; else the fingerprints of the last complete block of those; else none.</summary>
    public static IReadOnlyList<SshHostKey> Of(string console)
    {
        var lines = console.Split('\n').Select(l => Escapes().Replace(l, "").Trim('\r', ' ')).ToList();
        var keys = LastBlock(lines, "-----BEGIN SSH HOST KEY KEYS-----", "-----END SSH HOST KEY KEYS-----").Select(Key).OfType<SshHostKey>()
            .Take(MaxKeys).ToList();
        return keys.Count > 0 ? keys
            : [.. LastBlock(lines, "-----BEGIN SSH HOST KEY FINGERPRINTS-----", "-----END SSH HOST KEY FINGERPRINTS-----")
                .Select(Fingerprint).OfType<SshHostKey>().Take(MaxKeys)];
    }

    // The kernel may write between its lines; a begin after a begin is a boot that was cut off.
    private static List<string> LastBlock(List<string> lines, string begin, string end)
    {
        var last = lines.FindLastIndex(l => l.EndsWith(end, StringComparison.Ordinal));
        while (last >= 0)
        {
            var first = lines.FindLastIndex(last, l => l.EndsWith(begin, StringComparison.Ordinal));
            if (first < 0)
                return [];
            var earlier = lines.FindLastIndex(last - 1, l => l.EndsWith(end, StringComparison.Ordinal));
            if (earlier < first)
                return lines.GetRange(first + 1, last - first - 1);
            last = earlier;
        }
        return [];
    }

    // RFC 4253 §6.6: the key's own bytes begin with its type.
    private static SshHostKey? Key(string line)
    {
        if (line.Length > LongestLine || line.Split(' ', 3) is not [var type, var text, ..] || !TypeName().IsMatch(type))
            return null;
        var blob = new byte[text.Length];
        // The reader of base64 passes over white space, which a line of known_hosts may not hold.
        if (text.Any(char.IsWhiteSpace) || !Convert.TryFromBase64String(text, blob, out var length) || length < 4)
            return null;
        var named = BinaryPrimitives.ReadUInt32BigEndian(blob);
        if (named != type.Length || length < 4 + type.Length || Encoding.ASCII.GetString(blob, 4, type.Length) != type)
            return null;
        return new SshHostKey { Type = type, Key = text,
            Fingerprint = "SHA256:" + Convert.ToBase64String(SHA256.HashData(blob.AsSpan(0, length))).TrimEnd('=') };
    }

    private static SshHostKey? Fingerprint(string line) =>
        line.Length <= LongestLine && FingerprintLine().Match(line) is { Success: true } match
        ? new SshHostKey { Type = match.Groups[2].Value, Fingerprint = match.Groups[1].Value }
        : null;

    [GeneratedRegex(@"\A(ssh-|ecdsa-|sk-)[A-Za-z0-9@.-]{1,60}\z", RegexOptions.CultureInvariant)]
    private static partial Regex TypeName();

    // After a syslog prefix: "256 SHA256:… root@web1 (ED25519)".
    [GeneratedRegex(@"(?:^|: )[0-9]{2,5} (SHA256:[A-Za-z0-9+/]{43}) [^\n]*\(([A-Z0-9-]{2,20})\)$",
        RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex FingerprintLine();

    [GeneratedRegex(@"\x1b\[[0-9;?]*[A-Za-z]", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Escapes();
}
