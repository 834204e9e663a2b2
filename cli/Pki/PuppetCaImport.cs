using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.Platform.Certificates;
using Overture.Platform.Records;

namespace Overture.Cli.Pki;

/// <summary>
/// Moves an existing puppetserver CA in: reads its directory (and never writes there), and makes ours of it as <see cref="PuppetCaInit"/>
/// would, with imported/ beside: what CertAuthority takes into its store at its next start.
/// </summary>
public sealed class PuppetCaImport
{
    public const string Folder = "imported", SerialFile = "serial";
    private static readonly string[] Needed = [PuppetCaInit.Bundle, PuppetCaInit.Key, ImportedCrls.FileName,
        ImportedCertificates.InventoryFile];

    private const int MostOfSerial = 100;

    private readonly ImportedChain? chain;
    private readonly ImportedCrls? crls;
    // The next number that it would have given; null: there is no such file, or no number in it.
    private SerialNumber? serial;

    private PuppetCaImport(ImportFindings findings, ImportedChain? chain, ImportedCrls? crls, ImportedCertificates? certificates)
    {
        Findings = findings;
        (this.chain, this.crls) = (chain, crls);
        Certificates = certificates;
    }

    public ImportFindings Findings { get; }

    /// <summary>Null only where there are problems.</summary>
    public ImportedCertificates? Certificates { get; }

    /// <summary>Certificates of which one of the three records is not there; they come along all the same.</summary>
    public IReadOnlyList<LostRecord> Lost { get; private init; } = [];

    public X509Certificate2 Ca => chain!.Chain[0];
    public bool IsItsOwnRoot => chain!.Chain.Count == 1;
    public int Revoked => crls!.Own.Entries.Count;

    /// <summary>For people: "RSA 4096", "EC 256".</summary>
    public string KeyText => $"{(chain!.Key is RSA ? "RSA" : "EC")} {chain.Key.KeySize}";

    public static PuppetCaImport Read(string directory, TimeProvider clock)
    {
        ArgumentNullException.ThrowIfNull(clock);
        var findings = new ImportFindings();
        using var cadir = Cadir.Open(directory, Needed, [SerialFile],
            [ImportedCertificates.SignedFolder], [ImportedCertificates.RequestsFolder], findings);
        if (cadir is null)
            return new PuppetCaImport(findings, null, null, null);
        var now = clock.GetUtcNow();
        var chain = ImportedChain.Read(cadir, now, findings);
        var crls = chain is null ? null : ImportedCrls.Read(cadir, chain.Chain, now, findings);
        // Without a CA to compare with, the inventory can still be reported.
        var certificates = ImportedCertificates.Read(cadir, chain?.Chain[0], now, findings);
        return new PuppetCaImport(findings, chain, crls, certificates)
        {
            serial = Serial(cadir, findings),
            Lost = chain is null || crls is null ? [] : [.. LostRecord.All(certificates, crls.Own, chain.Chain, now)],
        };
    }

    // Only ever a number: what else the file may hold is nothing to copy.
    private static SerialNumber? Serial(Cadir cadir, ImportFindings findings)
    {
        if (cadir.Find(SerialFile) is not { } text)
            return null;
        if (text.Length <= MostOfSerial && SerialNumber.TryParse("0x" + text.Trim(), out var number))
            return number;
        findings.Skip(SerialFile, "is no serial number in hex");
        return null;
    }

    /// <exception cref="InvalidOperationException">There is something in the directory already.</exception>
    public void Write(string directory)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory));
        if (!WholeDirectory.IsFree(full))
        {
            throw new InvalidOperationException(
                $"{full} is not empty; a CA there would be lost. Import into another --home, or move it away");
        }
        WholeDirectory.Make(full, Fill);
    }

    private void Fill(string folder)
    {
        var passphrase = PuppetCaInit.NewPassphrase();
        PrivateFile.Write(Path.Combine(folder, PuppetCaInit.Passphrase), passphrase + "\n");
        PrivateFile.Write(Path.Combine(folder, PuppetCaInit.Key), PuppetCaInit.Encrypted(chain!.Key, passphrase));
        PrivateFile.Write(Path.Combine(folder, PuppetCaInit.Bundle), chain.Bundle, PuppetCaInit.Public);
        if (!IsItsOwnRoot)
            PrivateFile.Write(Path.Combine(folder, PuppetCaInit.RootCrl), crls!.ParentsPem, PuppetCaInit.Public);

        var imported = Path.Combine(folder, Folder);
        PrivateFile.MakeDirectory(imported);
        PrivateFile.Write(Path.Combine(imported, ImportedCrls.FileName), crls!.OwnPem + crls.ParentsPem);
        PrivateFile.Write(Path.Combine(imported, ImportedCertificates.InventoryFile), Certificates!.Inventory);
        if (serial is { } next)
            PrivateFile.Write(Path.Combine(imported, SerialFile), $"{next}\n");
        var signed = Path.Combine(imported, ImportedCertificates.SignedFolder);
        PrivateFile.MakeDirectory(signed);
        // Many at once: each waits for the disk, and the disk takes their waits together.
        Parallel.ForEach(Certificates.Signed, new ParallelOptions { MaxDegreeOfParallelism = 16 },
            s => PrivateFile.Write(Path.Combine(signed, s.File), s.Pem));
    }
}
