using System.Buffers.Text;
using Microsoft.AspNetCore.Http;

namespace Overture.Console.Launch;

/// <summary>Names of a launch in an address: 100 UUIDs, written out, are longer than a request line may be (4 KiB).</summary>
internal static class ShortNames
{
    private const int Length = 16;

    /// <summary>UUIDs together as base64url of their bytes, other names each by itself.</summary>
    public static string Query(IEnumerable<string> names)
    {
        var (ids, written) = (new List<byte>(), new List<string>());
        foreach (var name in names)
        {
            if (Guid.TryParseExact(name, "D", out var id) && $"{id:D}" == name)
                ids.AddRange(id.ToByteArray(bigEndian: true));
            else
                written.Add($"name={Uri.EscapeDataString(name)}");
        }
        return string.Join('&', ids.Count == 0 ? written : written.Prepend($"names={Base64Url.EncodeToString([.. ids])}"));
    }

    /// <summary>What can't be read names none.</summary>
    public static List<string> Of(IQueryCollection query)
    {
        var text = $"{query["names"]}";
        var bytes = Base64Url.IsValid(text) ? Base64Url.DecodeFromChars(text) : [];
        return [.. bytes.Chunk(Length).Where(c => c.Length == Length).Select(c => $"{new Guid(c, bigEndian: true):D}")
            .Concat(query["name"].OfType<string>().Where(n => n.Length > 0)).Distinct(StringComparer.Ordinal).Take(LaunchPages.Most)];
    }
}
