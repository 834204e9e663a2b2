using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.Platform.Certificates;

namespace Overture.Cli.Pki;

/// <summary>
/// ca_crl.pem of a puppetserver directory: the truth of revocation, one list a CA of the chain. Of several lists of one CA the one with
/// the latest thisUpdate counts, and of two of the same second the one with the higher number.
/// </summary>
/// <param name="Own">The signing CA's.</param>
/// <param name="OwnPem">The same as text.</param>
/// <param name="ParentsPem">In the chain's order; empty where the CA is its own root.</param>
public sealed record ImportedCrls(CrlFacts Own, string OwnPem, string ParentsPem)
{
    public const string FileName = "ca_crl.pem";
    private static readonly TimeSpan Soon = TimeSpan.FromDays(30);

    /// <returns>Null: there are problems.</returns>
    public static ImportedCrls? Read(Cadir directory, IReadOnlyList<X509Certificate2> chain, DateTimeOffset now, ImportFindings findings)
    {
        var newest = new (CrlFacts Facts, byte[] Der)?[chain.Count];
        var ours = new List<CrlFacts>();
        var wrong = false;
        foreach (var block in PemFile.Read(directory.Text(FileName)))
        {
            if (Read(block) is not { } facts)
            {
                wrong = Wrong(findings, block, "is not a CRL");
            }
            else if (IssuerOf(facts, block.Der!, chain) is not { } issuer)
            {
                wrong = Wrong(findings, block,
                    $"is a CRL that none of the CAs in {PuppetCaInit.Bundle} signed with SHA-256, SHA-384 or SHA-512");
            }
            else
            {
                if (issuer == 0)
                    ours.Add(facts);
                if (newest[issuer] is not { } standing || (facts.ThisUpdate, facts.Number)
                    .CompareTo((standing.Facts.ThisUpdate, standing.Facts.Number)) > 0)
                {
                    newest[issuer] = (facts, block.Der!);
                }
            }
        }
        for (var i = 0; i < chain.Count; i++)
            wrong |= !Stands(newest[i]?.Facts, chain[i], i == 0, now, findings);
        if (ours.Count > 1 && newest[0] is { } taken)
            TellSeveral(ours, taken.Facts, findings);
        return wrong ? null : new ImportedCrls(newest[0]!.Value.Facts, CrlPem.Write(newest[0]!.Value.Der),
            string.Concat(newest.Skip(1).Select(c => CrlPem.Write(c!.Value.Der))));
    }

    // What only an older list revokes, the CA itself has let go: as a rule since its certificate expired. Or two files were joined.
    private static void TellSeveral(List<CrlFacts> lists, CrlFacts taken, ImportFindings findings)
    {
        var held = taken.Entries.Select(e => e.Serial).ToHashSet();
        var dropped = lists.SelectMany(l => l.Entries).Select(e => e.Serial).Where(s => !held.Contains(s)).Distinct().ToList();
        var most = dropped.Take(5).Select(s => $"{s}");
        findings.Warn(
            $"{FileName} holds {lists.Count} CRLs of the signing CA; the newest counts, made at "
                + $"{taken.ThisUpdate.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss'Z'}" + (taken.Number is { } number ? $", number {number}" : "")
                + (dropped.Count == 0 ? "" : $". {dropped.Count} serials that an older one revokes are not on it, so they are not revoked: "
                    + $"{string.Join(", ", most)}{(dropped.Count > 5 ? ", …" : "")}. Next, where that is wrong: overture certificate revoke "
                    + "--serial SERIAL"));
    }

    private static bool Wrong(ImportFindings findings, PemBlock block, string what)
    {
        findings.Problem(FileName, what, block.Line);
        return true;
    }

    private static CrlFacts? Read(PemBlock block)
    {
        try
        {
            return block is { Label: "X509 CRL", Der: { } der } ? CrlFacts.Read(der) : null;
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    private static int? IssuerOf(CrlFacts facts, byte[] der, IReadOnlyList<X509Certificate2> chain)
    {
        for (var i = 0; i < chain.Count; i++)
        {
            if (chain[i].SubjectName.RawData.AsSpan().SequenceEqual(facts.Issuer.Span) && SignatureScheme.IsSignedBy(der, chain[i]))
                return i;
        }
        return null;
    }

    private static bool Stands(CrlFacts? crl, X509Certificate2 ca, bool own, DateTimeOffset now, ImportFindings findings)
    {
        if (crl is null || (own && crl is { Number: null, NumberFault.Length: > 0 }))
        {
            findings.Problem(FileName, crl is null ? $"holds no CRL of {ca.Subject}"
                : $"the CRL of {ca.Subject} has no number that can be used: {crl.NumberFault}. "
                    + "Next: have that CA publish a new CRL, and import again");
            return false;
        }
        if (own && crl.Number is null)
        {
            findings.Warn(
                $"the CRL of {ca.Subject} has no number, as lists of version 1. All its entries are read; CertAuthority publishes its "
                    + "first list as number 1 when it starts");
        }
        else if (own && crl.NumberFault.Length > 0)
        {
            findings.Warn(
                $"the CRL of {ca.Subject} is damaged: {crl.NumberFault}. All its entries are read; CertAuthority publishes a valid one "
                    + $"with a number above {crl.Number} when it starts");
        }
        Warn(crl, ca, own, now, findings);
        return true;
    }

    private static void Warn(CrlFacts crl, X509Certificate2 ca, bool own, DateTimeOffset now, ImportFindings findings)
    {
        if (crl.NextUpdate is not { } end || end > now + Soon)
            return;
        var when = $"the CRL of {ca.Subject} {(end > now ? "expires" : "expired")} on {end:yyyy-MM-dd}";
        findings.Warn(own
            ? $"{when}. CertAuthority publishes a new one when it starts; an agent whose own copy has expired needs its crl.pem deleted "
                + "by hand"
            : $"{when}, and only that CA's key can make a new one: until {PuppetCaInit.RootCrl} is replaced, agents that check the "
                + "chain refuse every certificate after it");
    }
}
