using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.PuppetApi;
using Overture.CertAuthority.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>Objects that strangers planted, deleted or changed (point 26).</summary>
public sealed partial class StrangerFloodTests
{
    [Fact]
    public async Task Point26_PlantedCertificate_IsServedNowhereAndTheRestIs()
    {
        await using var ca = await Start("planted");
        using var victim = await ca.Node();
        using var other = await ca.Node();
        using var admin = await ca.Administrator();
        var path = ObjectKeys.Certificate(victim.Serial);
        var genuine = (await house.Store.Get(path, default))!.Body;
        var record = RecordJson.Read<CertificateRecord>(genuine);
        var planted = new Dictionary<string, string>
        {
            ["of another name"] =
                RecordJson.Read<CertificateRecord>((await house.Store.Get(ObjectKeys.Certificate(other.Serial), default))!.Body).Pem,
            ["by another CA"] = SelfSigned(victim),
            ["with a second block"] = record.Pem + SelfSigned(victim),
            ["behind other text"] = "evil\n" + record.Pem,
            ["no certificate"] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        };
        var bodies = planted.Select(p =>
        {
            var changed = record.Clone();
            changed.Pem = p.Value;
            return (What: p.Key, Body: RecordJson.Write(changed));
        }).Append(("cut short", genuine[..(genuine.Length / 2)])).Append(("empty", [])).ToList();
        // Whose memory knows none of them.
        await using var fresh = await Start("lists");
        using var again = await fresh.Administrator("lists.example.org");
        foreach (var (what, body) in bodies)
        {
            await Replace(path, body);
            // 1. What an agent and an administrator ask for by name is an error.
            foreach (var route in new[] { $"certificate/{victim.Name}", $"certificate_status/{victim.Name}" })
            {
                using var answer = await admin.Http.GetAsync(new Uri(route, UriKind.Relative));
                Assert.True((int)answer.StatusCode >= 500, $"{what}: GET {route} is {answer.StatusCode}");
                Assert.DoesNotContain("BEGIN CERTIFICATE", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
            }
            await Assert.ThrowsAsync<RpcException>(async () => await ca.Admin.GetCertificateAsync(new() { Certname = $"{victim.Name}" }));
            using (var put = await ca.Put($"{victim.Name}", new CsrBuilder($"{victim.Name}", key).Pem()))
                Assert.DoesNotContain("BEGIN CERTIFICATE", await put.Content.ReadAsStringAsync(), StringComparison.Ordinal);
            // 2. The list has all others.
            using var list = await again.Http.GetAsync(new Uri("certificate_statuses/any_key", UriKind.Relative));
            Assert.Equal(HttpStatusCode.OK, list.StatusCode);
            var listed = await list.Content.ReadAsStringAsync();
            Assert.Contains($"{other.Name}", listed, StringComparison.Ordinal);
            Assert.DoesNotContain($"{victim.Name}", listed, StringComparison.Ordinal);
            Assert.Contains((await Verify(ca)).Problems, p => p.Contains(path, StringComparison.Ordinal));
        }
        // Each of these said once, however often it is listed.
        using (await again.Http.GetAsync(new Uri("certificate_statuses/any_key", UriKind.Relative)))
        {
            var said = fresh.Options.Log.Lines.Where(l => l.Contains("ca.damaged_object", StringComparison.Ordinal)).ToList();
            Assert.Equal(said.Distinct(), said);
            Assert.True(said.Count >= 4 && said.TrueForAll(l => l.Contains(path, StringComparison.Ordinal)), string.Join('\n', said));
            await Eventually.True(async () =>
                (await fresh.AuditRecords()).Count(r => r.Action == "object.damaged") == said.Count, "each is in the audit log once");
        }
        // 3. It can still be revoked; and put back, it is served as ever.
        await Replace(path, genuine);
        using var healed = await admin.Http.GetAsync(new Uri($"certificate/{victim.Name}", UriKind.Relative));
        Assert.Equal(record.Pem, await healed.Content.ReadAsStringAsync());
        await Replace(path, []);
        using var revoke = await admin.Http.PutAsync(new Uri($"certificate_status/{victim.Name}", UriKind.Relative),
            new StringContent("{\"desired_state\":\"revoked\"}", System.Text.Encoding.UTF8, "application/json"));
        Assert.Equal(HttpStatusCode.NoContent, revoke.StatusCode);
        Assert.NotNull(await house.Store.Get(ObjectKeys.Revocation(victim.Serial), default));
    }

    // Who can write the bucket but not the audit log, nor sign.
    [Fact]
    public async Task Point26_VerifyAudit_NamesEachObjectThatWasDeletedOrChanged()
    {
        await using var ca = await Start("verify");
        using var node = await ca.Node();
        using var revoked = await ca.Node();
        await ca.Admin.RevokeCertificateAsync(new() { Certname = $"{revoked.Name}", Reason = "leaked" });
        await house.Fact(node.Name, "launched");
        Assert.Empty((await Verify(ca)).Problems);
        var spki = Assert.Single(await house.All<CertificateRecord>(ObjectKeys.Certificates), c => c.Certname == $"{node.Name}").SpkiSha256;
        var block = Assert.Single(await house.Keys(ObjectKeys.BlocksOf(revoked.Name)));
        async Task<string> Newest() => (await house.Keys(ObjectKeys.Crls))[^1];
        const string List = "the newest list";
        var changes = new (string Path, Func<byte[], byte[]?> Change)[]
        {
            (ObjectKeys.Launch(node.Name), _ => null),
            (ObjectKeys.Launch(node.Name), Changed<SignedLaunch>(l => l.Payload =
                Google.Protobuf.ByteString.CopyFromUtf8(l.Payload.ToStringUtf8().Replace("local", "other", StringComparison.Ordinal)))),
            (ObjectKeys.Launch(node.Name), body => body[..^20]),
            (ObjectKeys.KeyOwner(spki), _ => null),
            (ObjectKeys.KeyOwner(spki),
                Changed<Google.Protobuf.WellKnownTypes.Struct>(o => o.Fields["certname"].StringValue = "evil.example.org")),
            (block, _ => null),
            (block, Changed<Block>(b => b.Kind = BlockKind.Quarantined)),
            (block, Changed<Block>(b => b.Claims.Clear())),
            (ObjectKeys.Revocation(revoked.Serial), Changed<RevocationRecord>(r => r.CertificateNotAfter = r.At)),
            (List, body => body[..(body.Length / 2)]),
            (List, _ => []),
        };
        foreach (var (named, change) in changes)
        {
            var path = named == List ? await Newest() : named;
            var genuine = (await house.Store.Get(path, default))!.Body;
            var changed = change(genuine);
            await house.Store.Delete(path, default);
            if (changed is not null)
                await house.Store.PutIfAbsent(path, changed, default);
            var problems = (await Verify(ca)).Problems;
            // A damaged list is replaced by a newer one within some seconds, and is no problem from then on: then that is damaged.
            while (named == List && !Names(problems, path) && await Newest() is var newer && newer != path)
            {
                path = newer;
                genuine = (await house.Store.Get(path, default))!.Body;
                await Replace(path, change(genuine)!);
                problems = (await Verify(ca)).Problems;
            }
            Assert.True(Names(problems, path), $"{path} {(changed is null ? "deleted" : "changed")}: {string.Join('\n', problems)}");
            await house.Store.Delete(path, default);
            await house.Store.PutIfAbsent(path, genuine, default);
        }
        Assert.Empty((await Verify(ca)).Problems);

        static bool Names(IEnumerable<string> problems, string path) => problems.Any(p => p.Contains(path, StringComparison.Ordinal));
    }

    /// <summary>With the budgets as they are delivered.</summary>

    private async Task Replace(string path, byte[] body)
    {
        await house.Store.Delete(path, default);
        await house.Store.PutIfAbsent(path, body, default);
    }

    private static Func<byte[], byte[]> Changed<T>(Action<T> change) where T : class, Google.Protobuf.IMessage, new() => body =>
    {
        var record = RecordJson.Read<T>(body);
        change(record);
        return RecordJson.Write(record);
    };

    // Of the same name, serial and key kind, and by itself.
    private static string SelfSigned(CertifiedClient like)
    {
        using var own = CsrBuilder.EcKey();
        var request =
            new System.Security.Cryptography.X509Certificates.CertificateRequest($"CN={like.Name}", own, HashAlgorithmName.SHA256);
        using var made =
            request.Create(request.SubjectName, System.Security.Cryptography.X509Certificates.X509SignatureGenerator.CreateForECDsa(own),
            like.Certificate.NotBefore, like.Certificate.NotAfter, Convert.FromHexString(like.Serial));
        return made.ExportCertificatePem() + "\n";
    }

    private static async Task<VerifyAuditResponse> Verify(RunningCa running)
    {
        using var call = running.Admin.VerifyAudit(new VerifyAuditRequest());
        VerifyAuditResponse? last = null;
        await foreach (var answer in call.ResponseStream.ReadAllAsync())
            last = answer;
        return last!;
    }
}
