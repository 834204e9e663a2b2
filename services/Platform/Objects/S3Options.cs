using Overture.Platform.Records;
using Overture.Platform.Faults;

namespace Overture.Platform.Objects;

/// <summary>
/// How an s3: bucket is reached. The key is not here: the AWS SDK's chain finds it (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, the shared
/// credentials file, web identity, the container's or the instance's role).
/// </summary>
public sealed record S3Options
{
    /// <summary>http(s)://HOST[:PORT] of a server that is not AWS. Empty: AWS, in <see cref="Region"/>.</summary>
    public string ServiceUrl { get; init; } = "";

    /// <summary>Region of the bucket, and of the signature. Required for AWS; default "us-east-1" with a serviceUrl.</summary>
    public string Region { get; init; } = "";

    /// <summary>The bucket in the path, not in the host name. Default: with a serviceUrl.</summary>
    public bool? PathStyle { get; init; }

    /// <summary>"when-required" or "when-supported" (the SDK's further checksums; several servers refuse them).</summary>
    public string Checksums { get; init; } = "when-required";

    /// <summary>aws-chunked bodies, which several servers store with their framing. Default: with AWS only.</summary>
    public bool? ChunkedEncoding { get; init; }

    /// <summary>PEM file of the CAs that the server's certificate may come from, instead of the system's. Empty: the system's.</summary>
    public string TlsRoots { get; init; } = "";

    /// <summary>How long one try of a request may take. 1s to 60s; a request is tried 4 times at most.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(5);

    internal bool IsPathStyle => PathStyle ?? ServiceUrl.Length > 0;

    internal bool IsChunked => ChunkedEncoding ?? ServiceUrl.Length == 0;

    internal IEnumerable<FieldProblem> Problems(bool used)
    {
        if (ServiceUrl.Length > 0 && !(Uri.TryCreate(ServiceUrl, UriKind.Absolute, out var url)
            && url is { Scheme: "http" or "https", UserInfo: "", PathAndQuery: "/" }))
        {
            yield return new("s3.serviceUrl", "must be http://HOST:PORT or https://HOST:PORT, without path, user or query");
        }
        if (used && ServiceUrl.Length == 0 && Region.Length == 0)
            yield return new("s3.region", "must be set for AWS, e.g. eu-central-1; for another server set s3.serviceUrl");
        if (Region.Length > 64 || !Region.All(c => char.IsAsciiLetterOrDigit(c) || c == '-'))
            yield return new("s3.region", "must have at most 64 of [A-Za-z0-9-]");
        if (Checksums is not ("when-required" or "when-supported"))
            yield return new("s3.checksums", "must be when-required or when-supported");
        if (TlsRoots.Length > 0 && OptionRules.FileProblem(TlsRoots) is { } missing)
            yield return new("s3.tlsRoots", missing);
        if (Timeout < TimeSpan.FromSeconds(1) || Timeout > TimeSpan.FromSeconds(60))
            yield return new("s3.timeout", "must be 1s to 60s");
    }
}
