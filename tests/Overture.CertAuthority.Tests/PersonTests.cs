using System.Net;
using System.Security.Cryptography;
using System.Text;
using Grpc.Core;
using Overture.CertAuthority.V1;
using Overture.Platform.Records;
using Overture.Platform.Tls;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>People at CertAuthority, over real mTLS: who did it, and what a scope refuses.</summary>
[Collection(CaCollection.Name), Trait("Category", "integration")]
public sealed class PersonTests(CaFixture house) : IDisposable
{
    private readonly RunningCa ca = house.Ca;
    private readonly ECDsa key = CsrBuilder.EcKey();
    private readonly string person = $"p-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}";

    public void Dispose() => key.Dispose();

    [Fact]
    public async Task Approve_ByAPerson_IsSaidEverywhere()
    {
        var name = await Held(l => l.Labels["team"] = "blue");
        var answer = await As("label.team=blue", c => c.ApproveCertificateRequestAsync(new()
        {
            Certname = $"{name}", SpkiSha256 = Spki, Reason = "seen on its console",
        }));

        Assert.Equal($"approved by {person} (operator): seen on its console", answer.Decision.Sentence);
        Assert.Equal($"{person} (operator)", (await ca.Audited($"{name}", "APPROVED")).Actor);
        Assert.Equal($"approval by {person} (operator)", Assert.Single(await house.All<Claim>(ObjectKeys.ClaimsOf(name))).Grant.Source);
        await Eventually.True(async () => (await ca.Timeline(name)).Any(e => e.Detail.Contains(
            $"signed: approved by {person} (operator): seen on its console", StringComparison.Ordinal)), "the timeline says who");
    }

    [Fact]
    public async Task Approve_ByPuppetserverCaSign_NamesTheCertificateAndTheCommand()
    {
        var name = await Held(null);
        using var admin = await ca.Administrator("ops.example.com");
        using var content = new StringContent("""{"desired_state":"signed"}""", Encoding.UTF8);
        content.Headers.ContentType = new("application/json");
        using var signed = await admin.Http.PutAsync(new Uri($"certificate_status/{name}", UriKind.Relative), content);

        Assert.Equal(HttpStatusCode.NoContent, signed.StatusCode);
        Assert.Equal("approved by ops.example.com through `puppetserver ca sign`",
            Assert.Single(await house.All<Claim>(ObjectKeys.ClaimsOf(name))).Decision.Sentence);
    }

    public static TheoryData<string> Scoped => ["submit", "authorize", "revoke", "approve", "deny"];

    [Theory, MemberData(nameof(Scoped))]
    public async Task Scope_HoldsForEachRpc(string rpc)
    {
        var (mine, other) = (await Held(l => (l.Profile, l.Labels["team"]) = ("web", "blue")), await Held(l => l.Profile = "db"));
        var stranger = await Held(null);
        // The labels match, but what it is reaches beyond them.
        var (server, named) = (await Held(l => (l.Profile, l.Labels["team"], l.Role) = ("web", "blue", "puppetserver")), await Held(l =>
        {
            (l.Profile, l.Labels["team"]) = ("web", "blue");
            l.DnsAltNames.Add("puppet");
        }));
        // One whose record says what the scope wants, but was not signed by the Conductor.
        using var forger = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var forged = await house.Launch(l => (l.Profile, l.Labels["team"]) = ("web", "blue"), signWith: forger);
        const string scope = "profile=web,label.team=blue";
        foreach (var name in new[] { $"{other}", $"{server}", $"{named}", $"{stranger}", $"{forged.Name}", $"{house.NewName()}",
            "No Certname", "" })
        {
            var fault = await Assert.ThrowsAsync<RpcException>(() => As(scope, c => Call(c, rpc, name)));
            Assert.Equal((StatusCode.PermissionDenied, "SCOPE_MISSING"), (fault.StatusCode, RpcDetails.Reason(fault)));
            Assert.Contains("may only change instances with profile=web, label.team=blue", fault.Status.Detail, StringComparison.Ordinal);
        }
        Assert.Single(await house.Keys(ObjectKeys.HeldRequestsOf(other)));
        Assert.Empty(await house.Keys(ObjectKeys.BlocksOf(other)));

        // What is within it goes on to the act, which may find something else wrong.
        var within = await Record.ExceptionAsync(() => As(scope, c => Call(c, rpc, $"{mine}"))) as RpcException;
        Assert.NotEqual("SCOPE_MISSING", within is null ? "" : RpcDetails.Reason(within));
    }

