using System.Net;
using Grpc.Core;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>Requests for names no one launched: 200, and a person decides.</summary>
[Collection(LaterLifeCollection.Name), Trait("Category", "integration")]
public sealed class HeldRequestTests(CaFixture house)
{
    private readonly RunningCa ca = house.Ca;

    [Fact]
    public async Task Put_OtherName_IsHeldWithoutItsSecret()
    {
        using var key = CsrBuilder.EcKey();
        using var answer = await ca.Put("held-one.example.org", new CsrBuilder("held-one.example.org", key).Challenge("psst").Pem());

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(0, answer.Content.Headers.ContentLength);
        var held = Assert.Single(await house.All<HeldRequest>(ObjectKeys.HeldRequestsOf(CertName.Parse("held-one.example.org"))));
        Assert.DoesNotContain("psst", held.ToString(), StringComparison.Ordinal);
        Assert.Equal(key.ExportSubjectPublicKeyInfoPem(), held.SubjectPublicKeyInfoPem.Trim());
        Assert.Null(await ca.Certificate(CertName.Parse("held-one.example.org")));
        await ca.Audited("held-one.example.org", "HELD_FOR_APPROVAL");
    }

    [Fact]
    public async Task Put_SameKeyAgain_IsOneRequest_AnotherKeyIs409()
    {
        using var key = CsrBuilder.EcKey();
        using var other = CsrBuilder.EcKey();
        for (var i = 0; i < 3; i++)
            (await ca.Put("held-two.example.org", new CsrBuilder("held-two.example.org", key).Pem())).Dispose();

        using var answer = await ca.Put("held-two.example.org", new CsrBuilder("held-two.example.org", other).Pem());

        Assert.Equal(HttpStatusCode.Conflict, answer.StatusCode);
        Assert.Single(await house.Keys(ObjectKeys.HeldRequestsOf(CertName.Parse("held-two.example.org"))));
        await ca.Audited("held-two.example.org", "HELD_OTHER_KEY");
    }

    [Fact]
    public async Task List_Pages_ShowEachOnceOldestFirst()
    {
        using var key = CsrBuilder.EcKey();
        var names = Enumerable.Range(0, 7).Select(i => $"page-{i}.example.org").ToList();
        foreach (var name in names)
            (await ca.Put(name, new CsrBuilder(name, key).Pem())).Dispose();
        var seen = new List<string>();
        var token = "";
        do
        {
            var page = await ca.Admin.ListCertificateRequestsAsync(new() { PageSize = 2, PageToken = token });
            Assert.True(page.Requests.Count <= 2);
            seen.AddRange(page.Requests.Select(r => r.Certname));
            token = page.NextPageToken;
        }
        while (token.Length > 0);

        Assert.Equal(seen.Count, seen.Distinct().Count());
        Assert.Equal(names, seen.Where(n => n.StartsWith("page-", StringComparison.Ordinal)));
        foreach (var wrong in new[] { "nonsense", "eA" })
        {
            var refused = await Assert.ThrowsAsync<RpcException>(
                async () => await ca.Admin.ListCertificateRequestsAsync(new() { PageToken = wrong }));
            Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
        }
    }

    [Fact]
    public async Task Put_WhenRegistrationHasLanded_IsSignedAndNoLongerHeld()
    {
        const string name = "registered-late.example.org";
        using var key = CsrBuilder.EcKey();
        (await ca.Put(name, new CsrBuilder(name, key).Challenge("early").Pem())).Dispose();
        var instance = await house.Launch(certname: name);

        using var answer = await ca.Put(instance, key);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.NotNull(await ca.Certificate(instance.Name));
        Assert.Empty(await house.Keys(ObjectKeys.HeldRequestsOf(instance.Name)));
    }

    [Fact]
    public async Task Held_AfterADay_IsDropped()
    {
        const string name = "forgotten.example.org";
        using var key = CsrBuilder.EcKey();
        await using var early =
            await RunningCa.Start(house, house.Options("held1") with { Clock = new ShiftedClock(TimeSpan.FromHours(-25)) });
        (await early.Put(name, new CsrBuilder(name, key).Pem())).Dispose();
        Assert.Single(await house.Keys(ObjectKeys.HeldRequestsOf(CertName.Parse(name))));

        await using var now = await house.Start("held2");

        await Eventually.True(async () => (await house.Keys(ObjectKeys.HeldRequestsOf(CertName.Parse(name)))).Count == 0, "it is dropped");
    }
}
