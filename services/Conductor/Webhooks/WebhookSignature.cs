using System.Security.Cryptography;
using System.Text;

namespace Overture.Conductor.Webhooks;

/// <summary>
/// Signatures as the Standard Webhooks specification has them: HMAC-SHA256 of "ID.TIMESTAMP.BODY", in the headers webhook-id,
/// webhook-timestamp and webhook-signature ("v1,BASE64", one for each key). Pure, but for the file of the keys.
/// </summary>
internal static class WebhookSignature
{
    private const int ShortestKey = 24, MostKeys = 2;
    private const string Encoded = "whsec_";

    public static string Of(IReadOnlyList<byte[]> keys, string id, long timestamp, ReadOnlySpan<byte> body)
    {
        byte[] signed = [.. Encoding.UTF8.GetBytes($"{id}.{timestamp}."), .. body];
        return string.Join(' ', keys.Select(k => $"v1,{Convert.ToBase64String(HMACSHA256.HashData(k, signed))}"));
    }

    /// <summary>The rule that a file of keys breaks, or null; it says nothing of what is in it.</summary>
    public static string? KeysProblem(string file)
    {
        try
        {
            Keys(file);
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"can't be read: {file}";
        }
        catch (FormatException e)
        {
            return e.Message;
        }
    }

    /// <summary>The keys of a file, the newest first.</summary>
    /// <exception cref="FormatException">It breaks a rule, which the message is: also one that is being written.</exception>
    public static IReadOnlyList<byte[]> Keys(string file)
    {
        List<byte[]> keys = [.. File.ReadAllLines(file).Select(l => l.Trim()).Where(l => l.Length > 0).Select(Key)];
        return keys.Count is >= 1 and <= MostKeys && keys.TrueForAll(k => k.Length >= ShortestKey) ? keys
            : throw new FormatException(
                $"must have one or two lines, each of {ShortestKey} bytes or more, or whsec_ and the base64 of as many");
    }

    private static byte[] Key(string line)
    {
        if (!line.StartsWith(Encoded, StringComparison.Ordinal))
            return Encoding.UTF8.GetBytes(line);
        var key = new byte[line.Length];
        return Convert.TryFromBase64String(line[Encoded.Length..], key, out var length) ? key[..length]
            : throw new FormatException("must have base64 after whsec_");
    }
}
