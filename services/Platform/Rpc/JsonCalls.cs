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
        }
        catch (FaultException fault)
        {
            await Refuse(http, fault);
            return;
        }
        // The caller's time runs while its body is read, too.
        await (time is { } limit ? JsonDeadline.Within(http, limit, clock, Take) : Take(http));

        async Task Take(HttpContext taken)
        {
            try
            {
                if (call.HttpRule.Body.Length > 0)
                    taken.Request.Body = await JsonBody.Read(taken, call.MethodDescriptor.InputType);
                else
                    CheckQuery(taken, call.MethodDescriptor.InputType);
            }
            catch (FaultException fault)
            {
                await Refuse(taken, fault);
                return;
            }
            await next(taken);
        }
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

    // Transcoding ignores a name that it does not know, and remembers each for good.
    private static void CheckQuery(HttpContext http, MessageDescriptor type)
    {
        if (http.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody == true)
            throw FaultException.Invalid("body", "is not taken here");
        List<FieldProblem> problems = [];
        HashSet<string> seen = [];
        foreach (var (name, values) in http.Request.Query)
        {
            if (http.Request.RouteValues.ContainsKey(name))
                problems.Add(new(name, "belongs into the path"));
            else if (Field(type, name) is not { } field)
                problems.Add(new(name, $"{type.FullName} has no such field"));
            else if (!seen.Add(field.Path) || (values.Count > 1 && !field.Last.IsRepeated))
                problems.Add(new(name, "is there twice"));
        }
        if (problems.Count > 0)
            throw FaultException.Invalid([.. problems]);
    }

    // Whichever of its two names each field of the path has.
    private static (FieldDescriptor Last, string Path)? Field(MessageDescriptor type, string path)
    {
        List<FieldDescriptor> found = [];
        foreach (var name in path.Split('.'))
        {
            if (found is [.., { IsRepeated: true } or { FieldType: not FieldType.Message }])
                return null;
            if ((found is [.., var outer] ? outer.MessageType : type).Fields.InDeclarationOrder()
                .FirstOrDefault(f => f.Name == name || f.JsonName == name) is not { } field)
            {
                return null;
            }
            found.Add(field);
        }
        return (found[^1], string.Join('.', found.Select(f => f.Name)));
    }

    private static Task Refuse(HttpContext http, FaultException fault) => Answer(http, fault.Kind switch
    {
        FaultKind.Denied => StatusCodes.Status403Forbidden,
        FaultKind.TooLarge => StatusCodes.Status413PayloadTooLarge,
        _ => StatusCodes.Status400BadRequest,
    }, FaultStatus.Of(fault));

    /// <summary>An error that no interceptor sees.</summary>
    internal static Task Answer(HttpContext http, int code, Google.Rpc.Status status)
    {
        http.Response.StatusCode = code;
        http.Response.ContentType = "application/json";
        return http.Response.WriteAsync(Errors.Format(status), http.RequestAborted);
    }
}
