using System.Net;
using System.Text;
using System.Text.Json;
using Google.Protobuf.Reflection;

namespace Overture.TestSupport;

/// <summary>What came back: the status, and the body as JSON; null: it is none.</summary>
public sealed record JsonAnswer(HttpStatusCode Status, JsonElement? Body)
{
    /// <summary>Of google.rpc.ErrorInfo; empty: there is none.</summary>
    public string Reason => Body is { ValueKind: JsonValueKind.Object } body && body.TryGetProperty("details", out var details)
        ? string.Concat(details.EnumerateArray().Select(d => d.TryGetProperty("reason", out var reason) ? reason.GetString() : "")) : "";

    public string Text => Body?.ToString() ?? "";
}

/// <summary>One party that calls a service's RPCs as JSON over HTTP/2.</summary>
public sealed class JsonCaller : IDisposable
{
    private readonly HttpClient http;

    public JsonCaller(TestPki pki, int port, string party) => http = new HttpClient(pki.Handler(party))
    {
        BaseAddress = new Uri($"https://localhost:{port}"),
        DefaultRequestVersion = HttpVersion.Version20,
        DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        Timeout = TimeSpan.FromMinutes(2),
    };

    /// <param name="method">GET, POST …</param>
    /// <param name="path">With its query.</param>
    /// <param name="json">The body; null: none.</param>
    /// <param name="change">Of the request, before it is sent.</param>
    public async Task<JsonAnswer> Call(string method, string path, string? json = null, Action<HttpRequestMessage>? change = null)
    {
        using var request = Request(method, path, json, change);
        using var answer = await http.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        try
        {
            return new(answer.StatusCode, JsonDocument.Parse(text).RootElement);
        }
        catch (JsonException)
        {
            return new(answer.StatusCode, null);
        }
    }

    /// <summary>The lines of a stream, each of them JSON.</summary>
    public async IAsyncEnumerable<JsonElement> Stream(string path, Action<HttpRequestMessage>? change = null)
    {
        using var request = Request("GET", path, null, change);
        using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync());
        while (await reader.ReadLineAsync() is { } line)
        {
            if (line.Length > 0)
                yield return JsonDocument.Parse(line).RootElement;
        }
    }

    /// <summary>Method and path of an RPC, with x in place of each variable; null: it has no route.</summary>
    public static (string Method, string Path, bool HasBody)? Route(MethodDescriptor rpc)
    {
        ArgumentNullException.ThrowIfNull(rpc);
        if (rpc.GetOptions()?.GetExtension(Google.Api.AnnotationsExtensions.Http) is not { } rule)
            return null;
        var (method, path) = rule.PatternCase switch
        {
            Google.Api.HttpRule.PatternOneofCase.Get => ("GET", rule.Get),
            Google.Api.HttpRule.PatternOneofCase.Post => ("POST", rule.Post),
            Google.Api.HttpRule.PatternOneofCase.Put => ("PUT", rule.Put),
            Google.Api.HttpRule.PatternOneofCase.Patch => ("PATCH", rule.Patch),
            _ => (rule.PatternCase.ToString(), ""),
        };
        return (method, path.Replace("{certname}", "x", StringComparison.Ordinal).Replace("{name}", "x", StringComparison.Ordinal),
            rule.Body.Length > 0);
    }

    public void Dispose() => http.Dispose();

    private static HttpRequestMessage Request(string method, string path, string? json, Action<HttpRequestMessage>? change)
    {
        var request = new HttpRequestMessage(new HttpMethod(method), new Uri(path, UriKind.Relative))
        {
            Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = json is null ? null : new StringContent(json, Encoding.UTF8, "application/json"),
        };
        change?.Invoke(request);
        return request;
    }
}
