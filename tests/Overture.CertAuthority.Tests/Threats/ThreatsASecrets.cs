using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Grpc.Core;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Csr;
using Overture.CertAuthority.Enrollment;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.PuppetApi;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;
using Overture.TestSupport;
using Xunit.Abstractions;

namespace Overture.CertAuthority.Tests.Threats;

/// <summary>Threats §2.3 A: no one learns which names exist, and no secret is ever said, kept or certified.</summary>
[Collection(ThreatCollection.Name), Trait("Category", "integration")]
public sealed class ThreatsASecrets(CaFixture house, ITestOutputHelper output)
{
    private readonly RunningCa ca = house.Ca;

    [Fact]
    public async Task T11_SpentToken_OpensNothingAnywhere()
    {
        var instance = await house.Launch();
        using var key = CsrBuilder.EcKey();
        using var thief = CsrBuilder.EcKey();
        (await ca.Put(instance, key)).Dispose();
        await house.Fact(instance.Name, "converged");
        var oracle = await Oracle.Watch(ca, output);
        oracle.Secret(instance.Token);

        // Where it belongs.
        await oracle.Is403("the spent token as challengePassword", instance.Name, instance.Csr(thief), Reason.TokenSpent);
        // Anywhere else it makes no difference to any route.
        foreach (var (method, path) in Routes(instance.Name))
        {
            var (without, with) = (await Ask(method, path, null), await Ask(method, path, instance.Token));
            Assert.Equal((method, path, without), (method, path, with));
            output.WriteLine($"sent the token as bearer and cookie with {method} {path}: {without.Split('\n')[0]}, as without it");
        }
        // Nor to any RPC: no certificate is no connection, and a role does not grow by it.
        using var classifier = house.Pki.Channel(ca.GrpcPort, "classifier");
        foreach (var rpc in Rpcs.All)
        {
            var refused = await Assert.ThrowsAsync<RpcException>(
                () => Rpcs.Call(classifier, rpc, new Metadata { { "authorization", $"Bearer {instance.Token}" } }));
            Assert.Equal((rpc.FullName, StatusCode.PermissionDenied), (rpc.FullName, refused.StatusCode));
        }

        await oracle.Holds();
    }

    [Fact]
    public async Task T18_EveryCauseOf403_IsTheSameAnswer()
    {
        using var key = CsrBuilder.EcKey();
        using var forger = CsrBuilder.EcKey();
        var instance = await house.Launch();
        var (expired, early) = (await house.Launch(l => l.Deadline = l.NotBefore), await house.Launch(l => l.NotBefore = l.Deadline));
        var (ended, forged) = (await house.Launch(), await house.Launch(signWith: forger));
        var (spent, contested, revoked) = (await house.Launch(), await house.Launch(), await house.Launch());
        await house.Fact(ended.Name, "terminated");
        foreach (var node in new[] { spent, contested, revoked })
        {
            using var first = CsrBuilder.EcKey();
            (await ca.Put(node, first)).Dispose();
        }
        await house.Fact(spent.Name, "converged");
        await ca.Admin.RevokeCertificateAsync(new() { Certname = revoked.Name.ToString(), Reason = "a test" });
        var oracle = await Oracle.Watch(ca, output, instance);

        // The oracle compares status, headers and body with one text.
        var stranger = new Launched(house.NewName(), instance.Token);
        await oracle.Is403("an unknown name", stranger.Name, stranger.Csr(key), Reason.NodeUnknown);
        await oracle.Is403("no token", instance.Name, new CsrBuilder(instance.Name.ToString(), key), Reason.TokenMissing);
        await oracle.Is403(
            "a wrong token", instance.Name, new CsrBuilder(instance.Name.ToString(), key).Challenge("wrong"), Reason.TokenMismatch);
        await oracle.Is403("an expired one", expired.Name, expired.Csr(key), Reason.TokenExpired);
        await oracle.Is403("an early one", early.Name, early.Csr(key), Reason.NotYetValid);
        await oracle.Is403("an ended instance", ended.Name, ended.Csr(key), Reason.NameBlocked);
        await oracle.Is403("a forged launch", forged.Name, forged.Csr(key), Reason.LaunchSignature);
        await oracle.Is403("a spent token", spent.Name, spent.Csr(key), Reason.TokenSpent);
        await oracle.Is403("a conflict", contested.Name, contested.Csr(key), Reason.TokenConflict);
        await oracle.Is403("a contested name", contested.Name, contested.Csr(key), Reason.NameBlocked);
        await oracle.Is403("a revoked name", revoked.Name, revoked.Csr(key), Reason.NameBlocked);

        await oracle.Holds();
    }

