using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.CertAuthority.Signing;

namespace Overture.CertAuthority.Import;

/// <summary>A certificate of an imported CA.</summary>
internal sealed record ImportedCertificate(SerialNumber Serial, string Name, X509Certificate2 Certificate);

/// <summary>What `overture ca import` left beside the CA: its CRL chain, its inventory, the current certificate of each name.</summary>
/// <param name="Crl">The signing CA's own list: the truth of revocation.</param>
/// <param name="CrlPem">The whole chain of lists.</param>
/// <param name="NextSerial">What its file serial says; null: there is none, or no number in it.</param>
internal sealed record ImportedCa(
    CrlFacts Crl, string CrlPem, IReadOnlyList<InventoryLine> Inventory, IReadOnlyList<ImportedCertificate> Signed,
    SerialNumber? NextSerial)
{
    public const string Folder = "imported", CrlFile = "ca_crl.pem", InventoryFile = "inventory.txt", SignedFolder = "signed",
        SerialFile = "serial";

    public static string PathIn(string caDirectory) => Path.Combine(caDirectory, Folder);

    /// <summary>Nothing is passed over: the import wrote only what it had read, so what does not read now was damaged since.</summary>
    /// <exception cref="InvalidOperationException">A file is missing or damaged; says which.</exception>
    public static ImportedCa Read(string caDirectory, CaFiles ca)
    {
        var folder = PathIn(caDirectory);
        var file = folder;
        try
        {
            file = Path.Combine(folder, CrlFile);
            var lists = File.ReadAllText(file);
            var crl = CrlFacts.Read(Own(lists, ca));
            file = Path.Combine(folder, InventoryFile);
            var inventory = InventoryLine.ReadAll(
                File.ReadAllText(file), line => throw new InvalidDataException($"line {line} is not an inventory entry"));
            var signed = new List<ImportedCertificate>();
            foreach (var path in Directory.EnumerateFiles(Path.Combine(folder, SignedFolder), "*.pem").Order(StringComparer.Ordinal))
            {
                file = path;
                signed.Add(Read(path, ca.Issuer));
            }
            file = Path.Combine(folder, SerialFile);
            SerialNumber? next = File.Exists(file)
                && SerialNumber.TryParse("0x" + File.ReadAllText(file).Trim(), out var read) ? read : null;
            return new ImportedCa(crl, lists, inventory, signed, next);
        }
        catch (Exception e)
            when (e is CryptographicException or ArgumentException or InvalidDataException or IOException or UnauthorizedAccessException)
        {
            throw new InvalidOperationException(
                $"{file} can't be taken in: {e.Message}. Import again into another directory, and compare", e);
        }
    }

    private static byte[] Own(string lists, CaFiles ca)
    {
        var found = Platform.Certificates.CrlPem.Split(lists);
        return found.Count > 0 && SignatureScheme.IsSignedBy(found[0], ca.Issuer)
            ? found[0]
            : throw new InvalidDataException("the first list is not this CA's");
    }

    private static ImportedCertificate Read(string path, X509Certificate2 ca)
    {
        var certificate = X509Certificate2.CreateFromPem(File.ReadAllText(path));
        return SignatureScheme.IsSignedBy(certificate.RawData, ca)
            ? new ImportedCertificate(
                SerialNumber.Of(certificate), certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false), certificate)
            : throw new InvalidDataException("it is not signed by this CA");
    }
}
