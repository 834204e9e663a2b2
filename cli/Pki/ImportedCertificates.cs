using System.Security.Cryptography.X509Certificates;
using Overture.Platform.Certificates;

namespace Overture.Cli.Pki;

/// <summary>What a puppetserver CA has signed: inventory.txt, and the current certificate of each name in signed/.</summary>
/// <param name="Inventory">The file as it is.</param>
/// <param name="Entries">How many certificates it lists.</param>
/// <param name="Signed">File name and PEM of each that can be used.</param>
/// <param name="Pending">Requests that nobody signed; they stay behind.</param>
public sealed record ImportedCertificates(string Inventory, int Entries, IReadOnlyList<(string File, string Pem)> Signed, int Pending)
{
    public const string InventoryFile = "inventory.txt", SignedFolder = "signed";

    /// <param name="ca">Null where it could not be read: then nothing in signed/ is looked at.</param>
    public static ImportedCertificates Read(string directory, X509Certificate2? ca, ImportFindings findings)
    {
        var inventory = File.ReadAllText(Path.Combine(directory, InventoryFile));
        var entries = InventoryLine.ReadAll(inventory, line => findings.Problem(InventoryFile, "is no entry of the form 0xSERIAL NOT-BEFORE NOT-AFTER /CN=NAME", line));
        var signed = new List<(string, string)>();
        foreach (var file in ca is null ? [] : Files(directory, SignedFolder))
        {
            var name = Path.GetFileName(file);
            var (certificate, why) = Read(file, ca!);
            if (certificate is null)
                findings.Skip($"{SignedFolder}/{name}", why);
            else
                signed.Add((name, certificate.ExportCertificatePem() + "\n"));
        }
        return new ImportedCertificates(inventory, entries.Count, signed, Files(directory, "requests").Count());
    }

    private static IEnumerable<string> Files(string directory, string folder)
    {
        var path = Path.Combine(directory, folder);
        return Directory.Exists(path) ? Directory.EnumerateFiles(path, "*.pem").Order(StringComparer.Ordinal) : [];
    }

    private static (X509Certificate2? Certificate, string Why) Read(string file, X509Certificate2 ca)
    {
        IReadOnlyList<PemBlock> blocks;
        try
        {
            blocks = PemFile.Read(File.ReadAllText(file));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return (null, $"can't be read: {e.Message}");
        }
        if (blocks is not [{ Label: "CERTIFICATE", Der: { } der }] || ImportedChain.Load(der) is not { } certificate)
            return (null, "is not one certificate in PEM");
        if (!SignatureScheme.IsSignedBy(der, ca))
            return (null, "is not signed by this CA");
        if (certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false) != Path.GetFileNameWithoutExtension(file))
            return (null, "is a certificate of another name than the file's");
        return (certificate, "");
    }
}
