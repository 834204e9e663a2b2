using System.Numerics;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.Signing;
using Overture.CertAuthority.Storage;
using Overture.Platform.Certificates;
using Overture.Platform.Faults;
using Overture.Platform.PuppetHost;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Import;

/// <summary>
/// What of an imported CA becomes which record. Pure, and the same each time but for the write ids: a fold that was killed goes on with it.
/// </summary>
/// <param name="Crl">Null where the old list has no number. Then ours begin with 1.</param>
/// <param name="Current">Each name's certificate with its claim.</param>
/// <param name="Older">Claims of certificates that only the inventory knows: of a name that was certified again, so that revoking the name
/// reaches them.</param>
/// <param name="Unclaimed">Certificates whose name no certname may be: there can be no claim of them, and they are known by their
/// serials.</param>
/// <param name="HighestSerial">Of those of at most 31 bits that the CA gave, whatever became of the certificate; 0: there is none.</param>
internal sealed record ImportPlan(
    CrlRecord? Crl, IReadOnlyList<RevocationRecord> Revocations, IReadOnlyList<(Claim Claim, CertificateRecord Record)> Current,
    IReadOnlyList<Claim> Older, IReadOnlyList<CertificateRecord> Unclaimed,
    int HighestSerial)
{
    public static ImportPlan Of(ImportedCa from, CaFiles ca, string replica, Ids ids, DateTimeOffset now)
    {
        var make = new Maker(ca, replica, ids);
        var current = new List<(Claim, CertificateRecord)>();
        var older = new List<Claim>();
        var unclaimed = new List<CertificateRecord>();
        foreach (var signed in from.Signed)
        {
            if (CertName.TryParse(signed.Name, out var name, out _))
                current.Add((make.Claim(name, signed), make.Record(name, signed)));
            else
                unclaimed.Add(make.Unclaimed(signed));
        }
        var known = from.Signed.Select(s => s.Serial).ToHashSet();
        // What has expired can't be used any more.
        foreach (var line in from.Inventory.Where(l => l.NotAfter > now && !known.Contains(l.Serial)))
        {
            if (CertName.TryParse(line.Name, out var name, out _))
                older.Add(make.Claim(name, line));
            else if (!ca.Chain.Any(c => c.GetNameInfo(X509NameType.SimpleName, forIssuer: false) == line.Name))
                unclaimed.Add(make.Unclaimed(line));
        }
        return new ImportPlan(make.Crl(from), make.Revocations(from), current, older, unclaimed, Highest(from));
    }

    private static int Highest(ImportedCa from) => from.Inventory.Select(l => l.Serial).Concat(from.Signed.Select(s => s.Serial))
        .Concat(from.Crl.Entries.Select(e => e.Serial)).Select(Number)
        .Append(from.NextSerial is { } next ? Number(next) - 1 : BigInteger.Zero)
        .Where(n => n < int.MaxValue).Select(n => (int)n).Append(0).Max();

    private static BigInteger Number(SerialNumber serial) => new(serial.ToBytes(), isUnsigned: true, isBigEndian: true);

    private sealed class Maker(CaFiles ca, string replica, Ids ids)
    {
        public Claim Claim(CertName name, ImportedCertificate signed)
        {
            var claim = Blank(name, signed.Serial, signed.Certificate.NotBefore, signed.Certificate.NotAfter);
            claim.SpkiSha256 = Spki(signed);
            claim.Grant = ImportedGrant.Of(signed);
            return claim;
        }

        public Claim Claim(CertName name, InventoryLine line) => Blank(name, line.Serial, line.NotBefore, line.NotAfter);

        public CertificateRecord Record(CertName name, ImportedCertificate signed) => Record(name.ToString(), Id(signed.Serial), signed);

        public CertificateRecord Unclaimed(ImportedCertificate signed) => Record(signed.Name, RecordedCertificates.Imported, signed);

        public CertificateRecord Unclaimed(InventoryLine line) => new()
        {
            Schema = 1,
            WriteId = ids.Unguessable(),
            Serial = $"{line.Serial}",
            Certname = line.Name,
            Claim = RecordedCertificates.Imported,
            SignedAt = line.NotBefore.ToTimestamp(),
            NotAfter = line.NotAfter.ToTimestamp(),
        };

        // One without an end is to be replaced at once; its number counts.
        public CrlRecord? Crl(ImportedCa from) => from.Crl is not { Number: { } number } ? null : new()
        {
            Schema = 1,
            WriteId = ids.Unguessable(),
            Number = number,
            Pem = from.CrlPem,
            ThisUpdate = from.Crl.ThisUpdate.ToTimestamp(),
            NextUpdate = (from.Crl.NextUpdate ?? from.Crl.ThisUpdate).ToTimestamp(),
            Entries = from.Crl.Entries.Count,
        };

        public IReadOnlyList<RevocationRecord> Revocations(ImportedCa from)
        {
            var known = new Dictionary<SerialNumber, (string Name, DateTimeOffset NotAfter)>();
            foreach (var line in from.Inventory)
                known[line.Serial] = (line.Name, line.NotAfter);
            foreach (var signed in from.Signed)
                known[signed.Serial] = (signed.Name, signed.Certificate.NotAfter);
            // A list of puppetserver's may name a serial twice. Of an unknown certificate, it is on the list for as long as the CA
            // itself lives.
            return [.. from.Crl.Entries.DistinctBy(e => e.Serial)
                .Select(e => Revocation(e, known.GetValueOrDefault(e.Serial, ("", ca.Issuer.NotAfter))))];
        }

        private RevocationRecord Revocation(RevokedEntry entry, (string Name, DateTimeOffset NotAfter) certificate) => new()
        {
            Schema = 1,
            WriteId = ids.Unguessable(),
            Serial = $"{entry.Serial}",
            Certname = CertName.TryParse(certificate.Name, out _, out _) ? certificate.Name : "",
            ReasonCode = entry.Reason,
            Sentence = "revoked before the CA was moved in",
            By = Issuers.Import,
            At = entry.At.ToTimestamp(),
            CertificateNotAfter = certificate.NotAfter.ToTimestamp(),
        };

        private CertificateRecord Record(string name, string claim, ImportedCertificate signed) => new()
        {
            Schema = 1,
            WriteId = ids.Unguessable(),
            Serial = $"{signed.Serial}",
            Certname = name,
            Claim = claim,
            Pem = signed.Certificate.ExportCertificatePem() + "\n",
            SignedAt = Time(signed.Certificate.NotBefore),
            NotAfter = Time(signed.Certificate.NotAfter),
            SpkiSha256 = Spki(signed),
        };

        private Claim Blank(CertName name, SerialNumber serial, DateTime from, DateTime until) =>
            Blank(name, serial, new DateTimeOffset(from), new DateTimeOffset(until));

        // The beginning of its life is taken as the time of the claim: it puts the certificates of a name in their order.
        private Claim Blank(CertName name, SerialNumber serial, DateTimeOffset from, DateTimeOffset until) => new()
        {
            Schema = 1,
            WriteId = ids.Unguessable(),
            Certname = name.ToString(),
            Claim_ = Id(serial),
            Serial = $"{serial}",
            Issuer = Issuers.Import,
            Grant = new Grant { Source = $"{new GrantSource(GrantKind.Import)}", LifeSeconds = (long)(until - from).TotalSeconds },
            Decision = DecisionOutcome.Sign.Because(Reason.Imported, "signed by this CA before it was moved in"),
            ClaimedAt = from.ToTimestamp(),
            NotAfter = until.ToTimestamp(),
            Replica = replica,
        };

        private static string Id(SerialNumber serial) => $"import-{serial}";

        private static string Spki(ImportedCertificate signed) => $"{SpkiHash.Of(signed.Certificate)}";

        private static Timestamp Time(DateTime local) => new DateTimeOffset(local).ToTimestamp();
    }
}
