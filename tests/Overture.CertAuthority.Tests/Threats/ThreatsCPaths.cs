using System.Security.Cryptography;
using Overture.Platform.Faults;
using Overture.TestSupport;
using Xunit.Abstractions;

namespace Overture.CertAuthority.Tests.Threats;

/// <summary>Threats §2.3 C: paths that climb, hide or pretend. Sent byte for byte, over real TLS.</summary>
[Collection(ThreatCollection.Name), Trait("Category", "integration")]
public sealed class ThreatsCPaths(CaFixture house, ITestOutputHelper output)
{
    private static readonly string[] Climbers =
    [
        "../", "..%2f", "..%2F", "%2e%2e%2f", "%2e%2e/", "%252e%252e%252f", "..%252f", "..\\", "..%5c", "%5c..%5c", "/", "//etc/passwd",
            "%2fetc%2fpasswd", "%00", "x%00y", "con", "..;/", ".%2e/",
        "%c0%ae%c0%ae/", "%uff0e%uff0e/", "....//", "~root", "x%0d%0aX-Evil:%201", "x%20y",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ];

    private readonly RunningCa ca = house.Ca;

    [Fact]
    public async Task T53_PathTraversal_ReachesNothing()
    {
        var instance = await house.Launch();
        using var key = CsrBuilder.EcKey();
        var oracle = await Oracle.Watch(ca, output, instance);
        var outside = Files(Path.GetDirectoryName(house.Bucket)!).Where(f => !f.StartsWith(house.Bucket, StringComparison.Ordinal))
            .ToHashSet();
        var inside = Files(house.Bucket);
        var request = instance.Csr(key).Pem();
        var sent = 0;

        foreach (var climber in Climbers)
        {
            foreach (var (method, target) in new[]
            {
                ("PUT", $"/puppet-ca/v1/certificate_request/{climber}"),
                    ("PUT", $"/puppet-ca/v1/certificate_request/{climber}{instance.Name}"),
                ("GET", $"/puppet-ca/v1/certificate/{climber}launches/{instance.Name}"),
                ("GET", $"/puppet-ca/v1/certificate_request/{climber}"),
            })
            {
                var (status, text) = await RawAgent.Exchange(ca.ApiPort, method, target, method == "PUT" ? request : "");
                Assert.True(status is 400 or 403 or 404, $"{method} {target}: {status}");
                // What reached the handler was recorded; what the router refused never got there.
                if (text.Contains("\r\n\r\nNAME_INVALID: ", StringComparison.Ordinal))
                    oracle.Expect($"{method} {target}", Reason.NameInvalid);
                else if (text.Contains("\r\n\r\nNAME_MISMATCH: ", StringComparison.Ordinal))
                    oracle.Expect($"{method} {target}", Reason.NameMismatch);
                oracle.NotIn(text);
                sent++;
            }
        }

        Assert.Equal(100, sent);
        Assert.Equal(outside,
            Files(Path.GetDirectoryName(house.Bucket)!).Where(f => !f.StartsWith(house.Bucket, StringComparison.Ordinal)).ToHashSet());
        // An audit record lies elsewhere while it is being written.
        await Eventually.True(
            () => Files(house.Bucket).Except(inside).All(f => f.StartsWith(Path.Combine(house.Bucket, "audit"), StringComparison.Ordinal)),
            "nothing is new in the bucket but audit records");
        await oracle.Holds();
    }

    [Fact]
    public async Task T54_PathsThatPretend_GetWhatTheirPlainFormGets()
    {
        using var node = await ca.Node();
        var oracle = await Oracle.Watch(ca, output);
        var status = $"certificate_status/{node.Name}";
        string[] targets =
        [
            $"/puppet-ca/v1/{status}", $"/puppet-ca/v1/%63ertificate_status/{node.Name}",
                $"/puppet-ca/v1/%2563ertificate_status/{node.Name}", $"/puppet-ca/v1/certificate_status;x=1/{node.Name}",
            $"/puppet-ca/v1/certificate_status/{node.Name};x=1", $"/puppet-ca/v1//{status}", $"//puppet-ca/v1/{status}",
            $"/puppet-ca/v1/./{status}", $"/puppet-ca/v1/certificate/../{status}",
            $"/puppet-ca/v1/certificate/ca/../../{status}", $"/PUPPET-CA/V1/CERTIFICATE_STATUS/{node.Name}",
            $"/puppet-ca/v1/Certificate_Status/{node.Name}", $"/puppet-ca/v1/{status}/", $"/puppet-ca/v1/{status}?x=/certificate/ca",
            $"/puppet-ca/v1/certificate%2f..%2fcertificate_status/{node.Name}", $"https://localhost:{ca.ApiPort}/puppet-ca/v1/{status}",
            $"http://localhost/puppet-ca/v1/{status}", $"/puppet-ca/v1\\{status}",
            "/puppet-ca/v1/clean", "/puppet-ca/v1/sign", "/puppet-ca/v1/sign/all", "/puppet-ca/v1/certificate_statuses/all",
            "/puppet-ca/v1/certificate_revocation_list", "/puppet-ca/v1/expirations/x",
        ];
        const string json = "{\"desired_state\":\"revoked\",\"certnames\":[\"x\"]}";

        foreach (var target in targets)
        {
            foreach (var own in new[] { null, node.Certificate })
            {
                foreach (var (method, headers) in new[]
                {
                    ("GET", ""), ("PUT", "Content-Type: application/json\r\n"), ("DELETE", ""),
                        ("POST", "Content-Type: application/json\r\nX-HTTP-Method-Override: DELETE\r\nX-HTTP-Method: DELETE\r\n"),
                    ("GET", "X-Original-URL: /puppet-ca/v1/certificate/ca\r\nX-Rewrite-URL: "
                        + "/puppet-ca/v1/certificate/ca\r\nX-HTTP-Method-Override: PUT\r\n"),
                })
                {
                    var (code, text) =
                        await RawAgent.Exchange(ca.ApiPort, method, target, method is "PUT" or "POST" ? json : "", headers, own);
                    Assert.True(
                        code is 400 or 403 or 404, $"{method} {target} {(own is null ? "by anybody" : "by a node")}: {code} {text}");
                }
            }
        }

        output.WriteLine($"sent {targets.Length} paths, 5 ways each, by anybody and by a node: 400, 403 or 404");
        Assert.NotNull(await ca.Certificate(node.Name));
        await oracle.Holds();
    }

    private static HashSet<string> Files(string directory) => [.. Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories)
        .Where(f => !f.Contains("/access-", StringComparison.Ordinal))];
}
