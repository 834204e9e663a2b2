namespace Overture.CertAuthority.Queries;

/// <summary>Place of a certificate in the list: by certname, then by serial, letter by letter.</summary>
internal readonly record struct CertificatePlace(string Certname, string Serial) : IComparable<CertificatePlace>
{
    public int CompareTo(CertificatePlace other) => string.CompareOrdinal(Certname, other.Certname) is var names and not 0 ? names
        : string.CompareOrdinal(Serial, other.Serial);
}

/// <summary>
/// What the list shows of a certificate and never changes. There may be 100,000, of about 350 bytes each with what the table keeps beside
/// it, so texts that many share are one string (<see cref="CertificateRows"/> sees to it).
/// </summary>
/// <param name="Certname">Also one that no certname may be, of a certificate without a claim.</param>
/// <param name="Serial">Lower-case hex.</param>
/// <param name="NotBefore">Unix seconds; null: not known.</param>
/// <param name="NotAfter">Unix seconds.</param>
/// <param name="GrantedBy">As <c>Grant.source</c>; "seen" where no record says why it was signed; empty where its claim is gone.</param>
/// <param name="KeyAlgorithm">Empty: not known.</param>
/// <param name="Issuer">As <c>Claim.issuer</c>.</param>
internal sealed record CertificateRow(
    string Certname, string Serial, long? NotBefore, long NotAfter, string GrantedBy, string KeyAlgorithm, string Issuer)
{
    public CertificatePlace Place => new(Certname, Serial);
}
