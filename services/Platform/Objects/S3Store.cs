using System.Net;
using System.Runtime.CompilerServices;
using System.Security.Authentication;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using Overture.Platform.Connections;
using Overture.Platform.Records;

namespace Overture.Platform.Objects;

/// <summary>
/// The object store in an S3 bucket. Put-if-absent is If-None-Match: *, put-if-match is If-Match; 412 is lost, 409 is try again, and no
/// answer (time-out, 5xx, a dropped connection) is unknown: the write is tried again, and a 412 then is decided by what is stored. If those
/// are our bytes, we won. Every record holds a unique write id. A node definition (YAML, edited by people) has none: a loser to a writer of
/// the very same bytes may get "won", which leaves the same object and no other.
/// Objects are private by the bucket's own rules: no ACL is sent, ever. ETags are opaque; a delete marker is absence.
/// </summary>
public sealed class S3Store : ObjectStore, IDisposable
{
    private const int MaxTries = 4;
    private static readonly TimeSpan LongestUrl = TimeSpan.FromDays(6); // beyond 7 d the SDK signs as of old
    private readonly AmazonS3Client client;
    private readonly S3Options options;
    private readonly string bucket, prefix;
    private readonly StoreClock time;
    private readonly Func<IPAddress?, string, S3Store> door;

    private S3Store(string name, string deployment, S3Options options, AWSCredentials? credentials, TimeProvider clock,
        IPAddress? only = null, string? called = null)
    {
        var parts = name["s3://".Length..].Split('/', 2);
        Name = called ?? name;
        Address = only?.ToString();
        bucket = parts[0];
        prefix = string.Concat(parts[1..].Append(deployment).Where(p => p.Length > 0).Select(p => p + "/"));
        this.options = options;
        time = new StoreClock(clock);
        client = S3Client.Make(options, credentials, time, only);
        door = (address, called) =>
            new S3Store(name, deployment, options, credentials, clock, address, called) { ETagForm = ETagForm };
    }

    public override string Name { get; }

    public override string? Address { get; }

    public override bool GivesUrls => true;

    public override ETagForm? ETagForm { get; set; } = Objects.ETagForm.Quoted;

    public override TimeSpan? ClockAhead => time.Ahead;

    /// <summary>Every address of a name.</summary>
    internal Func<string, CancellationToken, Task<IPAddress[]>> Resolve { get; set; } = Dns.GetHostAddressesAsync;

    /// <summary>Keys to a page of a listing; S3 gives 1,000 at most.</summary>
    internal int PageSize { get; set; } = 1000;

    /// <param name="name">"s3://BUCKET" or "s3://BUCKET/PREFIX".</param>
    /// <param name="deployment">Further prefix of every key; empty: none.</param>
    /// <param name="options">How it is reached.</param>
    /// <param name="credentials">Null: the SDK's own chain.</param>
    /// <param name="clock">Ours, which the server's is compared with; null: this host's.</param>
    public static S3Store At(string name, string deployment, S3Options options, AWSCredentials? credentials = null,
        TimeProvider? clock = null) =>
        new(name, deployment, options, credentials, clock ?? TimeProvider.System);

    public override Task<PutOutcome> PutIfAbsent(string key, ReadOnlyMemory<byte> body, CancellationToken cancel) =>
        Put(key, body, put => put.IfNoneMatch = "*", cancel);

    public override async Task<PutOutcome> PutIfMatch(string key, ReadOnlyMemory<byte> body, string etag, CancellationToken cancel)
    {
        var outcome = await Put(key, body, put => put.IfMatch = ETagForm!.Value.Of(etag), cancel);
        // The server may have come to compare ETags in another form.
        if (outcome == PutOutcome.Conflict && await IsStill(key, etag, cancel))
            OnCurrentRefused();
        return outcome;
    }

    public override async Task<StoredObject?> Get(string key, CancellationToken cancel) =>
        (await Get(key, new GetObjectRequest { BucketName = bucket, Key = KeyOf(key) }, cancel)).Found;

    public override Task<ConditionalGet> GetUnless(string key, string etag, CancellationToken cancel) =>
        Get(key, new GetObjectRequest { BucketName = bucket, Key = KeyOf(key), EtagToNotMatch = etag.Length > 0 ? etag : null }, cancel);

    public override async Task<IReadOnlyList<ObjectStore>> Doors(CancellationToken cancel)
    {
        var addresses = await Open(cancel);
        return addresses switch
        {
            [] => [door(null, Name)],
            [var only] => [door(only, Name)],
            _ => [.. addresses.Select(a => door(a, $"{Name} at {a}"))],
        };
    }

    // AWS answers each question with others of its many.
    public override async Task<IReadOnlyList<string>> Addresses(CancellationToken cancel) =>
        options.ServiceUrl.Length == 0 ? [] : [.. (await Open(cancel)).Select(a => a.ToString())];

