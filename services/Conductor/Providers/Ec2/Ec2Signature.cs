using System.Globalization;
using Amazon.Runtime;
using Amazon.Runtime.Internal.Auth;

namespace Overture.Conductor.Providers.Ec2;

/// <summary>AWS Signature Version 4 of a POST to the Query API. The SDK computes it; it leaves the session's token to the caller.</summary>
internal static class Ec2Signature
{
    public const string ContentType = "application/x-www-form-urlencoded; charset=utf-8";

    /// <returns>The headers to send beside Content-Type and Host.</returns>
    public static IReadOnlyList<(string Name, string Value)> Headers(ImmutableCredentials credentials, string region, Uri url, string body,
        DateTimeOffset now, string service = "ec2")
    {
        var date = now.UtcDateTime.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture);
        var signed = new SortedDictionary<string, string>(StringComparer.Ordinal)
            { ["content-type"] = ContentType, ["host"] = url.Authority, ["x-amz-date"] = date };
        if (credentials.UseToken)
            signed["x-amz-security-token"] = credentials.Token;
        var names = string.Join(';', signed.Keys);
        var canonical = $"POST\n{url.AbsolutePath}\n\n{string.Concat(signed.Select(h => $"{h.Key}:{h.Value.Trim()}\n"))}\n{names}\n"
            + Convert.ToHexStringLower(AWS4Signer.ComputeHash(body));
        var result = AWS4Signer.ComputeSignature(credentials, region, now.UtcDateTime, service, names, canonical);
        var headers = new List<(string, string)> { ("X-Amz-Date", date), ("Authorization", result.ForAuthorizationHeader) };
        if (credentials.UseToken)
            headers.Add(("X-Amz-Security-Token", credentials.Token));
        return headers;
    }
}
