using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Amazon.Runtime;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Overture.Platform.Objects;
using Overture.TestSupport;

namespace Overture.Platform.Tests;

/// <summary>What a broken S3 server does.</summary>
[Flags]
public enum Lies
{
    None = 0,
    IgnoresIfNoneMatch = 1,
    IgnoresIfMatch = 2,
    ListsLate = 4,
    /// <summary>Two front ends of it do not see each other's conditional creates in time.</summary>
    RacesCreates = 8,
    /// <summary>Nor each other's conditional replacements.</summary>
    RacesReplacements = 16,
    /// <summary>Compares If-Match with the bare hash, as Ceph's object gateway does.</summary>
    WantsBareETags = 32,
    /// <summary>Takes every If-Match that is not in quotes.</summary>
    IgnoresBareETags = 64,
}

/// <summary>An S3 server in this process that can lie and fail: for what no honest server does on demand. It checks no signature.</summary>
internal sealed class S3Double : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, byte[]> objects;
    private readonly Lock gate;
    // Against which condition each front end has written a path: in a racy store the first to come to each is taken.
    private readonly ConcurrentDictionary<(string Path, string Against, string FrontEnd), bool> firsts;
    private readonly WebApplication app;

    private S3Double(Lies lies, S3Double? beside, string address, X509Certificate2? certificate)
    {
        Lies = lies;
        objects = beside?.objects ?? new(StringComparer.Ordinal);
        gate = beside?.gate ?? new();
        firsts = beside?.firsts ?? new();
        Endpoint = $"{(certificate is null ? "http" : "https")}://{address}:{(beside is null ? FreePort.Next() : new Uri(beside.Endpoint).Port)}";
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls(Endpoint);
        if (certificate is not null)
        {
            builder.WebHost.UseKestrelHttpsConfiguration()
                .ConfigureKestrel(kestrel => kestrel.ConfigureHttpsDefaults(https => https.ServerCertificate = certificate));
        }
        app = builder.Build();
        app.Run(Serve);
    }

    public string Endpoint { get; }

    public Lies Lies { get; set; }

    public ConcurrentQueue<(string Method, string Path, Dictionary<string, string> Headers)> Requests { get; } = new();

    /// <summary>Called with the number of the PUT (from 1), before it has its effect; true: it answered, nothing is stored.</summary>
    public Func<int, HttpContext, Task<bool>> BeforePut { get; set; } = (_, _) => Task.FromResult(false);

    /// <summary>Called after it has had its effect; true: it answered, or not.</summary>
    public Func<int, HttpContext, Task<bool>> AfterPut { get; set; } = (_, _) => Task.FromResult(false);

    public int Puts { get; private set; }

    /// <summary>Called with the key when a DELETE has had its effect.</summary>
    public Action<string> AfterDelete { get; set; } = _ => { };

    /// <summary>How far its clock is ahead of ours.</summary>
    public TimeSpan Ahead { get; set; }

    /// <summary>Called before a GET of an object is answered; true: it answered.</summary>
    public Func<string, HttpContext, Task<bool>> BeforeGet { get; set; } = (_, _) => Task.FromResult(false);

    /// <param name="lies">What it does.</param>
    /// <param name="beside">Another front end, of whose objects this one is a second; at the same port.</param>
    /// <param name="address">Of loopback.</param>
    /// <param name="certificate">By TLS, with this; null: without.</param>
    public static async Task<S3Double> Start(Lies lies = Lies.None, S3Double? beside = null, string address = "127.0.0.1",
        X509Certificate2? certificate = null)
    {
        var server = new S3Double(lies, beside, address, certificate);
        await server.app.StartAsync();
        return server;
    }

    public S3Store Open(TimeSpan? timeout = null) => S3Store.At("s3://bucket", "",
        new S3Options { ServiceUrl = Endpoint, Timeout = timeout ?? TimeSpan.FromSeconds(5) }, new BasicAWSCredentials("key", "secret"));

    public void Hold(string key, byte[] body) => objects["/bucket/" + key] = body;

    public async ValueTask DisposeAsync() => await app.DisposeAsync();

    public static Task<bool> Answer(HttpContext context, int status, string code)
    {
        context.Response.StatusCode = status;
        return Say(context, $"<Error><Code>{code}</Code><Message>test</Message></Error>");
    }

    private async Task Serve(HttpContext context)
    {
        var path = context.Request.Path.Value!;
        context.Response.Headers.Date = (TimeProvider.System.GetUtcNow() + Ahead).ToString("R", CultureInfo.InvariantCulture);
        Requests.Enqueue((context.Request.Method, path,
            context.Request.Headers.ToDictionary(h => h.Key.ToLowerInvariant(), h => h.Value.ToString())));
        switch (context.Request.Method)
        {
            case "PUT":
                await Put(path, context);
                break;
            case "DELETE":
                objects.TryRemove(path, out _);
                AfterDelete(path["/bucket/".Length..]);
                context.Response.StatusCode = 204;
                break;
            case "GET" when path.Trim('/') == "bucket":
                await List(context);
                break;
            case "GET" when await BeforeGet(path["/bucket/".Length..], context):
                break;
            case "GET" when objects.TryGetValue(path, out var body):
                context.Response.Headers.ETag = ETag(body);
                context.Response.Headers.LastModified = "Wed, 25 Nov 2026 10:00:00 GMT";
                await context.Response.Body.WriteAsync(body);
                break;
            case "HEAD" when objects.TryGetValue(path, out var body):
                context.Response.Headers.ETag = ETag(body);
                break;
            default:
                await Answer(context, 404, "NoSuchKey");
                break;
        }
    }

    private async Task Put(string path, HttpContext context)
    {
        using var read = new MemoryStream();
        await context.Request.Body.CopyToAsync(read);
        int number;
        lock (gate)
            number = ++Puts;
        if (await BeforePut(number, context))
            return;
        var refused = Store(path, read.ToArray(), context.Request.Headers.IfNoneMatch.ToString(),
            context.Request.Headers.IfMatch.ToString());
        if (refused != 0)
            await Answer(context, refused, refused == 404 ? "NoSuchKey" : "PreconditionFailed");
        else if (!await AfterPut(number, context))
            context.Response.Headers.ETag = ETag(read.ToArray());
    }

    private int Store(string path, byte[] body, string ifNoneMatch, string ifMatch)
    {
        var races = Lies.HasFlag(ifMatch.Length > 0 ? Tests.Lies.RacesReplacements : Tests.Lies.RacesCreates);
        lock (gate)
        {
            var there = objects.TryGetValue(path, out var old);
            // It has not seen what the others wrote meanwhile.
            if (races && there && firsts.Keys.Any(k => k.Path == path && k.Against == ifNoneMatch + ifMatch)
                && firsts.TryAdd((path, ifNoneMatch + ifMatch, Endpoint), true))
            {
                objects[path] = body;
                return 0;
            }
            if (ifNoneMatch == "*" && there && !Lies.HasFlag(Tests.Lies.IgnoresIfNoneMatch))
                return 412;
            if (ifMatch.Length > 0 && !Lies.HasFlag(Tests.Lies.IgnoresIfMatch))
            {
                if (!there)
                    return 404;
                var current = Lies.HasFlag(Tests.Lies.WantsBareETags) ? ETag(old!).Trim('"') : ETag(old!);
                if (current != ifMatch && !(Lies.HasFlag(Tests.Lies.IgnoresBareETags) && ifMatch[0] != '"'))
                    return 412;
            }
            firsts.TryAdd((path, ifNoneMatch + ifMatch, Endpoint), true);
            objects[path] = body;
            return 0;
        }
    }

    private Task List(HttpContext context)
    {
        var prefix = context.Request.Query["prefix"].ToString();
        var keys = objects.Keys.Select(k => k["/bucket/".Length..])
            .Where(k => k.StartsWith(prefix, StringComparison.Ordinal) && !Lies.HasFlag(Tests.Lies.ListsLate))
                .Order(StringComparer.Ordinal);
        return Say(context,
            $"<ListBucketResult><IsTruncated>false</IsTruncated>{string.Concat(keys.Select(k => $"<Contents><Key>{k}</Key></Contents>"))}</ListBucketResult>");
    }

    private static async Task<bool> Say(HttpContext context, string xml)
    {
        context.Response.ContentType = "application/xml";
        await context.Response.WriteAsync("<?xml version=\"1.0\"?>" + xml);
        return true;
    }

    private static string ETag(byte[] body) => $"\"{Convert.ToHexStringLower(SHA256.HashData(body).AsSpan(0, 16))}\"";
}
