using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Overture.CertAuthority.V1;
using Overture.Platform.Faults;

namespace Overture.CertAuthority.Queries;

/// <summary>Where a page of certificates ended: version, hash of the filter, serial, certname. Opaque to callers.</summary>
internal static class CertificatePageToken
{
    private const string Version = "1";

    public static string Write(CertificatePlace last, ListCertificatesRequest filter) =>
        Base64Url.EncodeToString(Encoding.UTF8.GetBytes($"{Version} {HashOf(filter)} {last.Serial} {last.Certname}"));

    /// <exception cref="FaultException">Not a token of ours, or of another filter.</exception>
    public static CertificatePlace? Read(ListCertificatesRequest request)
    {
        if (request.PageToken.Length == 0)
            return null;
        // A name that is no certname may have a space in it.
        if (Text(request.PageToken).Split(' ', 4) is not [Version, var hash, var serial, var certname])
            throw FaultException.Invalid("page_token", "was not issued by ListCertificates");
        return hash == HashOf(request) ? new CertificatePlace(certname, serial)
            : throw FaultException.Invalid("page_token", "belongs to another filter; start again without it");
    }

    private static string Text(string token)
    {
        try
        {
            return Encoding.UTF8.GetString(Base64Url.DecodeFromChars(token));
        }
        catch (FormatException)
        {
            return "";
        }
    }

    private static string HashOf(ListCertificatesRequest filter) => Convert.ToHexStringLower(SHA256.HashData(
        Encoding.UTF8.GetBytes($"{(int)filter.State}|{filter.ExpiringWithin?.Seconds}|{filter.Prefix}")))[..16];
}
