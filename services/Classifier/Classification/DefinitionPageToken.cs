using System.Security.Cryptography;
using System.Text;
using Overture.Classifier.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.Classifier.Classification;

/// <summary>Where a page of definitions ended: version, hash of the filter, last certname. Opaque to callers.</summary>
internal static class DefinitionPageToken
{
    private const string Version = "1";

    public static string Write(CertName last, ListDefinitionsRequest filter) =>
        Convert.ToBase64String(Encoding.ASCII.GetBytes($"{Version} {HashOf(filter)} {last}"));

    /// <exception cref="FaultException">Not a token of ours, or of another filter.</exception>
    public static CertName? Read(ListDefinitionsRequest request)
    {
        if (request.PageToken.Length == 0)
            return null;
        var bytes = new byte[request.PageToken.Length];
        if (!Convert.TryFromBase64String(request.PageToken, bytes, out var written)
            || Encoding.ASCII.GetString(bytes, 0, written).Split(' ') is not [Version, var hash, var certname]
            || !CertName.TryParse(certname, out var name, out _))
        {
            throw FaultException.Invalid("page_token", "was not issued by ListDefinitions");
        }
        return hash == HashOf(request) ? name
            : throw FaultException.Invalid("page_token", "belongs to another filter; start again without it");
    }

    // None of them has a line feed in it that could be taken for the end of the one before: both are names of Puppet's grammar.
    private static string HashOf(ListDefinitionsRequest filter) => Convert.ToHexStringLower(
        SHA256.HashData(Encoding.UTF8.GetBytes($"{filter.Prefix}\n{filter.Environment}\n{filter.ProblemsOnly}")))[..16];
}
