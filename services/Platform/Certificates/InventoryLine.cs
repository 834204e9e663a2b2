using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Overture.Platform.Certificates;

/// <summary>
/// One line of puppetserver's inventory.txt (docs/puppet-contracts.md §3.4): `0x0002 2026-11-21T07:15:35UTC 2031-11-21T07:15:35UTC /CN=a1`.
/// The same name may be in many lines; only the CRL says which of them is revoked.
/// </summary>
/// <param name="Name">The common name, as text.</param>
public sealed record InventoryLine(SerialNumber Serial, DateTimeOffset NotBefore, DateTimeOffset NotAfter, string Name)
{
    /// <summary>Every entry; what is empty or a comment (Ruby's CA began with one) is none.</summary>
    /// <param name="text">The whole file.</param>
    /// <param name="wrong">Called with the number of each line that is neither.</param>
    public static IReadOnlyList<InventoryLine> ReadAll(string text, Action<int> wrong)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(wrong);
        var found = new List<InventoryLine>();
        var number = 0;
        foreach (var line in text.Split('\n'))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line) || line.StartsWith('#'))
                continue;
            if (TryRead(line.TrimEnd('\r'), out var entry))
                found.Add(entry);
            else
                wrong(number);
        }
        return found;
    }

    /// <summary>A time as the file has it, in whole seconds.</summary>
    public static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'UTC'", CultureInfo.InvariantCulture);

    private static bool TryRead(string line, [NotNullWhen(true)] out InventoryLine? entry)
    {
        entry = null;
        // A subject may hold spaces: "/CN=Puppet CA: x".
        if (line.Split(' ', 4, StringSplitOptions.RemoveEmptyEntries) is not [var serial, var from, var until, var subject])
            return false;
        if (!serial.StartsWith("0x", StringComparison.OrdinalIgnoreCase) || !SerialNumber.TryParse(serial, out var number))
            return false;
        if (!TryTime(from, out var notBefore) || !TryTime(until, out var notAfter) || CommonName(subject) is not { Length: > 0 } name)
            return false;
        entry = new InventoryLine(number, notBefore, notAfter, name);
        return true;
    }

    private static string? CommonName(string subject)
    {
        var start = subject.IndexOf("/CN=", StringComparison.Ordinal);
        return start < 0 ? null : subject[(start + 4)..].Split('/', 2)[0];
    }

    private static bool TryTime(string text, out DateTimeOffset time) =>
        DateTimeOffset.TryParseExact(text, "yyyy-MM-dd'T'HH:mm:ss'UTC'", CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out time);
}
