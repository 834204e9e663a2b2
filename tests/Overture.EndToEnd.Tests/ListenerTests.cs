using Overture.TestSupport;

namespace Overture.EndToEnd.Tests;

/// <summary>Every route to every listener: each is served by its own and by no other, whatever the Host header pretends.</summary>
[Collection(nameof(StackCollection))]
[Trait("Category", "e2e")]
public sealed class ListenerTests(Stack stack)
{
    private const string CaRoute = "/puppet-ca/v1/certificate/ca", ReportRoute = "/reports",
        NodeRoute = "/overture/v1/node/nobody.example.org";
    private static readonly string[] GrpcRoutes =
    [
        "/overture.conductor.v1.ConductorService/ListInstances", "/overture.certauthority.v1.CertAuthorityService/GetCrl",
        "/overture.classifier.v1.ClassifierService/ListNodes", "/grpc.health.v1.Health/Check",
    ];

    // Documented port, the certificate that its TLS takes, and the routes that live there.
    public static TheoryData<int, string, string[]> Listeners() => new()
    {
        { 7001, "admin", [GrpcRoutes[0], GrpcRoutes[3]] },
        { 7002, "admin", [GrpcRoutes[1], GrpcRoutes[3]] },
        { 7003, "admin", [GrpcRoutes[2], GrpcRoutes[3]] },
        { 8141, "puppetserver", [CaRoute] },
        { 8142, "puppetserver", [ReportRoute] },
        { 8143, "puppetserver", [NodeRoute] },
        { 8145, "puppetserver", [] },
    };

    [Theory]
    [MemberData(nameof(Listeners))]
    public async Task Listener_EveryRoute_ServesItsOwnOnly(int port, string identity, string[] own)
    {
        foreach (var route in GrpcRoutes.Append(CaRoute).Append(ReportRoute).Append(NodeRoute))
        {
            foreach (var host in new[] { "localhost", $"localhost:{Stack.Port(7001)}", $"localhost:{Stack.Port(8141)}",
                $"localhost:{Stack.Port(8142)}", $"localhost:{Stack.Port(8143)}", $"localhost:{Stack.Port(8145)}" })
            {
                var status = await Status(port, identity, route, host);
                // The terminus knows no such node, and says so in its own words.
                if (own.Contains(route) && route == NodeRoute)
                    Assert.Equal("404 application/problem+json", await Status(port, identity, route, host, "%{http_code} %{content_type}"));
                // 12 is UNIMPLEMENTED: gRPC's own way to say that there is no such service here.
                else if (own.Contains(route))
                    Assert.True(status is "200" or "200 0" or "202", $"{route} on {port} as {host}: {status}");
                else
                    Assert.True(status is "403" or "404" or "200 12", $"{route} on {port} as {host}: {status}");
            }
        }
    }

    [Theory]
    [InlineData(7001)]
    [InlineData(7002)]
    [InlineData(7003)]
    public async Task InternalListener_PuppetCertificateOrNone_EndsTheHandshake(int port)
    {
        Assert.Equal("000", await Status(port, "puppetserver", GrpcRoutes[3], "localhost"));
        Assert.Equal("000", await Status(port, "", GrpcRoutes[3], "localhost"));
    }

    [Theory]
    [InlineData(8142, ReportRoute)]
    [InlineData(8143, NodeRoute)]
    public async Task ListenerForPuppetservers_OrdinaryNode_Is403AndNoneEndsTheHandshake(int port, string route)
    {
        using var node = await Registered.Create(stack);
        (await stack.Agent(node.Directory, node.Certname, "ssl", "bootstrap")).Ok();
        var pem = $"{node.Directory}/s/certs/{node.Certname}.pem";
        var key = $"{node.Directory}/s/private_keys/{node.Certname}.pem";
        Assert.Equal("403", await Curl(port, route, "localhost", $"{stack.Home}/ca/ca_crt.pem", ["--cert", pem, "--key", key]));
        Assert.Equal("000", await Status(port, "", route, "localhost"));
    }

    private Task<string> Status(int port, string identity, string route, string host, string print = "%{http_code} %header{grpc-status}")
    {
        var grpc = port < 8000;
        var server = $"{stack.Home}/puppetserver/ssl";
        string[] certificate = identity switch
        {
            "" => [],
            "puppetserver" => ["--cert", Directory.GetFiles($"{server}/certs").Single(
                f => !f.EndsWith("/ca.pem", StringComparison.Ordinal)), "--key", Directory.GetFiles($"{server}/private_keys").Single()],
            _ => ["--cert", $"{stack.Home}/pki/{identity}.pem", "--key", $"{stack.Home}/pki/{identity}.key"],
        };
        return Curl(port, route, host, grpc ? $"{stack.Home}/pki/ca.pem" : $"{stack.Home}/ca/ca_crt.pem", certificate, print);
    }

    private async Task<string> Curl(int port, string route, string host, string roots, string[] certificate, string print = "%{http_code}")
    {
        string[] body = route switch
        {
            CaRoute or NodeRoute => [],
            ReportRoute => ["-X", "POST", "-H", "Content-Type: application/x-yaml", "--data-binary", "--- {}\n"],
            // an empty gRPC message: not compressed, no bytes
            _ => ["-X", "POST", "-H", "Content-Type: application/grpc", "-H", "TE: trailers", "--data-binary", $"@{Empty}"],
        };
        return (await Shell.Run("curl", [
            "-s", "-o", "/dev/null", "-w", print, "--cacert", roots, .. certificate, .. body, "-H", $"Host: {host}",
                $"https://localhost:{Stack.Port(port)}{route}"], null)).Output.Trim();
    }

    private static readonly string Empty = EmptyMessage();

    private static string EmptyMessage()
    {
        var file = Path.GetTempFileName();
        File.WriteAllBytes(file, new byte[5]);
        return file;
    }
}
