using System.Text;
using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Net.Http.Headers;
using Overture.Platform.Faults;

namespace Overture.Platform.Rpc;

/// <summary>
/// The body of a call by JSON, read strictly: transcoding ignores a field that it does not know, and a typing mistake would be a default;
/// of two values of one field it takes the last, where a reader in between (a proxy's rules, a log) may take the first.
/// </summary>
internal static class JsonBody
{
    private static readonly JsonDocumentOptions Once = new() { AllowDuplicateProperties = false };

    /// <returns>The whole body, from its start.</returns>
    /// <exception cref="FaultException">It is not the message, or says something else than the path.</exception>
    public static async Task<Stream> Read(HttpContext http, MessageDescriptor type)
    {
        CheckHeaders(http.Request);
        http.Features.Get<IHttpMaxRequestBodySizeFeature>()!.MaxRequestBodySize = JsonCalls.LargestBody;
        var body = new MemoryStream();
        try
        {
            await http.Request.Body.CopyToAsync(body, http.RequestAborted);
        }
        catch (BadHttpRequestException e) when (e.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            throw new FaultException(FaultKind.TooLarge, Reason.TooLarge, $"the body has more than {JsonCalls.LargestBody} bytes");
        }
        List<FieldProblem> problems = [];
        try
        {
            var bytes = body.GetBuffer().AsMemory(0, (int)body.Length);
            var message = JsonParser.Default.Parse(Encoding.UTF8.GetString(bytes.Span), type);
            using var json = JsonDocument.Parse(bytes, Once);
            CheckNames(json.RootElement, type, "", problems);
            CheckPath(http.Request.RouteValues, message, problems);
        }
        // IOException: InvalidJsonException and InvalidProtocolBufferException are such.
        catch (Exception e) when (e is IOException or FormatException or OverflowException or ArgumentException
            or InvalidOperationException or JsonException)
        {
            throw FaultException.Invalid("body", $"is not JSON of {type.FullName}: {e.Message.Split('\n')[0]}");
        }
        if (problems.Count > 0)
            throw FaultException.Invalid([.. problems]);
        body.Position = 0;
        return body;
    }

    private static void CheckHeaders(HttpRequest request)
    {
        if (request.Query.Count > 0)
            throw FaultException.Invalid([.. request.Query.Keys.Select(k => new FieldProblem(k, "belongs into the body"))]);
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out var sent) || sent.MediaType != "application/json"
            || (sent.Charset.HasValue && !sent.Charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase)))
        {
            throw FaultException.Invalid(HeaderNames.ContentType, "must be application/json, in UTF-8");
        }
        if (request.Headers.ContainsKey(HeaderNames.ContentEncoding))
            throw FaultException.Invalid(HeaderNames.ContentEncoding, "is not taken: send the body as it is");
    }

    // A field has two names (request_id, requestId): both of them are one field twice.
    private static void CheckNames(JsonElement value, MessageDescriptor type, string path, List<FieldProblem> problems)
    {
        // Protobuf's own have a form of theirs: a Struct's names are no fields.
        if (value.ValueKind != JsonValueKind.Object || type.File.Package == "google.protobuf")
            return;
        foreach (var named in value.EnumerateObject().GroupBy(p => type.Fields.InDeclarationOrder()
            .FirstOrDefault(f => f.Name == p.Name || f.JsonName == p.Name)))
        {
            if (named.Key is not { } field)
                continue;
            if (named.Count() > 1)
                problems.Add(new(path + field.Name, "is there twice"));
            if (field.FieldType != FieldType.Message)
                continue;
            var inner = field.IsMap ? field.MessageType.FindFieldByNumber(2) : field;
            if (inner.FieldType != FieldType.Message)
                continue;
            foreach (var one in named.SelectMany(p => Values(p.Value, field)))
                CheckNames(one, inner.MessageType, $"{path}{field.Name}.", problems);
        }
    }

    private static IEnumerable<JsonElement> Values(JsonElement value, FieldDescriptor field) => value.ValueKind switch
    {
        JsonValueKind.Array => value.EnumerateArray(),
        JsonValueKind.Object when field.IsMap => value.EnumerateObject().Select(p => p.Value),
        _ => [value],
    };

    // Transcoding would take the path's without a word.
    private static void CheckPath(RouteValueDictionary path, IMessage message, List<FieldProblem> problems)
    {
        foreach (var (name, value) in path)
        {
            if (message.Descriptor.FindFieldByName(name) is { FieldType: FieldType.String, IsRepeated: false } field
                && field.Accessor.GetValue(message) is string { Length: > 0 } said && said != value as string)
            {
                problems.Add(new(name, "is not that of the path"));
            }
        }
    }
}
