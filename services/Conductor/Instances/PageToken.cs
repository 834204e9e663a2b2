using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.Conductor.Instances;

/// <summary>Where a page ended: version, hash of the filter, last key. Opaque to callers; of use with the same filter only.</summary>
internal static class PageToken
{
    private const string Version = "2";

    public static string Write(Place last, ListInstancesRequest request, InstanceQuery query) =>
        Convert.ToBase64String(Encoding.ASCII.GetBytes($"{Version} {HashOf(request, query)} {last.LaunchedMs} {last.Name}"));

    /// <exception cref="FaultException">Not a token of ours, or of another filter.</exception>
    public static Place? Read(ListInstancesRequest request, InstanceQuery query)
    {
        if (request.PageToken.Length == 0)
            return null;
        var bytes = new byte[request.PageToken.Length];
        if (!Convert.TryFromBase64String(request.PageToken, bytes, out var written)
            || Encoding.ASCII.GetString(bytes, 0, written).Split(' ') is not [Version, var hash, var ms, var certname]
            || !long.TryParse(ms, NumberStyles.None, CultureInfo.InvariantCulture, out var launched)
                || !CertName.TryParse(certname, out var name, out _))
        {
            throw FaultException.Invalid("page_token", "was not issued by this service");
        }
        return hash == HashOf(request, query)
            ? new Place(launched, name)
            : throw FaultException.Invalid("page_token", "belongs to another filter or order; start again without it");
    }

    private static string HashOf(ListInstancesRequest request, InstanceQuery query) =>
        Convert.ToHexStringLower(SHA256.HashData([(byte)request.Order, .. query.Canonical]))[..16];
}
