using System.Security.Cryptography;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Overture.CertAuthority.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>The list of certificates over the real service, in a house of its own: it is of all that the store holds.</summary>
[Trait("Category", "integration")]
public sealed class CertificateListTests : IAsyncLifetime
{
    private readonly CaFixture house = new();
    private readonly StepClock clock = new();
    private RunningCa ca = null!;

    public async Task InitializeAsync()
    {
        await house.Open();
        ca = await RunningCa.Start(house, house.Options("list") with { Clock = clock });
    }

    public async Task DisposeAsync()
    {
        await ca.DisposeAsync();
        await house.DisposeAsync();
    }

    [Fact]
    public async Task Pages_AfterTheFirst_DoNotListTheStocksCertificatesAgain()
    {
        var looks = 0;
        await using var other = await RunningCa.Start(house, house.Options("pages") with
        {
            Store = new TestSupport.FaultyStore(house.Store)
            {
                BeforeList = prefix => looks += prefix == ObjectKeys.StockCertificates ? 1 : 0,
            },
        });
        for (var i = 0; i < 3; i++)
            await Enrol();
        looks = 0;
        var token = "";
        do
            token = (await other.Admin.ListCertificatesAsync(new() { PageSize = 1, PageToken = token })).NextPageToken;
        while (token.Length > 0);
        Assert.Equal(1, looks);
    }

    [Fact]
    public async Task List_EachRow_SaysWhatItIsAndWhatBecameOfIt()
    {
        Assert.Empty(await All(new()));
        var launched = await Enrol();
        using var rsa = RSA.Create(2048);
        var revoked = await Enrol(rsa);
        await ca.Admin.RevokeCertificateAsync(new() { Certname = $"{revoked}", Reason = "leaked" });
        using var key = CsrBuilder.EcKey();
        var admin = await ca.Admin.IssueAdminCertificateAsync(new() { Certname = "ops.example.org",
            CsrPem = new CsrBuilder("ops.example.org", key).Pem(), Reason = "a test", Life = TimeSpan.FromHours(1).ToDuration() });

        var all = await All(new());
        Assert.Equal(new[] { $"{launched}", "ops.example.org", $"{revoked}" }.Order(StringComparer.Ordinal), all.Select(c => c.Certname));
        var (one, two, three) = (Of(all, launched), Of(all, revoked), all.Single(c => c.Certname == "ops.example.org"));
        Assert.Equal((CertificateState.Valid, "launch", "P-256", "overture"), (one.State, one.GrantedBy, one.KeyAlgorithm, one.Issuer));
        var shown = await ca.Admin.GetCertificateAsync(new() { Certname = $"{launched}" });
        Assert.Equal((shown.Serial, shown.NotAfter, CertificateState.Valid), (one.Serial, one.NotAfter, shown.State));
        Assert.InRange(one.NotBefore.ToDateTimeOffset(), clock.GetUtcNow().AddDays(-3), clock.GetUtcNow());
        Assert.Null(one.RevokedAt);
        Assert.Equal((CertificateState.Revoked, "leaked", "admin", "RSA 2048"),
            (two.State, two.RevocationReason, two.RevokedBy, two.KeyAlgorithm));
        Assert.InRange(two.RevokedAt.ToDateTimeOffset(), clock.GetUtcNow().AddMinutes(-5), clock.GetUtcNow());
        Assert.Equal(("admin by admin", admin.Serial), (three.GrantedBy, three.Serial));
        Assert.Equal(CertificateState.Revoked, (await ca.Admin.GetCertificateAsync(new() { Certname = $"{revoked}" })).State);

        // Filters, each by itself and together.
        Assert.Equal(["ops.example.org"], Names(await All(new() { ExpiringWithin = TimeSpan.FromHours(2).ToDuration() })));
        Assert.Empty(await All(new() { ExpiringWithin = TimeSpan.FromMinutes(30).ToDuration() }));
        Assert.Equal([$"{revoked}"], Names(await All(new() { State = CertificateState.Revoked })));
        Assert.Equal([$"{launched}"], Names(await All(new() { Prefix = $"{launched}"[..13] })));
        Assert.Empty(await All(new() { Prefix = $"{launched}"[..13], State = CertificateState.Revoked }));

        // Its time is over.
        clock.Passed = TimeSpan.FromHours(2);
        Assert.Equal(["ops.example.org"], Names(await All(new() { State = CertificateState.Expired })));
        Assert.Empty(await All(new() { ExpiringWithin = TimeSpan.FromHours(2).ToDuration() }));
    }

    [Fact]
    public async Task Bundle_IsInTheFirstPage_AndInEachExplanation()
    {
        var (one, _) = (await Enrol(), await Enrol());
        var bundle = await File.ReadAllTextAsync(house.BundleFile);
        var first = await ca.Admin.ListCertificatesAsync(new() { PageSize = 1 });
        Assert.Equal(bundle, first.BundlePem);
        Assert.Empty((await ca.Admin.ListCertificatesAsync(new() { PageSize = 1, PageToken = first.NextPageToken })).BundlePem);
        Assert.Equal(bundle, (await ca.Admin.ExplainCertificateAsync(new() { Certname = $"{one}" })).BundlePem);
        var serial = first.Certificates[0].Serial;
        Assert.Equal(bundle, (await ca.Admin.ExplainCertificateAsync(new() { Serial = serial })).BundlePem);
    }

