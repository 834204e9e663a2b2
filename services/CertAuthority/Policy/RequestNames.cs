using Overture.CertAuthority.Csr;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.CertAuthority.Policy;

/// <summary>
/// The name of a request: in the URL and in the subject the same, by the grammar of certnames, and not one of the CA's own.
/// </summary>
internal static class RequestNames
{
    /// <summary>The CA API's own certificates are certauthority-&lt;replica&gt;.</summary>
    public const string OwnPrefix = "certauthority-";

    /// <summary>
    /// One of the CA API's own certificates: without it no agent can connect, so it can't be revoked; it is renewed automatically.
    /// </summary>
    public static bool IsOwn(CertName name) => name.ToString().StartsWith(OwnPrefix, StringComparison.Ordinal);

    /// <summary>The name in the URL (or the RPC).</summary>
    public static CertName Asked(string text)
    {
        if (!CertName.TryParse(text, out var name, out var rule))
            throw CsrFault.Of(Reason.NameInvalid, $"the certname {rule}");
        // "ca" is the bundle's place in the API; localhost would be every host's own CA.
        if (name.ToString() is "ca" or "localhost" || IsOwn(name))
            throw CsrFault.Of(Reason.NameInvalid, "the certname is one of the CA's own");
        return name;
    }

    /// <exception cref="FaultException">NAME_INVALID, or NAME_MISMATCH: compared as text, letter by letter.</exception>
    public static void Compare(CertName asked, CsrFacts request)
    {
        if (!CertName.TryParse(request.CommonName, out var inside, out var rule))
            throw CsrFault.Of(Reason.NameInvalid, $"the common name {rule}");
        if (inside != asked)
            throw CsrFault.Of(Reason.NameMismatch, "the request is for another name than the URL");
    }
}