    [Fact]
    public async Task T19_StoredRequest_IsShownToNobodyInAnyState()
    {
        using var key = CsrBuilder.EcKey();
        using var nodeKey = CsrBuilder.EcKey();
        using var second = CsrBuilder.EcKey();
        var (registered, refused, signed, contested) =
            (await house.Launch(), await house.Launch(), await house.Launch(), await house.Launch());
        (await ca.Put(refused with { Token = "wrong" }, key)).Dispose();
        (await ca.Put(signed, nodeKey)).Dispose();
        (await ca.Put(contested, key)).Dispose();
        (await ca.Put(contested, second)).Dispose();
        const string held = "t19.example.org";
        (await ca.Put(held, new CsrBuilder(held, second).Challenge(registered.Token).Pem())).Dispose();
        var oracle = await Oracle.Watch(ca, output, registered);
        using var certificate = X509Certificate2.CreateFromPem((await ca.Certificate(signed.Name))!);
        using var own = certificate.CopyWithPrivateKey(nodeKey);
        using var node = ca.AgentClient(own);

        foreach (var name in new[] { house.NewName().ToString(), registered.Name.ToString(), refused.Name.ToString(),
            signed.Name.ToString(), contested.Name.ToString(), held })
        {
            foreach (var client in new[] { ca.Agent, node })
            {
                using var answer = await client.GetAsync(new Uri($"certificate_request/{name}", UriKind.Relative));
                Assert.Equal((name, HttpStatusCode.NotFound), (name, answer.StatusCode));
                Assert.EndsWith($"Could not find certificate_request {name}", await oracle.Whole(answer), StringComparison.Ordinal);
            }
        }

        output.WriteLine(
            "asked for the request of an unknown, registered, refused, signed, contested and held name: 404 to anybody and to a node");
        await oracle.Holds();
    }

    [Fact]
    public async Task T20_TokenInAnExtension_Is400AndInNoCertificate()
    {
        var instance = await house.Launch();
        using var key = CsrBuilder.EcKey();
        var oracle = await Oracle.Watch(ca, output, instance);

        await oracle.Is400("the token as pp_preshared_key", instance.Name,
            instance.Csr(key).PuppetExtension("1.3.6.1.4.1.34380.1.1.4", instance.Token), Reason.CsrExtension);
        await oracle.Is400("the token as pp_role", instance.Name,
            instance.Csr(key).PuppetExtension("1.3.6.1.4.1.34380.1.1.13", instance.Token), Reason.CsrExtension);
        await oracle.Is400("the token as a private extension", instance.Name,
            instance.Csr(key).PuppetExtension("1.3.6.1.4.1.34380.1.2.1", instance.Token), Reason.CsrExtension);
        await oracle.Is400("the token as pp_auth_role", instance.Name,
            instance.Csr(key).PuppetExtension("1.3.6.1.4.1.34380.1.3.13", instance.Token), Reason.CsrExtension);
        await oracle.Is400("the token as an alternative name", instance.Name, instance.Csr(key).DnsNames(instance.Token), Reason.CsrSan);
        await oracle.Is400("the token as an unknown attribute", instance.Name, new CsrBuilder(instance.Name.ToString(), key)
            .Attribute("1.2.840.113549.1.9.2", CsrParts.Printable(instance.Token)), Reason.CsrAttribute);

        await oracle.Holds();
        // Whatever this run has issued so far: no certificate holds any token that was ever given out.
        var issued = await house.All<CertificateRecord>(ObjectKeys.Certificates);
        Assert.NotEmpty(issued);
        foreach (var record in issued)
        {
            using var certificate = X509Certificate2.CreateFromPem(record.Pem);
            Assert.DoesNotContain(SecretSearch.TokensIn(Encoding.Latin1.GetString(certificate.RawData)), house.IsToken);
        }
    }

