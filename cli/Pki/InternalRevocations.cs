using System.Numerics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.Platform.Certificates;
using Overture.Platform.Records;

namespace Overture.Cli.Pki;

/// <summary>
/// The list of revoked certificates of the internal PKI: pki/crl.pem, signed by its CA. Every list holds all entries of the one before
/// and the next number. It ends with the CA: its age says nothing, services go by the number.
/// </summary>
public sealed class InternalRevocations(string home, InternalCa ca, TimeProvider clock)
{
    private string ListFile => Path.Combine(home, "pki", "crl.pem");

    /// <returns>Null: nothing was ever revoked here.</returns>
    /// <exception cref="InvalidOperationException">The file is none of this CA's lists.</exception>
    public InternalCrl? Current() => !File.Exists(ListFile) ? null
        : InternalCrl.Read(File.ReadAllText(ListFile), [ca.Certificate], out var rule)
            ?? throw new InvalidOperationException($"{ListFile} {rule}; move it away, the published list is taken into the next one");

    /// <summary>Those of published lists that are this CA's.</summary>
    public InternalCrl? OwnOf(IEnumerable<string> published) =>
        published.Select(p => InternalCrl.Read(p, [ca.Certificate], out _)).FirstOrDefault(l => l is not null);

    /// <summary>Writes the next list: all that is on the given ones, and these.</summary>
    /// <param name="before">Lists of this CA; null: none.</param>
    /// <param name="more">May be on them already.</param>
    /// <param name="number">Its number: the one after the published list's. Null: the one after the given ones.</param>
    public InternalCrl Next(IEnumerable<InternalCrl?> before, IEnumerable<SerialNumber> more, long? number = null)
    {
        var lists = before.OfType<InternalCrl>().ToList();
        var entries = new Dictionary<SerialNumber, DateTimeOffset>();
        foreach (var entry in lists.SelectMany(l => l.Entries).Concat(more.Select(s => new RevokedEntry(s, clock.GetUtcNow(), 0))))
            entries.TryAdd(entry.Serial, entry.At);
        var builder = new CertificateRevocationListBuilder();
        foreach (var (serial, at) in entries)
            builder.AddEntry(Convert.FromHexString($"{serial}"), at);
        number ??= lists.Select(l => l.Number).Append(0).Max() + 1;
        var der = builder.Build(ca.Certificate.SubjectName, ca.Signer(), new BigInteger(number.Value),
            new DateTimeOffset(ca.Certificate.NotAfter), HashAlgorithmName.SHA256,
            X509AuthorityKeyIdentifierExtension.CreateFromCertificate(ca.Certificate, true, false), clock.GetUtcNow().AddHours(-1));
        var list = InternalCrl.Read(CrlPem.Write(der), [ca.Certificate], out var rule)
            ?? throw new InvalidOperationException($"the next list {rule}");
        Keep(list);
        return list;
    }

    /// <summary>Writes a list of this CA that is newer than the one here.</summary>
    public void Keep(InternalCrl list) => PrivateFile.Write(ListFile, list.Pem);
}
