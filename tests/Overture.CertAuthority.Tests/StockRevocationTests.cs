using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Csr;
using Overture.CertAuthority.StockCa;
using Overture.CertAuthority.Storage;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>What ends here ends at puppetserver's own CA too, and a closure is not written before.</summary>
[Collection(StockCollection.Name), Trait("Category", "integration")]
public sealed class StockRevocationTests(StockFixture stock)
{
    [Fact]
    public async Task Terminate_SignedByPuppetserver_IsRevokedAndCleanedThereBeforeTheClosure()
    {
        await using var ca = await stock.Start("terminate");
        var (instance, certificate) = await Enrolled();

        await stock.House.Fact(instance.Name, "terminating");
        var closure = await Eventually.Get(() => Closure(instance.Name), "the closure");

        Assert.True(stock.Puppetserver.IsRevoked(certificate));
        Assert.Null(await stock.Puppetserver.Certificate(instance.Name.ToString()));
        Assert.Equal([SerialOf(certificate)], closure.Serials);
        Assert.Equal(SerialOf(certificate),
            (await stock.House.Store.Get<RevocationRecord>(ObjectKeys.StockRevocation(instance.Name), default))!.Serial);
        Assert.Contains(await ca.Timeline(instance.Name), e => e.Key == "stock-revoked");
        // puppetserver's serials are not ours.
        Assert.DoesNotContain(await stock.House.Keys(ObjectKeys.Revocations), k => k.EndsWith('/' + SerialOf(certificate)));
        await Eventually.True(async () =>
            (await ca.AuditRecords()).Any(r => r.Action == "stock.revoked" && r.Certname == instance.Name.ToString()), "it is audited");
    }

    [Fact]
    public async Task Terminate_TheApproverEndedItThere_ClosureHasItsSerialAllTheSame()
    {
        await using var ca = await stock.Start("both");
        var (instance, certificate) = await Enrolled();
        await ca.Services.GetRequiredService<StockRevocation>().Run(instance.Name,
            new(BlockKind.Terminated, RevocationReason.CessationOfOperation, "it ends"), Caller.Own("stock-approver"), default);
        Assert.Null(await stock.Puppetserver.Certificate(instance.Name.ToString()));

        await stock.House.Fact(instance.Name, "terminating");

        Assert.Equal([SerialOf(certificate)], (await Eventually.Get(() => Closure(instance.Name), "the closure")).Serials);
    }

    [Fact]
    public async Task Terminate_RequestStillWaiting_IsDroppedThere()
    {
        await using var ca = await stock.Start("pending");
        stock.AskNobody();
        var instance = await stock.House.Launch();
        using var key = CsrBuilder.EcKey();
        // Claimed, so that the name is puppetserver's; the claim is fresh, so that the approver leaves it to its maker.
        await ca.Admin.AuthorizeCertificateRequestAsync(new() { Certname = instance.Name.ToString(), CsrPem = instance.Csr(key).Pem() });
        (await stock.Puppetserver.Put(instance.Name.ToString(), instance.Csr(key).Pem())).Dispose();

        await stock.House.Fact(instance.Name, "terminating");

        await Eventually.Get(() => Closure(instance.Name), "the closure");
        Assert.False(stock.Puppetserver.Waits(instance.Name.ToString()));
        Assert.Equal(0, stock.Puppetserver.Made(instance.Name.ToString()));
    }

