using System.Security.Cryptography;

namespace Overture.Platform.Certificates;

/// <summary>Lists of revoked certificates as PEM text.</summary>
public static class CrlPem
{
    private const string Label = "X509 CRL";

    public static string Write(byte[] der) => PemEncoding.WriteString(Label, der) + "\n";

    /// <summary>The DER of each list in the text, in order.</summary>
    public static IReadOnlyList<byte[]> Split(string pem)
    {
        var lists = new List<byte[]>();
        var rest = pem.AsSpan();
        while (PemEncoding.TryFind(rest, out var fields))
        {
            if (rest[fields.Label].SequenceEqual(Label))
                lists.Add(Convert.FromBase64String(rest[fields.Base64Data].ToString()));
            rest = rest[fields.Location.End..];
        }
        return lists;
    }
}
