using System.Net;
using Amazon;
using Amazon.Runtime;
using Amazon.S3;
using Overture.Platform.Tls;

namespace Overture.Platform.Objects;

/// <summary>The AWS SDK as we want it: it tries once, follows nothing, and speaks to the configured address only.</summary>
internal static class S3Client
{
    /// <summary>
    /// What the SDK's credential chain reads, the token service's region included; the store's address comes from our options alone.
    /// </summary>
    public static IReadOnlyList<string> Variables { get; } =
    [
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE",
        "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_REGION", "AWS_ENDPOINT_URL_STS",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_EC2_METADATA_DISABLED",
    ];

    /// <param name="options">Checked.</param>
    /// <param name="credentials">Null: the SDK's own chain.</param>
    /// <param name="time">Gets each answer's Date; may be null.</param>
    /// <param name="only">The one address to connect to; null: any that the name has.</param>
    public static AmazonS3Client Make(S3Options options, AWSCredentials? credentials, StoreClock? time = null, IPAddress? only = null)
    {
        var config = new AmazonS3Config
        {
            ForcePathStyle = options.IsPathStyle,
            RequestChecksumCalculation = options.Checksums == "when-required"
                ? RequestChecksumCalculation.WHEN_REQUIRED : RequestChecksumCalculation.WHEN_SUPPORTED,
            ResponseChecksumValidation = options.Checksums == "when-required"
                ? ResponseChecksumValidation.WHEN_REQUIRED : ResponseChecksumValidation.WHEN_SUPPORTED,
            // A second try of our own successful write looks like another writer's: S3Store tries again itself, and looks.
            MaxErrorRetry = 0,
            MaxStaleConnectionRetries = 0,
            Timeout = options.Timeout,
            AllowAutoRedirect = false,
            // AWS_ENDPOINT_URL and the shared config file name no address for us.
            IgnoreConfiguredEndpointUrls = true,
            HttpClientFactory = new Transport(options.TlsRoots, time, only),
        };
        if (options.ServiceUrl.Length > 0)
        {
            config.ServiceURL = options.ServiceUrl;
            config.AuthenticationRegion = options.Region.Length > 0 ? options.Region : "us-east-1";
        }
        else
        {
            config.RegionEndpoint = RegionEndpoint.GetBySystemName(options.Region);
        }
        return credentials is null ? new AmazonS3Client(config) : new AmazonS3Client(credentials, config);
    }

    private sealed class Transport(string tlsRoots, StoreClock? time, IPAddress? only) : HttpClientFactory
    {
        public override HttpClient CreateHttpClient(IClientConfig clientConfig)
        {
            var sockets = OutboundHandler.To(Uri.TryCreate(clientConfig.ServiceURL, UriKind.Absolute, out var url) ? url : null,
                tlsRoots, only);
            return new HttpClient(new NoRedirects(sockets, time)) { Timeout = clientConfig.Timeout ?? TimeSpan.FromSeconds(5) };
        }

        public override bool UseSDKHttpClientCaching(IClientConfig clientConfig) => false;

        public override bool DisposeHttpClientsAfterUse(IClientConfig clientConfig) => false;
    }

    // The SDK follows a 307 by itself, signature, body and all, to wherever it points (threats T89).
    private sealed class NoRedirects(HttpMessageHandler inner, StoreClock? time) : DelegatingHandler(inner)
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var sent = time?.Now ?? default;
            var answer = await base.SendAsync(request, cancellationToken);
            time?.Saw(sent, answer.Headers.Date);
            if (answer.StatusCode is < HttpStatusCode.Ambiguous or >= HttpStatusCode.BadRequest or HttpStatusCode.NotModified)
                return answer;
            var status = (int)answer.StatusCode;
            answer.Dispose();
            throw new RedirectedException(
                $"it answers with a redirect ({status}), and none is followed: check s3.serviceUrl, s3.region and s3.pathStyle");
        }
    }
}

/// <summary>The server sends us elsewhere.</summary>
internal sealed class RedirectedException(string message) : Exception(message);
