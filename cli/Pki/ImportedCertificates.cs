using System.Security.Cryptography.X509Certificates;
using Overture.Platform.Certificates;
using Overture.Platform.Records;

namespace Overture.Cli.Pki;

/// <summary>What a puppetserver CA has signed: inventory.txt, and the current certificate of each name in signed/.</summary>
/// <param name="Inventory">The file as it is.</param>
/// <param name="Entries">How many certificates it lists.</param>
/// <param name="Signed">File name and PEM of each that this CA signed, whatever the file is called.</param>
/// <param name="OtherNames">Common names that no certname of ours may be: their certificates come along, and are not renewed.</param>
/// <param name="Pending">Pending requests; they are not imported.</param>
public sealed record ImportedCertificates(string Inventory, int Entries, IReadOnlyList<(string File, string Pem)> Signed,
    IReadOnlyList<string> OtherNames, int Pending)
{
    public const string InventoryFile = "inventory.txt", SignedFolder = "signed", RequestsFolder = "requests";

    /// <param name="directory">puppetserver's cadir.</param>
    /// <param name="ca">Null where it could not be read: then nothing in signed/ is looked at.</param>
    /// <param name="now">What has expired by then is not reported.</param>
    /// <param name="findings">Takes what is wrong, and what stays behind.</param>
    public static ImportedCertificates Read(Cadir directory, X509Certificate2? ca, DateTimeOffset now, ImportFindings findings)
    {
        var inventory = directory.Text(InventoryFile);
        var entries = InventoryLine.ReadAll(inventory,
            line => findings.Problem(InventoryFile, "is not an entry of the form 0xSERIAL NOT-BEFORE NOT-AFTER /CN=NAME", line));
        var names = entries.Where(e => e.NotAfter > now).Select(e => e.Name).ToHashSet(StringComparer.Ordinal);
        var signed = new List<(string, string)>();
        var files = new Dictionary<string, string>(StringComparer.Ordinal);
        // What is called as puppetserver calls it comes first, so that of two copies that one stays.
        foreach (var (name, text, unread) in ca is null ? [] : directory.Texts(SignedFolder, Extension))
        {
            var (certificate, why) = text is null ? (null, unread) : Read(text, ca!);
            if (certificate is null)
            {
                findings.Skip($"{SignedFolder}/{name}", why);
            }
            else if (!files.TryAdd(certificate.Thumbprint, name))
            {
                findings.Skip($"{SignedFolder}/{name}", $"is the certificate of {SignedFolder}/{files[certificate.Thumbprint]} again");
            }
            else
            {
                names.Add(certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false));
                signed.Add((name.EndsWith(Extension, StringComparison.Ordinal) ? name : name + Extension,
                    certificate.ExportCertificatePem() + "\n"));
            }
        }
        names.ExceptWith(ca is null ? [] : [ca.GetNameInfo(X509NameType.SimpleName, forIssuer: false),
            ca.GetNameInfo(X509NameType.SimpleName, forIssuer: true)]);
        return new ImportedCertificates(inventory, entries.Count, signed, [.. names.Where(n => CertNameGrammar.Broken(n) is not null)
            .Order(StringComparer.Ordinal)], directory.Count(RequestsFolder));
    }

    private const string Extension = ".pem";

    private static (X509Certificate2? Certificate, string Why) Read(string text, X509Certificate2 ca)
    {
        if (PemFile.Read(text) is not [{ Label: "CERTIFICATE", Der: { } der }] || ImportedChain.Load(der) is not { } certificate)
            return (null, "is not one certificate in PEM");
        if (!SignatureScheme.IsSignedBy(der, ca))
            return (null, "is not signed by this CA");
        return (certificate, "");
    }
}