    [Fact]
    public async Task Scope_NoSingleInstance_IsRefused()
    {
        var mine = await Held(l => l.Profile = "web");
        foreach (var call in new Func<CertAuthorityService.CertAuthorityServiceClient, Task>[]
        {
            async c => await c.RevokeCertificateAsync(new() { Serial = "4f0a", Reason = "x" }),
            async c => await c.RevokeCertificateAsync(new() { Serial = "4f0a", Certname = $"{mine}", Reason = "x" }),
            async c => await c.IssueAdminCertificateAsync(new() { Certname = "x", Reason = "x" }),
            async c => await c.PublishInternalCrlAsync(new() { CrlPem = "x" }),
            async c => await c.ApproveCertificateRequestAsync(new()
            {
                Certname = $"{mine}", SpkiSha256 = Spki, Reason = "x", DnsAltNames = { "puppet" },
            }),
        })
        {
            var fault = await Assert.ThrowsAsync<RpcException>(() => As("profile=web", async c =>
            {
                await call(c);
                return true;
            }));
            Assert.Equal("SCOPE_MISSING", RpcDetails.Reason(fault));
        }
        Assert.Empty(await house.Keys(ObjectKeys.ClaimsOf(mine)));
        // Reading is not limited.
        await As("profile=web", async c => await c.ListCertificateRequestsAsync(new()));
        await As("profile=web", async c => await c.GetInternalCrlsAsync(new()));
    }

    private static async Task<bool> Call(CertAuthorityService.CertAuthorityServiceClient client, string rpc, string name)
    {
        switch (rpc)
        {
            case "submit": await client.SubmitCertificateRequestAsync(new() { Certname = name, CsrPem = "x" }); break;
            case "authorize": await client.AuthorizeCertificateRequestAsync(new() { Certname = name, CsrPem = "x" }); break;
            case "revoke": await client.RevokeCertificateAsync(new() { Certname = name, Reason = "a test" }); break;
            case "approve": await client.ApproveCertificateRequestAsync(new() { Certname = name, Reason = "a test" }); break;
            default: await client.DenyCertificateRequestAsync(new() { Certname = name, Reason = "a test" }); break;
        }
        return true;
    }

    private string Spki => Convert.ToHexStringLower(SHA256.HashData(key.ExportSubjectPublicKeyInfo()));

    // Admins too keep to their scope, and may call all of these.
    private async Task<T> As<T>(string scope, Func<CertAuthorityService.CertAuthorityServiceClient, Task<T>> call, Role role = Role.Admin)
    {
        var name = person;
        if (!File.Exists(house.Pki.Files(name).Certificate))
            house.Pki.Issue(name, role, scope);
        using var channel = house.Pki.Channel(ca.GrpcPort, name);
        return await call(new CertAuthorityService.CertAuthorityServiceClient(channel));
    }

    private async Task<ApproveCertificateRequestResponse> As(string scope,
        Func<CertAuthorityService.CertAuthorityServiceClient, AsyncUnaryCall<ApproveCertificateRequestResponse>> call) =>
        await As(scope, async c => await call(c), Role.Operator);

    private async Task<CertName> Held(Action<LaunchRecord>? launched)
    {
        var name = CertName.Parse($"held-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}.example.org");
        // Waits first: registered, a request without its token would be refused.
        (await ca.Put($"{name}", new CsrBuilder($"{name}", key).Pem())).EnsureSuccessStatusCode();
        if (launched is not null)
            await house.Launch(launched, $"{name}");
        await house.Store.PutIfAbsent(ObjectKeys.Node(name), "classes: {}\n"u8.ToArray(), default);
        return name;
    }
}