    private async Task<IReadOnlyList<IPAddress>> Open(CancellationToken cancel)
    {
        try
        {
            // The SDK knows best which host a bucket's requests go to.
            return await S3Addresses.Of(ReadUrl(ObjectKeys.Layers, TimeSpan.FromMinutes(1))!, Resolve,
                options.ServiceUrl.Length == 0 ? S3Addresses.MostOfAws : int.MaxValue, cancel);
        }
        catch (AmazonClientException e)
        {
            throw StoreFault(Sentence(e)); // no credentials
        }
    }

    private Task<ConditionalGet> Get(string key, GetObjectRequest request, CancellationToken cancel) =>
        WithRetries<ConditionalGet>(async _ =>
        {
            try
            {
                using var found = await client.GetObjectAsync(request, cancel);
                // The SDK's limit ends with the headers.
                using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
                limit.CancelAfter(options.Timeout);
                var body = await Body(key, found, limit.Token);
                return new(false, new StoredObject(body, found.ETag, new DateTimeOffset(found.LastModified ?? DateTime.UnixEpoch)
                    .ToUniversalTime()));
            }
            catch (AmazonS3Exception e) when (IsAbsent(e))
            {
                return new(false, null);
            }
            catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.NotModified)
            {
                return new(true, null);
            }
        }, cancel);

    // By what it announces, and by what comes: the announcement is the server's to make.
    private async Task<byte[]> Body(string key, GetObjectResponse found, CancellationToken cancel)
    {
        var most = ObjectSizes.MaxBytes(key);
        if (found.ContentLength > most)
            throw Unreadable(ObjectSizes.TooLarge(key, found.ContentLength, found.ETag));
        using var body = new MemoryStream();
        var buffer = new byte[16 * 1024];
        for (int read; (read = await found.ResponseStream.ReadAsync(buffer, cancel)) > 0;)
        {
            if (body.Length + read > most)
                throw Unreadable(ObjectSizes.TooLarge(key, body.Length + read, found.ETag));
            body.Write(buffer, 0, read);
        }
        return body.ToArray();
    }

    public override async IAsyncEnumerable<string> List(string prefix, string? after, [EnumeratorCancellation] CancellationToken cancel)
    {
        var from = KeyOf(prefix.TrimEnd('/')) + "/";
        var request = new ListObjectsV2Request { BucketName = bucket, Prefix = from, MaxKeys = PageSize, StartAfter = after is null
            ? null : this.prefix + after };
        do
        {
            var page = await WithRetries(_ => client.ListObjectsV2Async(request, cancel), cancel);
            foreach (var found in page.S3Objects ?? [])
                yield return found.Key[this.prefix.Length..];
            request.ContinuationToken = page.IsTruncated == true ? page.NextContinuationToken : null;
        }
        while (request.ContinuationToken is not null);
    }

    public override Task Delete(string key, CancellationToken cancel)
    {
        var request = new DeleteObjectRequest { BucketName = bucket, Key = KeyOf(key) };
        return WithRetries(async _ =>
        {
            try
            {
                return await client.DeleteObjectAsync(request, cancel);
            }
            catch (AmazonS3Exception e) when (IsAbsent(e))
            {
                return new DeleteObjectResponse();
            }
        }, cancel);
    }

    public override Uri? ReadUrl(string key, TimeSpan life)
    {
        if (life < TimeSpan.FromSeconds(1) || life > LongestUrl)
            throw new ArgumentOutOfRangeException(nameof(life), life, "must be 1 s to 6 d");
        return new Uri(client.GetPreSignedURL(new GetPreSignedUrlRequest
        {
            BucketName = bucket,
            Key = KeyOf(key),
            Verb = HttpVerb.GET,
            Expires = TimeProvider.System.GetUtcNow().UtcDateTime + life,
            Protocol = options.ServiceUrl.StartsWith("http:", StringComparison.Ordinal) ? Protocol.HTTP : Protocol.HTTPS,
        }));
    }

    public override async Task<StoreSettings> Settings(string sample, CancellationToken cancel)
    {
        using var anybody = S3Client.Make(options, new AnonymousAWSCredentials());
        var open = await Allows(() => anybody.ListObjectsV2Async(new ListObjectsV2Request { BucketName = bucket, MaxKeys = 1 }, cancel))
            || await Allows(async () => (await anybody.GetObjectAsync(bucket, KeyOf(sample), cancel)).Dispose());
        var versioning = "unknown";
        await Allows(async () => versioning = (await client.GetBucketVersioningAsync(bucket,
            cancel)).VersioningConfig?.Status?.Value?.ToLowerInvariant() ?? "off");
        return new StoreSettings(open, versioning);
    }

    public void Dispose() => client.Dispose();

    private Task<PutOutcome> Put(string key, ReadOnlyMemory<byte> body, Action<PutObjectRequest> condition, CancellationToken cancel)
    {
        var full = KeyOf(key);
        ObjectSizes.CheckWrite(key, body.Length);
        return WithRetries(async doubtful =>
        {
            using var bytes = new MemoryStream(body.ToArray(), writable: false);
            var request = new PutObjectRequest { BucketName = bucket, Key = full, InputStream = bytes, AutoCloseStream = false,
                UseChunkEncoding = options.IsChunked };
            condition(request);
            try
            {
                await client.PutObjectAsync(request, cancel);
                return PutOutcome.Stored;
            }
            catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.PreconditionFailed || IsAbsent(e))
            {
                // An earlier try may have been the winner, and its answer lost.
                return doubtful && (await Get(key, cancel))?.Body.AsSpan().SequenceEqual(body.Span) == true
                    ? PutOutcome.Stored : PutOutcome.Conflict;
            }
        }, cancel);
    }

    // Repeats what got no answer. The attempt learns whether an earlier one may have had its effect.
    private async Task<T> WithRetries<T>(Func<bool, Task<T>> attempt, CancellationToken cancel)
    {
        var doubtful = false;
        for (var tries = 1; ; tries++)
        {
            try
            {
                return await attempt(doubtful);
            }
            catch (Exception e) when (!cancel.IsCancellationRequested && e is AmazonServiceException or AmazonClientException
                or HttpRequestException or IOException or OperationCanceledException or TimeoutException or RedirectedException)
            {
                // 409: another writer is writing this key right now; nothing was done.
                doubtful |= !IsBusy(e);
                if (tries == MaxTries || !(IsBusy(e) || IsNoAnswer(e)))
                    throw StoreFault(Sentence(e));
            }
            await Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.Next(20, 100 << tries)), TimeProvider.System, cancel);
        }
    }

    private static bool IsBusy(Exception e) => e is AmazonS3Exception { StatusCode: HttpStatusCode.Conflict };

    private static bool IsNoAnswer(Exception e) => e switch
    {
        RedirectedException => false,
        AmazonServiceException { InnerException: RedirectedException } => false,
        AmazonServiceException s => s.StatusCode is 0 or HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests
            or >= HttpStatusCode.InternalServerError,
        AmazonClientException => false, // no credentials
        _ => true,
    };

    // A missing bucket is no missing object.
    private static bool IsAbsent(AmazonS3Exception e) => e.StatusCode == HttpStatusCode.NotFound && e.ErrorCode != "NoSuchBucket";

    private string Sentence(Exception e) => e switch
    {
        AmazonServiceException { InnerException: RedirectedException inner } => $"the object store {Name} can't be used: {inner.Message}",
        RedirectedException => $"the object store {Name} can't be used: {e.Message}",
        AmazonServiceException { ErrorCode: "RequestTimeTooSkewed" } s =>
            $"the object store {Name} refuses us ({s.ErrorCode}): its clock and this host's differ by more than it allows; set both by NTP",
        AmazonServiceException { ErrorCode: "AuthorizationHeaderMalformed" } s => // AWS: signed for another region
            $"the object store {Name} answers {(int)s.StatusCode} {s.ErrorCode}: check s3.region and s3.serviceUrl",
        AmazonServiceException { ErrorCode: "NoSuchBucket" } s =>
            $"the object store {Name} answers {(int)s.StatusCode} {s.ErrorCode}: check the bucket's name, s3.region and s3.serviceUrl",
        AmazonServiceException { StatusCode: HttpStatusCode.Forbidden } s =>
            $"the object store {Name} refuses us ({s.ErrorCode}): check the key and its policy (docs/operations.md)",
        AmazonServiceException s when s.StatusCode != 0 => $"the object store {Name} answers {(int)s.StatusCode} {s.ErrorCode}",
        AmazonClientException when !IsNoAnswer(e) =>
            $"the object store {Name} can't be used: no credentials were found (docs/operations.md)",
        _ when Handshake(e) is { } refused =>
            $"the object store {Name} can't be used, no TLS connection is made: {refused.Message.TrimEnd('.')}. "
            + "Check s3.serviceUrl and s3.tlsRoots (docs/operations.md)",
        _ => $"the object store {Name} does not answer",
    };

    private static AuthenticationException? Handshake(Exception? e) =>
        e is null or AuthenticationException ? e as AuthenticationException : Handshake(e.InnerException);

    // Whatever goes wrong, it is not allowed to us.
    private static async Task<bool> Allows(Func<Task> request)
    {
        try
        {
            await request();
            return true;
        }
        catch (Exception e) when (e is AmazonServiceException or AmazonClientException or HttpRequestException or IOException
            or TimeoutException or RedirectedException)
        {
            return false;
        }
    }

    // False too where it does not answer.
    private async Task<bool> IsStill(string key, string etag, CancellationToken cancel)
    {
        var now = "";
        await Allows(async () => now = (await client.GetObjectMetadataAsync(bucket, KeyOf(key), cancel)).ETag);
        return now.Length > 0 && now.Trim('"') == etag.Trim('"');
    }

    private string KeyOf(string key) => prefix + Checked(key);
}