    [Fact]
    public async Task List_Paged_GivesEachOnceAndSeesWhatAnotherReplicaDid()
    {
        var names = new List<string>();
        for (var i = 0; i < 7; i++)
            names.Add($"{await Enrol()}");
        Assert.Equal(names.Order(StringComparer.Ordinal), Names(await All(new() { PageSize = 3 })));

        await using var second = await house.Start("second");
        var late = await Enrol(by: second);
        await second.Admin.RevokeCertificateAsync(new() { Certname = names[0], Reason = "by the other" });
        var again = await All(new() { PageSize = 500 });
        Assert.Equal(names.Append($"{late}").Order(StringComparer.Ordinal), Names(again));
        Assert.Equal("by the other", again.Single(c => c.Certname == names[0]).RevocationReason);

        // Written a moment ago by a replica of which this one has heard nothing.
        var serial = again.Single(c => c.Certname == names[1]).Serial;
        await house.Store.PutIfAbsent(ObjectKeys.Revocation(serial), new Overture.Records.V1.Revocation { Schema = 1, WriteId = "w",
            Serial = serial, Certname = names[1], Sentence = "just now", At = new() { Seconds = 1 },
            CertificateNotAfter = new() { Seconds = 4_000_000_000 } }, default);
        Assert.Equal("just now", (await All(new())).Single(c => c.Certname == names[1]).RevocationReason);

        var page = await ca.Admin.ListCertificatesAsync(new() { PageSize = 1 });
        Assert.Equal("page_token: belongs to another filter; start again without it",
            (await Refused(new() { PageToken = page.NextPageToken, State = CertificateState.Valid })).Status.Detail);
        Assert.Equal("INVALID_FIELD", RpcDetails.Reason(await Refused(new() { PageToken = "x" })));
        Assert.Equal("INVALID_FIELD", RpcDetails.Reason(await Refused(new() { PageSize = 501 })));
        Assert.Equal("INVALID_FIELD", RpcDetails.Reason(await Refused(new() { ExpiringWithin = new() { Seconds = 1, Nanos = -1 } })));
        Assert.Equal("INVALID_FIELD", RpcDetails.Reason(await Refused(new() { ExpiringWithin = new() })));
        // The pages after the first need no listing, also at a replica that was never asked.
        var rest = await second.Admin.ListCertificatesAsync(new() { PageToken = page.NextPageToken, PageSize = 500 });
        Assert.Equal(7, rest.Certificates.Count);
    }

    [Fact]
    public async Task List_DamagedAndForeignRecords_HideNoOther()
    {
        var (good, lost) = (await Enrol(), await Enrol());
        await house.Store.PutIfAbsent(ObjectKeys.Claim(CertName.Parse("damaged.example.org"), "1"), "{"u8.ToArray(), default);
        // A writer of the bucket claims another's serial; and a claim whose certificate was never released.
        var claim = Assert.Single(await house.All<Claim>(ObjectKeys.ClaimsOf(good)));
        claim.Certname = "forged.example.org";
        await house.Store.PutIfAbsent(ObjectKeys.Claim(CertName.Parse("forged.example.org"), "1"), claim, default);
        claim.Serial = "4f0011223344556677889900aabbccddee";
        await house.Store.PutIfAbsent(ObjectKeys.Claim(CertName.Parse("forged.example.org"), "2"), claim, default);
        // A claim of ours whose certificate was never released.
        var unsigned = Assert.Single(await house.All<Claim>(ObjectKeys.ClaimsOf(await Enrol())));
        await house.Store.Delete(ObjectKeys.Certificate(unsigned.Serial), default);
        // The claim of a certificate is gone.
        await house.Store.Delete(ObjectKeys.Claim(lost, "1"), default);

        var all = await All(new());
        Assert.Equal(new[] { $"{good}", $"{lost}" }.Order(StringComparer.Ordinal), Names(all));
        Assert.Equal(("launch", ""), (Of(all, good).GrantedBy, Of(all, lost).GrantedBy));
        // Once more, from what is known.
        Assert.Equal(2, (await All(new())).Count);
    }

    [Fact]
    public async Task List_RoleViewer_MayAndOthersMayNot()
    {
        using var viewer = house.Pki.Channel(ca.GrpcPort, "viewer");
        Assert.Empty((await new CertAuthorityService.CertAuthorityServiceClient(viewer).ListCertificatesAsync(new())).Certificates);
        using var enc = house.Pki.Channel(ca.GrpcPort, "enc");
        var refused = await Assert.ThrowsAsync<RpcException>(() =>
            new CertAuthorityService.CertAuthorityServiceClient(enc).ListCertificatesAsync(new()).ResponseAsync);
        Assert.Equal(StatusCode.PermissionDenied, refused.StatusCode);
    }

    private static CertificateSummary Of(IEnumerable<CertificateSummary> all, CertName name) => all.Single(c => c.Certname == $"{name}");

    private static IEnumerable<string> Names(IEnumerable<CertificateSummary> all) => all.Select(c => c.Certname);

    private async Task<CertName> Enrol(AsymmetricAlgorithm? key = null, RunningCa? by = null)
    {
        using var own = CsrBuilder.EcKey();
        var instance = await house.Launch();
        using var answer = await (by ?? ca).Put(instance, key ?? own);
        answer.EnsureSuccessStatusCode();
        return instance.Name;
    }

    private async Task<List<CertificateSummary>> All(ListCertificatesRequest request)
    {
        var all = new List<CertificateSummary>();
        do
        {
            var page = await ca.Admin.ListCertificatesAsync(request);
            all.AddRange(page.Certificates);
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);
        return all;
    }

    private Task<RpcException> Refused(ListCertificatesRequest request) =>
        Assert.ThrowsAsync<RpcException>(() => ca.Admin.ListCertificatesAsync(request).ResponseAsync);
}