    [Fact]
    public async Task Terminate_PuppetserverAway_WaitsSaysSoOnceAndHeals()
    {
        await using var ca = await stock.Start("away");
        var (instance, certificate) = await Enrolled();

        stock.Puppetserver.Freeze();
        try
        {
            await stock.House.Fact(instance.Name, "terminating");
            await Eventually.True(async () => (await ca.Timeline(instance.Name)).Any(e => e.Reason == "STOCK_CA_UNAVAILABLE"),
                "the timeline says what it waits for");
            await Eventually.True(() => ca.Options.Log.Lines.Any(l => l.StartsWith("Error stock.away", StringComparison.Ordinal)),
                "the log says so");
            Assert.Null(await Closure(instance.Name));
        }
        finally
        {
            stock.Puppetserver.Thaw();
        }

        await Eventually.Get(() => Closure(instance.Name), "the closure");
        Assert.True(stock.Puppetserver.IsRevoked(certificate));
        await Eventually.True(() => ca.Options.Log.Lines.Any(l => l.StartsWith("Information stock.back", StringComparison.Ordinal)),
            "the log says that it is back");
        foreach (var told in new[] { "stock.away", "stock.back", "stock.revocation_waits" })
            Assert.Single(ca.Options.Log.Lines, l => l.Contains($" {told}:", StringComparison.Ordinal));
        Assert.DoesNotContain(ca.Options.Log.Lines, l => l.Contains("ca.sweep.failed", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Revoke_PuppetserverAway_IsDoneByTheApproverLater()
    {
        await using var ca = await stock.Start("later");
        var (instance, certificate) = await Enrolled();

        stock.Puppetserver.Freeze();
        RpcException refused;
        try
        {
            refused = await Assert.ThrowsAsync<RpcException>(
                async () => await ca.Admin.RevokeCertificateAsync(new() { Certname = instance.Name.ToString(), Reason = "stolen" }));
        }
        finally
        {
            stock.Puppetserver.Thaw();
        }

        Assert.Equal(StatusCode.Unavailable, refused.StatusCode);
        Assert.Equal("STOCK_CA_UNAVAILABLE", RpcDetails.Reason(refused));
        await Eventually.True(() => stock.Puppetserver.IsRevoked(certificate), "revoked at puppetserver");
        Assert.NotNull(await stock.Puppetserver.Certificate(instance.Name.ToString()));
    }

    [Fact]
    public async Task Revoke_WhilePuppetserverWasSigning_RevokesWhatItSigned()
    {
        await using var ca = await stock.Start("race");
        stock.AskNobody();
        var instance = await stock.House.Launch();
        using var key = CsrBuilder.EcKey();
        (await stock.Puppetserver.Put(instance.Name.ToString(), instance.Csr(key).Pem())).Dispose();
        // overture-autosign said yes; the name is blocked, and nothing was there to revoke; then puppetserver signs.
        await ca.Admin.AuthorizeCertificateRequestAsync(new() { Certname = instance.Name.ToString(), CsrPem = instance.Csr(key).Pem() });
        await ca.Admin.RevokeCertificateAsync(new() { Certname = instance.Name.ToString(), Reason = "changed my mind" });
        (await stock.Puppetserver.Ca("sign", "--certname", instance.Name.ToString())).Ok();
        using var certificate = await stock.Puppetserver.Certificate(instance.Name.ToString());

        await Eventually.True(() => stock.Puppetserver.IsRevoked(certificate!), "revoked at puppetserver");
    }

    [Fact]
    public async Task Terminate_StockCaNotConfigured_ClosesAndSaysThatNobodyRevokesThere()
    {
        await using var ca = await stock.House.Start("unconfigured");
        var instance = await stock.House.Launch();
        using var key = CsrBuilder.EcKey();
        await ca.Admin.AuthorizeCertificateRequestAsync(new() { Certname = instance.Name.ToString(), CsrPem = instance.Csr(key).Pem() });

        await stock.House.Fact(instance.Name, "terminating");

        await Eventually.Get(() => Closure(instance.Name), "the closure");
        var told = Assert.Single(await ca.Timeline(instance.Name), e => e.Reason == "STOCK_CA_UNAVAILABLE");
        Assert.Contains($"puppetserver ca clean --certname {instance.Name}", told.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Contest_StockCaNotConfigured_SaysThatNobodyRevokesThere()
    {
        await using var ca = await stock.House.Start("contested");
        var instance = await stock.House.Launch();
        using var key = CsrBuilder.EcKey();
        using var thief = CsrBuilder.EcKey();
        await ca.Admin.AuthorizeCertificateRequestAsync(new() { Certname = instance.Name.ToString(), CsrPem = instance.Csr(key).Pem() });
        await ca.Admin.AuthorizeCertificateRequestAsync(new() { Certname = instance.Name.ToString(), CsrPem = instance.Csr(thief).Pem() });

        Assert.Equal(["contested", "stock-ca-unavailable"],
            (await ca.Timeline(instance.Name)).Select(e => e.Key).Where(k => k is "contested" or "stock-ca-unavailable").Order());
    }

    private async Task<(Launched, X509Certificate2)> Enrolled()
    {
        var instance = await stock.House.Launch();
        using var key = CsrBuilder.EcKey();
        using var answer = await stock.Puppetserver.Put(instance.Name.ToString(), instance.Csr(key).Pem());
        var certificate = await Eventually.Get(() => stock.Puppetserver.Certificate(instance.Name.ToString()), "signed");
        await Eventually.Get(
            () => stock.House.Store.Get<CertificateRecord>(ObjectKeys.StockCertificate(instance.Name), default), "written down");
        return (instance, certificate);
    }

    private Task<Closure?> Closure(CertName name) => stock.House.Store.Get<Closure>(ObjectKeys.Closed(name), default);

    private static string SerialOf(X509Certificate2 certificate) => certificate.SerialNumber.ToLowerInvariant();
}
