using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Overture.Conductor.V1;
using Overture.Platform.Faults;

namespace Overture.Conductor.State;

/// <summary>Where a page ended: version, hash of the filter, last key. Opaque to callers; of use with the same filter only.</summary>
internal sealed record PageToken(string Certname, long LaunchedMs)
{
    private const string Version = "1";

    public string Write(ListInstancesRequest filter) =>
        Convert.ToBase64String(Encoding.ASCII.GetBytes($"{Version} {HashOf(filter)} {LaunchedMs} {Certname}"));

    /// <exception cref="FaultException">Not a token of ours, or of another filter.</exception>
    public static PageToken? Read(ListInstancesRequest request)
    {
        if (request.PageToken.Length == 0)
            return null;
        var bytes = new byte[request.PageToken.Length];
        if (!Convert.TryFromBase64String(request.PageToken, bytes, out var written)
            || Encoding.ASCII.GetString(bytes, 0, written).Split(' ') is not [Version, var hash, var ms, var certname]
            || !long.TryParse(ms, NumberStyles.None, CultureInfo.InvariantCulture, out var launched))
        {
            throw FaultException.Invalid("page_token", "is not one that this service gave out");
        }
        return hash == HashOf(request)
            ? new PageToken(certname, launched)
            : throw FaultException.Invalid("page_token", "belongs to another filter; begin anew without it");
    }

    private static string HashOf(ListInstancesRequest filter) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{(int)filter.State}|{filter.ShowTerminated}|{filter.Profile}")))[..16];
}
