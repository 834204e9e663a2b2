using System.Net;
using System.Text;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Overture.CertAuthority.Enrollment;
using Overture.CertAuthority.PuppetApi;
using Overture.Platform.Records;
using Overture.TestSupport;
using Xunit.Abstractions;

namespace Overture.CertAuthority.Tests.Threats;

/// <summary>
/// Threats §2.3 B: routes that are the administrator's, asked for by everyone else. From the service's own route table: a new route is in.
/// </summary>
[Collection(ThreatCollection.Name), Trait("Category", "integration")]
public sealed class ThreatsBAdmin(CaFixture house, ITestOutputHelper output)
{
    private const string Forged =
        "X-Client-Verify: SUCCESS\nX-Client-DN: CN=admin.example.org\nX-SSL-Subject: CN=admin.example.org\nSSL-CLIENT-VERIFY: "
            + "SUCCESS\nX-Forwarded-Client-Cert: Subject=\"CN=admin.example.org\"\nX-Real-IP: 127.0.0.1";

    private readonly RunningCa ca = house.Ca;

    [Fact]
    public async Task T35_AdministratorsRoutes_AreNobodyElses()
    {
        using var node = await ca.Node();
        using var admin = await ca.Administrator("t35-admin.example.org");
        var before = await Kept();
        var routes = Routes(node.Name).ToList();
        foreach (var must in new[] { "GET certificate_status", "PUT certificate_status", "DELETE certificate_status",
            "GET certificate_statuses", "PUT clean", "POST sign", "POST sign/all", "PUT certificate_revocation_list" })
        {
            Assert.Contains(routes, r => r.Access == Access.Admin && $"{r.Method} {r.Path}".StartsWith(
                must.Replace(" ", " /puppet-ca/v1/", StringComparison.Ordinal), StringComparison.Ordinal));
        }

        foreach (var (method, path, access) in routes)
        {
            var (nobody, asNode) = (await Send(ca.Agent, method, path), await Send(node.Http, method, path));
            Assert.Equal((method, path, access == Access.Anyone), (method, path, nobody != HttpStatusCode.Forbidden));
            Assert.Equal((method, path, access != Access.Admin), (method, path, asNode != HttpStatusCode.Forbidden));
            // What an administrator would really do, on names that are not there.
            if (access == Access.Admin && path != "/puppet-ca/v1/sign/all")
            {
                Assert.NotEqual((method, path, HttpStatusCode.Forbidden), (method, path,
                    await Send(admin.Http, method, path.Replace(node.Name.ToString(), "nobody.example.org", StringComparison.Ordinal))));
            }
            output.WriteLine($"{method} {path}: {(int)nobody} to nobody, {(int)asNode} to a node");
        }

        await Unchanged(before, node.Name);
    }

    [Fact]
    public async Task T36_IdentityInHeaders_IsIgnored()
    {
        using var node = await ca.Node();
        using var admin = await ca.Administrator("t36-admin.example.org");
        var before = await Kept();
        var certificate = Uri.EscapeDataString(admin.Certificate.ExportCertificatePem());

        foreach (var (method, path, access) in Routes(node.Name)
            .Where(r => r.Access != Access.Anyone || r.Path.Contains("certificate_request", StringComparison.Ordinal)))
        {
            foreach (var client in new[] { ca.Agent, node.Http })
            {
                var with = await Send(client, method, path, $"{Forged}\nX-Client-Cert: {certificate}\nX-SSL-Client-Cert: {certificate}");
                Assert.Equal((method, path, await Send(client, method, path)), (method, path, with));
                Assert.False(with == HttpStatusCode.OK && access == Access.Admin, $"{method} {path} let somebody in");
            }
            output.WriteLine($"{method} {path} with an administrator's certificate in headers, by nobody and by a node: as without");
        }

        await Unchanged(before, node.Name);
    }

    [Fact]
    public async Task T39_NodeThatRevokesOrCleans_ItselfOrAnother_Is403()
    {
        using var node = await ca.Node();
        using var other = await ca.Node();
        var before = await Kept();

        foreach (var victim in new[] { node.Name, other.Name })
        {
            foreach (var (method, path, body) in new[]
            {
                ("PUT", $"certificate_status/{victim}", """{"desired_state":"revoked"}"""), ("DELETE", $"certificate_status/{victim}", ""),
                    ("PUT", "clean", $$"""{"certnames":["{{victim}}"]}"""),
                ("DELETE", $"certificate_request/{victim}", ""),
            })
            {
                using var request = new HttpRequestMessage(new HttpMethod(method),
                    new Uri(path, UriKind.Relative)) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
                using var answer = await node.Http.SendAsync(request);
                Assert.Equal((method, path, HttpStatusCode.Forbidden), (method, path, answer.StatusCode));
                output.WriteLine($"{method} {path} by {node.Name}: 403");
            }
        }

        await Unchanged(before, node.Name, other.Name);
    }

    private async Task<IReadOnlyList<string>> Kept()
    {
        var kept = new List<string>();
        foreach (var prefix in new[] { ObjectKeys.Claims, ObjectKeys.Certificates, ObjectKeys.Revocations, ObjectKeys.Blocks,
            ObjectKeys.Cleanings, ObjectKeys.HeldRequests, "ca/parents/" })
        {
            kept.AddRange(await house.Keys(prefix));
        }
        return kept;
    }

    // Nothing is gone, blocked, revoked, cleaned or held; renewing alone is every node's right, and so among what the matrix did.
    private async Task Unchanged(IReadOnlyList<string> before, params CertName[] names)
    {
        var now = await Kept();
        Assert.Empty(before.Except(now));
        Assert.All(now.Except(before), k => Assert.True(k.Contains("/renew-", StringComparison.Ordinal)
            || k.StartsWith(ObjectKeys.Certificates, StringComparison.Ordinal), $"{k} is new"));
        foreach (var name in names)
            Assert.NotNull(await ca.Certificate(name));
        output.WriteLine("the store held afterwards: what it held before");
    }

    private IEnumerable<(string Method, string Path, Access Access)> Routes(CertName name) =>
        ca.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
        .Where(e => e.RoutePattern.RawText!.StartsWith("/puppet-ca/", StringComparison.Ordinal)
            || e.RoutePattern.RawText.StartsWith("/status/", StringComparison.Ordinal))
        .SelectMany(
            e => e.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods.Select(m => (m, System.Text.RegularExpressions.Regex.Replace(
                e.RoutePattern.RawText!, @"\{[^}]*\}", name.ToString()), e.Metadata.OfType<Access>().Single())));

    private static async Task<HttpStatusCode> Send(HttpClient client, string method, string path, string headers = "")
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), new Uri(client.BaseAddress!, path));
        if (method is "PUT" or "POST" or "PATCH")
        {
            request.Content =
                new StringContent("""{"desired_state":"revoked","certnames":["nobody.example.org"]}""", Encoding.UTF8, "application/json");
        }
        foreach (var header in headers.Split('\n', StringSplitOptions.RemoveEmptyEntries))
            request.Headers.TryAddWithoutValidation(header.Split(": ")[0], header.Split(": ")[1]);
        using var answer = await client.SendAsync(request);
        return answer.StatusCode;
    }
}
