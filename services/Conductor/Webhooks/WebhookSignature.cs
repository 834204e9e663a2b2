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
            return Keys(file) is { Count: >= 1 and <= MostKeys } keys && keys.All(k => k.Length >= ShortestKey) ? null
                : $"must have one or two lines, each of {ShortestKey} bytes or more, or whsec_ and the base64 of as many";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"can't be read: {file}";
        }
        catch (FormatException)
        {
            return "must have base64 after whsec_";
        }
    }

    /// <summary>The keys of a file, the newest first.</summary>
    public static IReadOnlyList<byte[]> Keys(string file) =>
    [
        .. File.ReadAllLines(file).Select(l => l.Trim()).Where(l => l.Length > 0).Select(l =>
            l.StartsWith(Encoded, StringComparison.Ordinal) ? Convert.FromBase64String(l[Encoded.Length..]) : Encoding.UTF8.GetBytes(l)),
    ];
}
