using System.Text;
using System.Text.Unicode;

namespace Overture.Platform.Records;

/// <summary>Bytes that are not UTF-8. The message has the rule and the place, and nothing of the text.</summary>
/// <param name="rule">Without the place.</param>
/// <param name="line">From 1.</param>
/// <param name="column">Byte of the line, from 1.</param>
public sealed class NotUtf8Exception(string rule, int line, int column) : FormatException($"{rule} (line {line}, byte {column})")
{
    public string Rule { get; } = rule;
    public int Line { get; } = line;
    public int Column { get; } = column;
}

/// <summary>
/// Text that comes in from files, stdin and the bucket: UTF-8 and nothing else, for a wrong byte that is replaced by U+FFFD is a wrong
/// password, name or greeting on every node. The command line is built with this file too.
/// </summary>
public static class Utf8Text
{
    private const char Mark = '\uFEFF';

    private static readonly (byte[] Mark, string Name)[] Others = [([0xFF, 0xFE, 0, 0], "UTF-32"), ([0, 0, 0xFE, 0xFF], "UTF-32"),
        ([0xFF, 0xFE], "UTF-16"), ([0xFE, 0xFF], "UTF-16")];

    /// <param name="bytes">A whole text; a byte order mark of UTF-8 is no part of it.</param>
    /// <exception cref="NotUtf8Exception">With the line and byte of the first fault, and what it is likely to be.</exception>
    public static string Read(ReadOnlySpan<byte> bytes)
    {
        foreach (var (mark, name) in Others)
        {
            if (bytes.StartsWith(mark))
                throw new NotUtf8Exception($"is {name}: save it as UTF-8, or convert it: iconv -f {name} -t UTF-8", 1, 1);
        }
        // Without a mark it shows by its zero bytes, which no text of ours has.
        if (bytes.Length > 1 && (bytes[0] == 0) != (bytes[1] == 0))
        {
            throw new NotUtf8Exception(
                $"is UTF-16 without a byte order mark: convert it: iconv -f UTF-16{(bytes[0] == 0 ? "BE" : "LE")} -t UTF-8", 1, 1);
        }
        return Utf8.IsValid(bytes) ? WithoutMark(Encoding.UTF8.GetString(bytes)) : throw Fault(bytes);
    }

    /// <summary>Of a file.</summary>
    /// <exception cref="NotUtf8Exception">As of <see cref="Read"/>.</exception>
    public static string OfFile(string file) => Read(File.ReadAllBytes(file));

    /// <summary>The text without the byte order mark that some editors put before it.</summary>
    public static string WithoutMark(string text) => text.StartsWith(Mark) ? text[1..] : text;

    private static NotUtf8Exception Fault(ReadOnlySpan<byte> bytes)
    {
        Utf8.ToUtf16(bytes, new char[bytes.Length], out var good, out _, replaceInvalidSequences: false);
        var before = bytes[..good];
        var line = before.Count((byte)'\n') + 1;
        return new NotUtf8Exception(
            $"is not UTF-8 (0x{bytes[good]:X2}): save it as UTF-8, or convert it; from Latin-1: iconv -f ISO-8859-1 -t UTF-8", line,
            good - before.LastIndexOf((byte)'\n'));
    }
}
