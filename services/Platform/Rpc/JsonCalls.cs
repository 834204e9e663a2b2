using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.AspNetCore.Server;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Grpc.JsonTranscoding;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Net.Http.Headers;
using Overture.Platform.Faults;
using BadRequest = Google.Rpc.BadRequest;
using ErrorInfo = Google.Rpc.ErrorInfo;
using RetryInfo = Google.Rpc.RetryInfo;

namespace Overture.Platform.Rpc;

/// <summary>
/// RPCs whose protos have an HTTP route (google.api.http) as JSON, on the gRPC listener: the same handshake, interceptors and handlers.
/// What transcoding would pass over without a word is refused before it: docs/decisions/0020-json.md.
/// </summary>
public static class JsonCalls
{
    /// <summary>Bytes of a message, binary or as JSON.</summary>
    public const int LargestBody = 512 * 1024;

    private static readonly TypeRegistry ErrorTypes =
        TypeRegistry.FromMessages(ErrorInfo.Descriptor, BadRequest.Descriptor, RetryInfo.Descriptor);
    private static readonly JsonFormatter Errors = new(JsonFormatter.Settings.Default.WithTypeRegistry(ErrorTypes));
    // A header that only a browser sends. Its user's certificate goes along with what another site's page asks for (CSRF).
    private static readonly string[] OfBrowsers = [HeaderNames.Origin, HeaderNames.Referer, "Sec-Fetch-Site", "Sec-Fetch-Mode"];
    // Nothing here reads them; a proxy's rules may.
    private static readonly string[] OfOtherMethods = ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"];

    public static void AddJsonCalls(this IGrpcServerBuilder rpcs) => rpcs.AddJsonTranscoding(json =>
    {
        json.TypeRegistry = ErrorTypes;
        // As protobuf has it: a reader with floating-point numbers would lose digits.
        json.JsonSettings.WriteInt64sAsStrings = true;
    });

    /// <summary>After the guard of listeners; around calls by JSON alone.</summary>
    public static void UseJsonCalls(this WebApplication app)
    {
        var clock = app.Services.GetRequiredService<TimeProvider>();
        app.Use(next => context => context.GetEndpoint()?.Metadata.GetMetadata<GrpcJsonTranscodingMetadata>() is { } call
            ? Serve(context, call, clock, next) : next(context));
    }

    private static async Task Serve(HttpContext http, GrpcJsonTranscodingMetadata call, TimeProvider clock, RequestDelegate next)
    {
        http.Response.Headers.CacheControl = "no-store";
        http.Response.Headers.XContentTypeOptions = "nosniff";
        TimeSpan? time;
        try
        {
            time = Time(http.Request);
            if (call.HttpRule.Body.Length > 0)
                http.Request.Body = await Body(http, call.MethodDescriptor.InputType);
            else
                CheckQuery(http, call.MethodDescriptor.InputType);
        }
        catch (FaultException fault)
        {
            await Refuse(http, fault);
            return;
        }
        await (time is { } limit ? JsonDeadline.Within(http, limit, clock, next) : next(http));
    }

    private static TimeSpan? Time(HttpRequest request)
    {
        if (OfBrowsers.FirstOrDefault(request.Headers.ContainsKey) is { } browser)
        {
            throw new FaultException(FaultKind.Denied, Reason.BrowserRefused,
                $"the header {browser} says that this comes from a page in a browser, which may act without its user's knowledge");
        }
        if (OfOtherMethods.FirstOrDefault(request.Headers.ContainsKey) is { } other)
            throw FaultException.Invalid(other, "is not taken: send the method itself");
        if (!request.Headers.TryGetValue(JsonDeadline.Header, out var text))
            return null;
        return JsonDeadline.Parse(text.ToString())
            ?? throw FaultException.Invalid(JsonDeadline.Header, "must be 1 to 8 digits and one of H, M, S, m, u, n, e.g. 30S");
    }

    // The whole body, read strictly: transcoding ignores a field that it does not know, and a typing mistake would be a default.
    private static async Task<Stream> Body(HttpContext http, MessageDescriptor type)
    {
        var request = http.Request;
        if (request.QueryString.HasValue)
            throw FaultException.Invalid([.. request.Query.Keys.Select(k => new FieldProblem(k, "belongs into the body"))]);
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out var sent) || sent.MediaType != "application/json"
            || (sent.Charset.HasValue && !sent.Charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase)))
        {
            throw FaultException.Invalid(HeaderNames.ContentType, "must be application/json, in UTF-8");
        }
        if (request.Headers.ContainsKey(HeaderNames.ContentEncoding))
            throw FaultException.Invalid(HeaderNames.ContentEncoding, "is not taken: send the body as it is");
        http.Features.Get<IHttpMaxRequestBodySizeFeature>()!.MaxRequestBodySize = LargestBody;
        var body = new MemoryStream();
        try
        {
            await request.Body.CopyToAsync(body, http.RequestAborted);
        }
        catch (BadHttpRequestException e) when (e.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            throw new FaultException(FaultKind.TooLarge, Reason.TooLarge, $"the body has more than {LargestBody} bytes");
        }
        try
        {
            JsonParser.Default.Parse(System.Text.Encoding.UTF8.GetString(body.GetBuffer(), 0, (int)body.Length), type);
        }
        // IOException: InvalidJsonException and InvalidProtocolBufferException are such.
        catch (Exception e) when (e is IOException or FormatException or OverflowException or ArgumentException
            or InvalidOperationException)
        {
            throw FaultException.Invalid("body", $"is not JSON of {type.FullName}: {e.Message.Split('\n')[0]}");
        }
        body.Position = 0;
        return body;
    }

    // Transcoding ignores a name that it does not know, and remembers each for good.
    private static void CheckQuery(HttpContext http, MessageDescriptor type)
    {
        if (http.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody == true)
            throw FaultException.Invalid("body", "is not taken here");
        FieldProblem[] problems = [.. http.Request.Query.SelectMany(q => Problem(q.Key, q.Value.Count) is { } rule
            ? new[] { new FieldProblem(q.Key, rule) } : [])];
        if (problems.Length > 0)
            throw FaultException.Invalid(problems);

        string? Problem(string name, int count)
        {
            if (http.Request.RouteValues.ContainsKey(name))
                return "belongs into the path";
            return Field(type, name) is not { } field ? $"{type.FullName} has no such field"
                : count > 1 && !field.IsRepeated ? "is there twice" : null;
        }
    }

    private static FieldDescriptor? Field(MessageDescriptor type, string path)
    {
        FieldDescriptor? found = null;
        foreach (var name in path.Split('.'))
        {
            if (found is { IsRepeated: true } or { FieldType: not FieldType.Message })
                return null;
            found = (found?.MessageType ?? type).Fields.InDeclarationOrder().FirstOrDefault(f => f.Name == name || f.JsonName == name);
            if (found is null)
                return null;
        }
        return found;
    }

    private static Task Refuse(HttpContext http, FaultException fault)
    {
        http.Response.StatusCode = fault.Kind switch
        {
            FaultKind.Denied => StatusCodes.Status403Forbidden,
            FaultKind.TooLarge => StatusCodes.Status413PayloadTooLarge,
            _ => StatusCodes.Status400BadRequest,
        };
        http.Response.ContentType = "application/json";
        return http.Response.WriteAsync(Errors.Format(FaultStatus.Of(fault)), http.RequestAborted);
    }
}
