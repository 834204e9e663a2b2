using System.Text.Json;
using Overture.CertAuthority.Storage;
using Overture.Records.V1;

namespace Overture.CertAuthority.PuppetApi;

/// <summary>JSON that an administrator sends, and what is written down for acts that came this way.</summary>
internal static class AdminBody
{
    /// <summary>`puppetserver ca` has no option for a reason: what was used is one.</summary>
    public const string Sign = "`puppetserver ca sign`";

    /// <summary>A clean or revoke says nothing about the key, which the node may come back with.</summary>
    public static RevocationCause Cause { get; } =
        new(BlockKind.Revoked, RevocationReason.CessationOfOperation, "revoked by the Puppet CA API");

    /// <returns>Null: the problem says why.</returns>
    public static JsonDocument? Parse(ReadOnlyMemory<byte> body, out string problem)
    {
        problem = body.Length == 0
            ? "Empty request body."
            : body.Length > RequestBody.AdminBytes
            ? $"Request body is over {RequestBody.AdminBytes} bytes."
            : "";
        if (problem.Length > 0)
            return null;
        try
        {
            return JsonDocument.Parse(body, new JsonDocumentOptions { MaxDepth = 8 });
        }
        catch (JsonException)
        {
            problem = "Request body is not JSON.";
            return null;
        }
    }

    /// <summary>The strings of a member; null when it is missing or is anything but an array of strings.</summary>
    public static IReadOnlyList<string>? Strings(JsonElement root, string member)
    {
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty(member, out var list) || list.ValueKind != JsonValueKind.Array)
            return null;
        return list.EnumerateArray().All(e => e.ValueKind == JsonValueKind.String)
            ? [.. list.EnumerateArray().Select(e => e.GetString()!)]
            : null;
    }

    /// <summary>What a client sent, fit to be sent back.</summary>
    public static string Printable(string text) => string.Concat(text.Take(100).Select(c => c is >= ' ' and <= '~' and not '"' ? c : '?'));
}
