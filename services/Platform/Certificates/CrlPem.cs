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
        ArgumentNullException.ThrowIfNull(pem);
        var lists = new List<byte[]>();
        // A byte order mark at the end of one file and the beginning of the next: without it a list would be passed over in silence.
        var rest = (pem.Contains('\uFEFF') ? pem.Replace('\uFEFF', '\n') : pem).AsSpan();
        while (PemEncoding.TryFind(rest, out var fields))
        {
            if (rest[fields.Label].SequenceEqual(Label))
                lists.Add(Convert.FromBase64String(rest[fields.Base64Data].ToString()));
            rest = rest[fields.Location.End..];
        }
        return lists;
    }
}
