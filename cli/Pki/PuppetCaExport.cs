using System.Globalization;
using System.Numerics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Overture.CertAuthority.V1;
using Overture.Platform.Certificates;
using Overture.Platform.Records;

namespace Overture.Cli.Pki;

/// <summary>
/// Writes a directory that a stock puppetserver's CA starts from (docs/puppet-contracts.md §3.4): certificates as they come, the rest at
/// the end, the key last of all.
/// </summary>
/// <param name="folder">Empty, and mode 0700.</param>
public sealed class PuppetCaExport(string folder)
{
    // puppetserver reads its serial file into 32 bits.
    private const int LargestSerial = int.MaxValue - 1;
    private const string Extension = ".pem";
    private readonly List<(DateTimeOffset From, string Line)> inventory = [];
    private readonly Dictionary<string, (DateTimeOffset From, ExportedCertificate Certificate)> current = new(StringComparer.Ordinal);
    private readonly Dictionary<string, DateTimeOffset> cleaned = new(StringComparer.Ordinal);
    private readonly List<string> unnamed = [];
    private BigInteger highest = BigInteger.One;

    /// <summary>Lines of inventory.txt.</summary>
    public int Listed => inventory.Count;

    /// <summary>Files in signed/.</summary>
    public int Signed { get; private set; }

    public int Revoked { get; private set; }

    /// <summary>What serial will say: above every number of at most 31 bits that this CA gave. The CA's own serials are random, of 64 bits
    /// and more, so that counting never meets them.</summary>
    public int NextSerial => (int)highest + 1;

    /// <summary>Names that can be no file's (a slash, a control character, a leading dot): their certificates stay good, and are in no
    /// file; by the list of revoked ones they stay revoked.</summary>
    public IReadOnlyList<string> Unnamed => unnamed;

    /// <summary>The end of the own list.</summary>
    public DateTimeOffset? CrlUntil { get; private set; }

    public void Add(IEnumerable<ExportedCertificate> certificates)
    {
        ArgumentNullException.ThrowIfNull(certificates);
        foreach (var certificate in certificates)
        {
            Count(SerialNumber.Recorded(certificate.Serial));
            if (!IsFileName(certificate.Certname))
            {
                unnamed.Add(certificate.Certname);
                continue;
            }
            var (from, until) = (Time(certificate.NotBefore), Time(certificate.NotAfter));
            inventory.Add((from,
                $"0x{Hex(certificate.Serial)} {InventoryLine.Time(from)} {InventoryLine.Time(until)} /CN={certificate.Certname}"));
            if (certificate.Cleaned)
            {
                cleaned[certificate.Certname] = Later(cleaned.GetValueOrDefault(certificate.Certname), from);
            }
            else if (certificate.Pem.Length > 0 && !certificate.Own && (!current.TryGetValue(certificate.Certname, out var other)
                || from > other.From))
            {
                current[certificate.Certname] = (from, certificate);
            }
        }
    }

    /// <summary>The next serial number is above this one too.</summary>
    /// <param name="serial">That the CA gave before it was moved in; 0: none.</param>
    public void Above(int serial) => highest = BigInteger.Max(highest, serial);

    /// <summary>Writes everything; of each name the newest certificate has the file, unless it or a later one was cleaned.</summary>
    /// <param name="bundle">PEM, the signing CA first.</param>
    /// <param name="crls">PEM, the signing CA's own first.</param>
    /// <param name="key">Of the signing CA; null: it is not written.</param>
    /// <exception cref="InvalidDataException">The key is not that CA's.</exception>
    public void Write(string bundle, string crls, RSA? key)
    {
        var chain = new X509Certificate2Collection();
        chain.ImportFromPem(bundle);
        if (key is not null && !key.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(chain[0].PublicKey.ExportSubjectPublicKeyInfo()))
            throw new InvalidDataException("it is not the key of the CA that CertAuthority signs with");
        foreach (var own in chain)
            Count(SerialNumber.Of(own));
        var list = CrlFacts.Read(CrlPem.Split(crls)[0]);
        (Revoked, CrlUntil) = (list.Entries.Count, list.NextUpdate);
        // Of some nothing else is left.
        foreach (var entry in list.Entries)
            Count(entry.Serial);

        var signed = Path.Combine(folder, ImportedCertificates.SignedFolder);
        Directory.CreateDirectory(signed);
        Directory.CreateDirectory(Path.Combine(folder, "requests"));
        var files = current.Where(c => c.Value.From > cleaned.GetValueOrDefault(c.Key, DateTimeOffset.MinValue)).ToList();
        // Many at once: each waits for the disk, and the disk takes their waits together.
        Parallel.ForEach(files, new ParallelOptions { MaxDegreeOfParallelism = 16 },
            c => PrivateFile.Write(Path.Combine(signed, c.Key + Extension), c.Value.Certificate.Pem, PuppetCaInit.Public));
        Signed = files.Count;

        Public(PuppetCaInit.Bundle, bundle);
        Public("ca_pub.pem", new string(PemEncoding.Write("PUBLIC KEY", chain[0].PublicKey.ExportSubjectPublicKeyInfo())) + "\n");
        Public(ImportedCrls.FileName, crls);
        // The whole list is one of the infrastructure's too, only longer.
        Public("infra_crl.pem", crls);
        Public("infra_inventory.txt", "");
        Public("infra_serials", "");
        Public(ImportedCertificates.InventoryFile, Inventory());
        Public(PuppetCaImport.SerialFile, NextSerial.ToString("X4", CultureInfo.InvariantCulture));
        if (key is not null)
            PrivateFile.Write(Path.Combine(folder, PuppetCaInit.Key), key.ExportRSAPrivateKeyPem() + "\n");
    }

    private void Public(string file, string text) => PrivateFile.Write(Path.Combine(folder, file), text, PuppetCaInit.Public);

    // Of a name in many lines the last one counts, to people as well.
    private string Inventory()
    {
        var text = new StringBuilder();
        foreach (var (_, line) in inventory.OrderBy(l => l.From).ThenBy(l => l.Line, StringComparer.Ordinal))
            text.Append(line).Append('\n');
        return text.ToString();
    }

    private void Count(SerialNumber serial)
    {
        var number = new BigInteger(serial.ToBytes(), isUnsigned: true, isBigEndian: true);
        if (number > highest && number <= LargestSerial)
            highest = number;
    }

    // As puppetserver prints it: without zeros in front, of at least four digits.
    private static string Hex(string serial) => serial.TrimStart('0').ToUpperInvariant().PadLeft(4, '0');

    private static bool IsFileName(string name) => name.Length > 0 && name[0] != '.' && Encoding.UTF8.GetByteCount(name) <= 240
        && !name.Any(c => c is '/' || char.IsControl(c));

    private static DateTimeOffset Time(Google.Protobuf.WellKnownTypes.Timestamp? time) =>
        time?.ToDateTimeOffset() ?? DateTimeOffset.UnixEpoch;

    private static DateTimeOffset Later(DateTimeOffset a, DateTimeOffset b) => a > b ? a : b;
}