    [Fact]
    public async Task T21_Secrets_AreInNoLogTraceMetricErrorOrObject()
    {
        using var telemetry = new TelemetryCapture();
        await using var verbose = await RunningCa.Start(house, house.Options("t21") with { LogLevel = LogLevel.Trace });
        const string canary = "canary2token2canary2token2canary2token2canary2token2";
        var (instance, stock, genuine) = (await house.Launch(), await house.Launch(), await house.Launch());
        using var key = CsrBuilder.EcKey();
        using var stockKey = CsrBuilder.EcKey();
        var oracle = await Oracle.Watch(verbose, output, genuine);
        oracle.Secret(canary);
        oracle.Secret(instance.Token);
        oracle.Secret(stock.Token);
        var name = instance.Name.ToString();
        var guess = new CsrBuilder(name, key).Challenge(canary);

        await oracle.Is403("a canary as token", instance.Name, guess, Reason.TokenMismatch);
        await oracle.Is400("a canary with a broken signature", instance.Name,
            new CsrBuilder(name, key) { BreakSignature = true }.Challenge(canary), Reason.CsrSignature);
        await oracle.Is400("a canary under a wrong name", house.NewName(), guess, Reason.NameMismatch);
        await oracle.Is400("a canary in a body that is no PEM", name, canary + "\u0001", Reason.CsrPem);
        await oracle.Is400("a canary in a large body", name, string.Concat(Enumerable.Repeat(canary, 400)), Reason.CsrTooLarge);
        var byRpc = await Assert.ThrowsAsync<RpcException>(
            async () => await verbose.Admin.SubmitCertificateRequestAsync(new() { Certname = name, CsrPem = guess.Pem() }));
        oracle.Expect("a canary by RPC", Reason.TokenMismatch);
        oracle.NotIn(byRpc.ToString());
        await verbose.Admin.AuthorizeCertificateRequestAsync(
            new() { Certname = stock.Name.ToString(), CsrPem = stock.Csr(stockKey).Pem() });
        (await verbose.Put("t21.example.org", new CsrBuilder("t21.example.org", key).Challenge(canary).Pem())).Dispose();
        oracle.Expect("a canary of a name that waits for a person", Reason.HeldForApproval);
        var facts = CsrReader.Read(guess.Der());
        foreach (var text in new object[] { facts, new Submission(name, Encoding.ASCII.GetBytes(guess.Pem()), Caller.Own("test")) })
            oracle.NotIn($"{text}");

        await oracle.Ends();
        oracle.NotIn(telemetry.Text);
        Assert.Contains("csr", telemetry.Text, StringComparison.OrdinalIgnoreCase);
        foreach (var line in await verbose.Timeline(instance.Name))
            oracle.NotIn(line.ToString());
    }

    // Every route of the listener, with the name filled in.
    private IEnumerable<(string Method, string Path)> Routes(CertName name) =>
        ca.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
        .Where(e => e.RoutePattern.RawText is { } text
            && (text.StartsWith("/puppet-ca/", StringComparison.Ordinal) || text.StartsWith("/status/", StringComparison.Ordinal)))
        .SelectMany(e => (e.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods ?? ["GET"]).Select(m => (m, e.RoutePattern.RawText!)))
        .Where(r => !r.Item2.Contains("certificate_request", StringComparison.Ordinal) || r.m == "GET")
        .Select(r => (r.m, r.Item2.Replace("{name}", name.ToString(), StringComparison.Ordinal)
            .Replace("{subject}", name.ToString(), StringComparison.Ordinal)));

    private async Task<string> Ask(string method, string path, string? token)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), new Uri($"https://localhost:{ca.ApiPort}{path}"));
        if (token is not null)
        {
            request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {token}");
            request.Headers.TryAddWithoutValidation("X-Authentication", token);
            request.Headers.TryAddWithoutValidation("Cookie", $"token={token}");
        }
        using var answer = await ca.Agent.SendAsync(request);
        return $"{(int)answer.StatusCode}\n{await answer.Content.ReadAsStringAsync()}";
    }
}
