using System.Net;
using Overture.CertAuthority.PuppetApi;
using Overture.Platform.Faults;
using Overture.Platform.PuppetHost;
using Overture.Platform.Records;
using Overture.Platform.Tls;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>
/// ca/certs/SERIAL of a client that is damaged or another's: it is not let in unseen, the object is named, and public routes go on.
/// </summary>
/// <remarks>Beside no test that counts such alarms of this process.</remarks>
[Collection(RestartCollection.Name), Trait("Category", "integration")]
public sealed class DamagedCertificateTests(CaFixture house) : IClassFixture<CaFixture>
{
    private readonly RunningCa ca = house.Ca;

    [Theory]
    [InlineData("{\"schema\": 1, \"pem\": \"-----BEGIN"), InlineData("{}"), InlineData(""),
        InlineData("{\"schema\": 1, \"pem\": \"no certificate\"}"), InlineData(null)]
    public async Task Use_RecordThatCantBeRead_Is503ByNameAndPublicRoutesGoOn(string? body)
    {
        using var node = await ca.Node();
        var key = ObjectKeys.Certificate(node.Serial);
        await Damage(key, body);

        using (var closed = await node.Http.PostAsync(new Uri("certificate_renewal", UriKind.Relative), new StringContent("")))
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, closed.StatusCode);
            Assert.StartsWith("OBJECT_UNREADABLE", await closed.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }
        foreach (var path in new[] { "certificate/ca", "certificate_revocation_list/ca" })
        {
            using var open = await node.Http.GetAsync(new Uri(path, UriKind.Relative));
            Assert.Equal(HttpStatusCode.OK, open.StatusCode);
        }

        Assert.Single(ca.Options.Log.Lines, l =>
            l.StartsWith("Error ca.damaged_record: the object ", StringComparison.Ordinal) && l.Contains(key, StringComparison.Ordinal)
            && l.Contains("Put the right one back from a copy of the bucket", StringComparison.Ordinal));
        var told = await ca.Audited($"{node.Name}", "AUDIT_BROKEN");
        Assert.Equal("object.damaged", told.Action);
        Assert.Contains(key, told.Decision.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Use_OfAPuppetserverWhoseRecordCantBeRead_IsNotDecided()
    {
        using var node = await ca.Node(r => r.Role = "puppetserver");
        await Damage(ObjectKeys.Certificate(node.Serial), "{\"schema\": 1, \"pem\": \"-----BEGIN\"}");
        var peers = new PuppetserverPeers(
            house.Store, new PuppetCaBundle(house.BundleFile, "caBundle"),
            LaunchVerifier.FromDirectory(house.Pki.TrustedLaunchKeys).Verify);
        Assert.Equal(ObjectKeys.Certificate(node.Serial),
            (await Assert.ThrowsAsync<UnreadableObjectException>(() => peers.Refusal(node.Certificate, default))).Key);
    }

    [Fact]
    public async Task Use_AnotherCertificateWasPutInItsPlace_SaysWhichObjectAndTheCure()
    {
        using var node = await ca.Node();
        using var other = await ca.Node();
        var key = ObjectKeys.Certificate(node.Serial);
        var genuine = (await house.Store.Get(key, default))!.Body;
        await house.Rewrite<CertificateRecord>(key, r => r.Pem = other.Certificate.ExportCertificatePem());

        using (var refused = await node.Http.PostAsync(new Uri("certificate_renewal", UriKind.Relative), new StringContent("")))
            Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);

        var line = Assert.Single(ca.Options.Log.Lines, l => l.StartsWith("Critical ca.record_replaced: ", StringComparison.Ordinal));
        var told = (await ca.Audited($"{node.Name}", "CERTIFICATE_UNRECORDED")).Decision.Sentence;
        foreach (var text in new[] { line, told })
            Assert.Contains($"the object {key}, which should hold it, holds another certificate: it was overwritten. Put the right one back", text, StringComparison.Ordinal);
        // The cure cures.
        await house.Store.Delete(key, default);
        await house.Store.PutIfAbsent(key, (ReadOnlyMemory<byte>)genuine, default);
        using var back = await node.Http.PostAsync(new Uri("certificate_renewal", UriKind.Relative), new StringContent(""));
        Assert.Equal(HttpStatusCode.OK, back.StatusCode);
    }

    // Null: more than any certificate has.
    private async Task Damage(string key, string? body)
    {
        await house.Store.Delete(key, default);
        if (body is not null)
            await house.Store.PutIfAbsent(key, System.Text.Encoding.UTF8.GetBytes(body).AsMemory(), default);
        else
            await File.WriteAllBytesAsync(Path.Combine(house.Bucket, key), new byte[1_000_000]);
    }
}
