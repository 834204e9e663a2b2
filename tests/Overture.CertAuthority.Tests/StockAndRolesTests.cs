using Grpc.Core;
using Overture.CertAuthority.Csr;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>The gRPC face: puppetserver's policy autosign, submitting by RPC, and who may call what.</summary>
[Collection(CaCollection.Name), Trait("Category", "integration")]
public sealed class StockAndRolesTests(CaFixture house)
{
    private readonly RunningCa ca = house.Ca;

    [Fact]
    public async Task Authorize_RightToken_SpendsItWithoutSigning()
    {
        var instance = await house.Launch();
        using var key = CsrBuilder.EcKey();
        using var other = CsrBuilder.EcKey();

        var first = await Authorize(instance.Name.ToString(), instance.Csr(key).Pem());
        var again = await Authorize(instance.Name.ToString(), instance.Csr(key).Pem());
        var elsewhere = await Assert.ThrowsAsync<RpcException>(async () => await Submit(instance, key));
        var second = await Authorize(instance.Name.ToString(), instance.Csr(other).Pem());

        Assert.Equal(("sign", "TOKEN_ACCEPTED"), (first.Outcome, first.Reason));
        Assert.Equal(("sign", "SAME_KEY"), (again.Outcome, again.Reason));
        Assert.Equal("TOKEN_SPENT", ReasonOf(elsewhere));
        Assert.Equal(("refuse", "TOKEN_CONFLICT"), (second.Outcome, second.Reason));
        var claim = Assert.Single(await house.All<Claim>(ObjectKeys.ClaimsOf(instance.Name)));
        Assert.Equal(("stock", "", 0), (claim.Issuer, claim.Serial, claim.Tbs.Length));
        Assert.Null(await ca.Certificate(instance.Name));
    }

    [Theory]
    [InlineData("wrong", "refuse", "TOKEN_MISMATCH")]
    public async Task Authorize_WrongToken_IsADecision(string token, string outcome, string reason)
    {
        var instance = await house.Launch();
        using var key = CsrBuilder.EcKey();
        var decision = await Authorize(instance.Name.ToString(), new CsrBuilder(instance.Name.ToString(), key).Challenge(token).Pem());
        Assert.Equal((outcome, reason), (decision.Outcome, decision.Reason));
        Assert.Equal("refuse", (await Authorize(instance.Name.ToString(), "garbage")).Outcome);
        Assert.Equal("hold", (await Authorize("stock.example.org", new CsrBuilder("stock.example.org", key).Pem())).Outcome);
        Assert.Empty(await house.Keys(ObjectKeys.HeldRequestsOf(CertName.Parse("stock.example.org"))));
    }

    [Fact]
    public async Task Submit_ByRpc_TellsTheReason()
    {
        var instance = await house.Launch();
        using var key = CsrBuilder.EcKey();
        var wrong = await Assert.ThrowsAsync<RpcException>(async () => await Submit(instance with { Token = "wrong" }, key));
        var malformed = await Assert.ThrowsAsync<RpcException>(
            async () => await ca.Admin.SubmitCertificateRequestAsync(new() { Certname = instance.Name.ToString(), CsrPem = "x" }));

        var answer = await Submit(instance, key);

        Assert.Equal((StatusCode.PermissionDenied, "TOKEN_MISMATCH"), (wrong.StatusCode, ReasonOf(wrong)));
        Assert.Equal((StatusCode.InvalidArgument, "CSR_PEM"), (malformed.StatusCode, ReasonOf(malformed)));
        Assert.Equal("sign", answer.Decision.Outcome);
        Assert.Equal(await ca.Certificate(instance.Name), answer.CertificatePem);
        Assert.Equal(answer.Serial, (await ca.Admin.GetCertificateAsync(new() { Certname = instance.Name.ToString() })).Serial);
    }

    [Fact]
    public async Task Get_NoCertificate_IsNotFound()
    {
        var missing = await Assert.ThrowsAsync<RpcException>(
            async () => await ca.Admin.GetCertificateAsync(new() { Certname = house.NewName().ToString() }));
        Assert.Equal(StatusCode.NotFound, missing.StatusCode);
    }

    // Who may not, for each RPC; the others of the role table may.
    [Theory]
    [InlineData("viewer"), InlineData("enc"), InlineData("autosign"), InlineData("operator"), InlineData("conductor"),
        InlineData("classifier")]
    public async Task Roles_EachMayOnlyItsOwn(string party)
    {
        using var channel = house.Pki.Channel(ca.GrpcPort, party);
        var client = new CertAuthorityService.CertAuthorityServiceClient(channel);
        var calls = new Dictionary<string, Func<Task>>
        {
            ["submit"] = async () => await client.SubmitCertificateRequestAsync(new()),
            ["authorize"] = async () => await client.AuthorizeCertificateRequestAsync(new()),
            ["get"] = async () => await client.GetCertificateAsync(new()),
            ["revoke"] = async () => await client.RevokeCertificateAsync(new()),
            ["crl"] = async () => await client.GetCrlAsync(new()),
            ["list"] = async () => await client.ListCertificateRequestsAsync(new()),
        };
        string[] allowed = party switch
        {
            "viewer" => ["get", "crl", "list"],
            "operator" => ["submit", "get", "revoke", "crl", "list"],
            "autosign" => ["authorize"],
            _ => [],
        };
        foreach (var (name, call) in calls)
        {
            var fault = await Record.ExceptionAsync(call) as RpcException;
            Assert.Equal(allowed.Contains(name), fault is null || ReasonOf(fault) != "ROLE_MISSING");
        }
    }

    private async Task<Decision> Authorize(string certname, string pem) =>
        (await ca.Admin.AuthorizeCertificateRequestAsync(new() { Certname = certname, CsrPem = pem })).Decision;

    private async Task<SubmitCertificateRequestResponse> Submit(Launched instance, System.Security.Cryptography.ECDsa key) =>
        await ca.Admin.SubmitCertificateRequestAsync(new() { Certname = instance.Name.ToString(), CsrPem = instance.Csr(key).Pem() });

    private static string ReasonOf(RpcException fault)
    {
        var status = Google.Rpc.Status.Parser.ParseFrom(fault.Trailers.GetValueBytes("grpc-status-details-bin"));
        return status.Details.First(d => d.Is(Google.Rpc.ErrorInfo.Descriptor)).Unpack<Google.Rpc.ErrorInfo>().Reason;
    }
}
