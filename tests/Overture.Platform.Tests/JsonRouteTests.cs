using System.Text.Json;
using Google.Api;
using Google.Protobuf.Reflection;
using Overture.Conductor.V1;
using Overture.Platform.Rpc;
using Overture.TestSupport;

namespace Overture.Platform.Tests;

/// <summary>What the protos say of HTTP. Whoever adds an RPC decides here whether it has a route.</summary>
public sealed class JsonRouteTests
{
    private static readonly string[] WithoutRoute =
        ["AuthorizeCertificateRequest", "ExportCa", "IssueAdminCertificate", "MarkSession", "PublishInternalCrl"];

    private static readonly string[] Reading = ["Get", "List", "Watch", "Summarize", "Explain", "Classify", "Check"];

    private static List<MethodDescriptor> Rpcs { get; } = [.. typeof(ConductorService).Assembly.GetExportedTypes()
        .Select(t => t.GetProperty("Descriptor", typeof(ServiceDescriptor))?.GetValue(null)).OfType<ServiceDescriptor>()
        .SelectMany(s => s.Methods)];

    [Fact]
    public void EveryRpc_HasOneRoute_OrIsOneOfThoseWithout()
    {
        Assert.Equal(WithoutRoute, Rpcs.Where(m => Rule(m) is null).Select(m => m.Name).Order(StringComparer.Ordinal));
        Assert.All(Rpcs, m => Assert.Empty(Rule(m)?.AdditionalBindings ?? []));
        var routes = Rpcs.Where(m => Rule(m) is not null).Select(m => (m.Service.FullName, JsonCaller.Route(m)!.Value.Method,
            JsonCaller.Route(m)!.Value.Path)).ToList();
        Assert.Equal(routes.Count, routes.Distinct().Count());
        Assert.All(routes, r => Assert.StartsWith("/v1/", r.Path, StringComparison.Ordinal));
    }

    /// <summary>A page in a browser can send a GET without asking; anything else has to be JSON, which it can't.</summary>
    [Fact]
    public void WhatChangesSomething_IsNoGet_AndHasItsWholeMessageInTheBody() => Assert.All(Rpcs, m =>
    {
        if (Rule(m) is not { } rule)
            return;
        var isGet = rule.PatternCase == HttpRule.PatternOneofCase.Get;
        Assert.Equal(isGet ? "" : "*", rule.Body);
        Assert.Equal("", rule.ResponseBody);
        if (isGet)
            Assert.True(Reading.Any(r => m.Name.StartsWith(r, StringComparison.Ordinal)), m.FullName);
        Assert.Contains(rule.PatternCase, new[] { HttpRule.PatternOneofCase.Get, HttpRule.PatternOneofCase.Post,
            HttpRule.PatternOneofCase.Put, HttpRule.PatternOneofCase.Patch });
    });

    [Theory]
    [InlineData("30S", 30_000), InlineData("2H", 7_200_000), InlineData("3M", 180_000), InlineData("5m", 5), InlineData("7000u", 7)]
    [InlineData("2000000n", 2), InlineData("0S", 0)]
    public void Timeout_IsReadAsGrpcHasIt(string text, double milliseconds) =>
        Assert.Equal(milliseconds, JsonDeadline.Parse(text)!.Value.TotalMilliseconds, 3);

    [Theory]
    [InlineData(""), InlineData("S"), InlineData("30"), InlineData("-1S"), InlineData("1.5S"), InlineData("123456789S"), InlineData("1D")]
    [InlineData(" 1S"), InlineData("1S,1S"), InlineData("٣S")]
    public void Timeout_ThatIsNone_IsNull(string text) => Assert.Null(JsonDeadline.Parse(text));

    /// <summary>docs/openapi is what eng/openapi.sh writes now, and a reader of OpenAPI takes it.</summary>
    [Fact, Trait("Category", "integration")]
    public async Task OpenApi_IsOfTheseRoutes_AndValid()
    {
        using var written = new TempDirectory();
        (await Shell.Run("dotnet", [RepositoryPaths.Output("eng/openapi", "Overture.OpenApi.dll"), written.Path], null,
            limit: TimeSpan.FromMinutes(5))).Ok();
        foreach (var service in Rpcs.GroupBy(m => m.Service))
        {
            var name = service.Key.Name.Replace("Service", "", StringComparison.Ordinal).ToLowerInvariant() + ".json";
            var text = await File.ReadAllTextAsync(written.File(name));
            Assert.True(text == await File.ReadAllTextAsync(RepositoryPaths.File($"docs/openapi/{name}")),
                $"docs/openapi/{name} is not what the protos say: eng/openapi.sh");
            var paths = JsonDocument.Parse(text).RootElement.GetProperty("paths");
            var found = paths.EnumerateObject().SelectMany(p => p.Value.EnumerateObject().Select(o => $"{o.Name} {p.Name}"));
            Assert.Equal(service.Where(m => Rule(m) is not null).Select(Documented).Order(StringComparer.Ordinal),
                found.Order(StringComparer.Ordinal));
            (await Shell.Run("node", ["-e", """
                require("@apidevtools/swagger-parser").validate(process.argv[1])
                    .then(() => {}, e => { console.error(e.message); process.exit(1) })
                """, written.File(name)], null, directory: RepositoryPaths.File("artifacts/npm"))).Ok();
        }
    }

    private static string Documented(MethodDescriptor rpc)
    {
        var rule = Rule(rpc)!;
        var path = rule.Get.Length + rule.Post.Length + rule.Put.Length > 0 ? rule.Get + rule.Post + rule.Put : rule.Patch;
        return $"{rule.PatternCase.ToString().ToLowerInvariant()} {path}";
    }

    private static HttpRule? Rule(MethodDescriptor rpc) => rpc.GetOptions()?.GetExtension(AnnotationsExtensions.Http);
}
