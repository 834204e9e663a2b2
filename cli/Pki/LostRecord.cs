using System.Security.Cryptography.X509Certificates;
using Overture.Platform.Certificates;

namespace Overture.Cli.Pki;

/// <summary>A certificate of an imported CA of which only one record is left. Pure.</summary>
/// <param name="Serial">In our spelling, lower-case hex.</param>
/// <param name="Name">Its common name; empty where only the CRL knows the certificate.</param>
/// <param name="Known">Which record there is: inventory, signed or crl.</param>
public sealed record LostRecord(string Serial, string Name, string Known)
{
    public const string Inventory = "inventory", Signed = "signed", Crl = "crl";

    /// <summary>
    /// Those whose file in signed/ is gone although they are their name's newest and good (an older one of a name never has a file); whose
    /// line in inventory.txt is gone; that are on the CRL alone.
    /// </summary>
    /// <param name="certificates">As read.</param>
    /// <param name="crl">The signing CA's.</param>
    /// <param name="chain">The CAs, whose own certificates have no file in signed/.</param>
    /// <param name="now">What has expired by then is in no way lost.</param>
    public static IEnumerable<LostRecord> All(
        ImportedCertificates certificates, CrlFacts crl, IReadOnlyList<X509Certificate2> chain, DateTimeOffset now)
    {
        var lines = InventoryLine.ReadAll(certificates.Inventory, _ => { });
        var listed = lines.Select(l => l.Serial).ToHashSet();
        var revoked = crl.Entries.Select(e => e.Serial).ToHashSet();
        var files = certificates.Signed.Select(s => X509Certificate2.CreateFromPem(s.Pem)).ToList();
        var kept = files.Select(SerialNumber.Of).ToHashSet();
        var named = files.Select(NameOf).Concat(chain.Select(NameOf)).ToHashSet(StringComparer.Ordinal);
        foreach (var line in lines.GroupBy(l => l.Name, StringComparer.Ordinal).Select(g => g.MaxBy(l => l.NotBefore)!))
        {
            if (!named.Contains(line.Name) && line.NotAfter > now && !revoked.Contains(line.Serial))
                yield return new($"{line.Serial}", line.Name, Inventory);
        }
        foreach (var file in files.Where(f => !listed.Contains(SerialNumber.Of(f)) && f.NotAfter.ToUniversalTime() > now.UtcDateTime))
            yield return new($"{SerialNumber.Of(file)}", NameOf(file), Signed);
        foreach (var serial in revoked.Where(s => !listed.Contains(s) && !kept.Contains(s)))
            yield return new($"{serial}", "", Crl);
        files.ForEach(f => f.Dispose());
    }

    /// <summary>For people.</summary>
    public string Sentence => Known switch
    {
        Inventory => "is in inventory.txt alone: its certificate can be revoked by name and by serial, but not shown or renewed",
        Signed => "has a file in signed/ and no line in inventory.txt: it is imported like any other",
        _ => "is on the CRL alone: it stays revoked, under no name",
    };

    private static string NameOf(X509Certificate2 certificate) => certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false);
}
