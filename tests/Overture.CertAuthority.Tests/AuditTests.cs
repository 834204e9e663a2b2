using System.Security.Cryptography;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Storage;
using Overture.CertAuthority.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>The audit log over the real service. A house of its own: what is damaged here must not trouble the other tests.</summary>
[Trait("Category", "integration")]
public sealed class AuditTests : AuditHouse
{
    [Fact]
    public async Task VerifyAudit_AfterEnrolmentsRefusalsAndRevocations_IsWhole()
    {
        await Busy(ca);
        await using (var second = await house.Start("second"))
        {
            await Busy(second);
            var verdict = await Verify(second);
            Assert.Empty(verdict.Problems);
            Assert.Equal(["certauthority/api", "certauthority/second"], verdict.Heads.Select(h => h.Stream));
            Assert.True(verdict is { Batches: > 1, Records: > 8 });
        }
        // Once more, against what was kept.
        var kept = await Verify(ca);
        Assert.Empty((await Verify(ca, [.. kept.Heads])).Problems);
        await ca.DisposeAsync();
        await using var again = await house.Start("api");
        Assert.Empty((await Verify(again, [.. kept.Heads])).Problems);
    }

    [Fact]
    public async Task VerifyAudit_StateDirectoryLost_StreamGoesOnUnderANewKey()
    {
        var options = house.Options("lost");
        await using (var before = await RunningCa.Start(house, options))
            await Refuse(before);
        Directory.Delete(options.StateDirectory, recursive: true);
        await using var after = await RunningCa.Start(house, options);
        await Refuse(after);

        Assert.Empty((await Verify(after)).Problems);
        var batches = await house.All<AuditBatch>(ObjectKeys.AuditOf("certauthority", "lost"));
        Assert.Equal(2, batches.Select(b => b.Kid).Distinct().Count());
    }

    [Fact]
    public async Task VerifyAudit_TailCutOff_KnownFromItsOwnMemory()
    {
        await Refuse(ca);
        Assert.Empty((await Verify(ca)).Problems);
        await CutTail("api");
        Assert.Contains((await Verify(ca)).Problems, p => p.Contains("certauthority/api: ", StringComparison.Ordinal)
            && p.Contains("replica certauthority/api itself saw", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Start_TailCutOff_SaysSoAndNeverWritesThatNumberAgain()
    {
        var options = house.Options("cut");
        await using (var before = await RunningCa.Start(house, options))
        {
            // A tail, not the whole stream.
            for (var i = 0; i < 2; i++)
            {
                await Refuse(before);
                await Verify(before);
            }
        }
        var cut = await CutTail("cut");
        await using var after = await RunningCa.Start(house, options);

        Assert.Contains(options.Log.Lines, l => l.StartsWith("Critical audit.gap", StringComparison.Ordinal));
        var verdict = await Verify(after);
        Assert.Null(await house.Store.Get(cut, default));
        Assert.Contains(verdict.Problems, p =>
            p.StartsWith("certauthority/cut: batch", StringComparison.Ordinal) && p.EndsWith("missing", StringComparison.Ordinal));
        var next = (await house.Keys(ObjectKeys.AuditOf("certauthority", "cut"))).First(k => string.CompareOrdinal(k, cut) > 0);
        var first = RecordJson.Read<AuditRecord>((await house.Store.Get<AuditBatch>(next, default))!.Records[0]);
        Assert.Equal(("audit.gap", "AUDIT_BROKEN"), (first.Action, first.Decision.Reason));
    }

    [Fact]
    public async Task VerifyAudit_TailCutOffAndStateGone_KnownFromTheOtherReplicas()
    {
        var options = house.Options("gone");
        await using (var before = await RunningCa.Start(house, options))
            await Refuse(before);
        // Its end is in the batches of one that starts now.
        await using (var other = await house.Start("witness"))
            await Verify(other);
        await CutTail("gone");
        Directory.Delete(options.StateDirectory, recursive: true);

        Assert.Contains((await Verify(ca)).Problems, p => p.StartsWith("certauthority/gone: ", StringComparison.Ordinal)
            && p.Contains("of certauthority/witness saw", StringComparison.Ordinal));

        // It learns it from them too, at its next start.
        await using var after = await RunningCa.Start(house, options);
        Assert.Contains(options.Log.Lines, l => l.StartsWith("Critical audit.gap", StringComparison.Ordinal));
    }

    [Fact]
    public async Task VerifyAudit_StreamsGoneAndNobodyKnows_KnownFromTheOperatorsHeads()
    {
        var options = house.Options("solo");
        VerifyAuditResponse kept;
        await using (var before = await RunningCa.Start(house, options))
        {
            await Refuse(before);
            kept = await Verify(before);
        }
        await ca.DisposeAsync();
        // All that could witness it goes too.
        foreach (var audit in await house.Keys(ObjectKeys.AuditStreams))
            await house.Store.Delete(audit, default);
        Directory.Delete(house.Options("api").StateDirectory, recursive: true);
        await using var again = await house.Start("api");

        Assert.DoesNotContain((await Verify(again)).Problems, p => p.Contains("certauthority/solo", StringComparison.Ordinal));
        Assert.Contains((await Verify(again, [.. kept.Heads])).Problems, p =>
            p.StartsWith("certauthority/solo: the whole stream is gone; the head kept elsewhere saw", StringComparison.Ordinal));
    }

    [Fact]
    public async Task VerifyAudit_KeyReplacedByAWriterOfTheBucket_IsFound()
    {
        await Refuse(ca);
        await Verify(ca);
        // The thief's own key, under the genuine kid and under its own, and the last batch signed again.
        using var thief = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var path = (await house.Keys(ObjectKeys.AuditOf("certauthority", "api")))[^1];
        var last = (await house.Store.Get<AuditBatch>(path, default))!;
        var forged = AuditChain.Seal(
            [new AuditRecord { Action = "csr.refused" }], last.HeadSha256, last.Sequence + 1, "certauthority/api", "w", thief, []);
        await house.Store.PutIfAbsent($"{ObjectKeys.AuditOf("certauthority", "api")}{last.Sequence + 1:D20}", forged, default);
        await house.Store.PutIfAbsent(ObjectKeys.AuditKey(forged.Kid), new AuditKeyRecord
        {
            Schema = 1,
            Kid = forged.Kid,
            Stream = "certauthority/api",
            PublicKeyPem = thief.ExportSubjectPublicKeyInfoPem(),
            Signature = Google.Protobuf.ByteString.CopyFrom(thief.SignData("overture"u8, HashAlgorithmName.SHA256)),
        }, default);

        var problems = (await Verify(ca)).Problems;

        Assert.Contains($"audit-keys/{forged.Kid}: the CA does not vouch for this audit key", problems);
        Assert.Contains(problems, p =>
            p.StartsWith($"certauthority/api batch {forged.Sequence}: is signed with key {forged.Kid}", StringComparison.Ordinal));
    }

    [Fact]
    public async Task VerifyAudit_OneObjectOfEachKindDeleted_NamesIt()
    {
        var (first, second) = (await Enrol(ca), await Enrol(ca));
        await ca.Admin.RevokeCertificateAsync(new() { Certname = second.Certname, Reason = "leaked" });
        Assert.Empty((await Verify(ca)).Problems);
        var name = CertName.Parse(first.Certname);

        await Gone(ObjectKeys.Certificate(first.Serial), "was released and is gone");
        await Gone(ObjectKeys.Claim(name, "1"), $"ca/certs/{first.Serial}: its claim 1 is gone");
        await Gone(ObjectKeys.Revocation(second.Serial), "was revoked, and the revocation is gone");
        await Gone((await house.Keys(ObjectKeys.BlocksOf(CertName.Parse(second.Certname))))[0],
            $"ca/blocks/{second.Certname}/: the name was blocked, and its block is gone");
        await Gone((await house.Keys(ObjectKeys.Crls))[^1], "was published and is gone");
        await Gone((await house.Keys(ObjectKeys.AuditOf("certauthority", "api")))[0], "certauthority/api: batch 1 is missing");
        await Gone((await house.Keys(ObjectKeys.AuditKeys))[0], "for which the CA does not vouch");
        Assert.Empty((await Verify(ca)).Problems);
    }

    [Fact]
    public async Task VerifyAudit_CertificateOrClaimReplaced_NamesIt()
    {
        var (first, second) = (await Enrol(ca), await Enrol(ca));
        var path = ObjectKeys.Certificate(first.Serial);
        var genuine = (await house.Store.Get(path, default))!;
        var forged = RecordJson.Read<CertificateRecord>(genuine.Body);
        forged.Pem = (await house.Store.Get<CertificateRecord>(ObjectKeys.Certificate(second.Serial), default))!.Pem;
        await house.Store.PutIfMatch(path, RecordJson.Write(forged), genuine.ETag, default);

        Assert.Contains($"{path}: is not what its claim says, or not signed by this CA", (await Verify(ca)).Problems);
    }

    [Fact]
    public async Task AuditSweep_DiedBetweenCertificateAndRecord_WritesItFromTheClaim()
    {
        var store = new FaultyStore(house.Store);
        await using var dying = await RunningCa.Start(house, house.Options("dying") with { Store = store });
        var instance = await house.Launch();
        // The certificate is there, but who stored it never heard so, and wrote no record.
        store.FailNext("ca/certs/", Break.After);
        (await dying.Put(instance, key)).Dispose();
        var claim = Assert.Single(await house.All<Claim>(ObjectKeys.ClaimsOf(instance.Name)));
        await using var later =
            await RunningCa.Start(house, house.Options("later") with { Clock = new ShiftedClock(TimeSpan.FromHours(1)) });
        Assert.Contains($"ca/certs/{claim.Serial}: no audit record says that it was released", (await Verify(later)).Problems);
        Assert.Empty((await Verify(dying)).Problems);

        await later.Services.GetRequiredService<AuditSweep>().Run(default);
        await later.Services.GetRequiredService<AuditSweep>().Run(default);

        Assert.Empty((await Verify(later)).Problems);
        var record = Assert.Single((await later.AuditRecords()), r => r.Serial == claim.Serial && r.Action == "cert.recovered");
        Assert.Equal("TOKEN_ACCEPTED", record.Decision.Reason);
    }

    [Fact]
    public async Task ExplainCertificate_Signed_SaysWhyAndShowsTheEvidence()
    {
        var certificate = await Enrol(ca);

        var byName = await ca.Admin.ExplainCertificateAsync(new() { Certname = certificate.Certname });
        var bySerial = await ca.Admin.ExplainCertificateAsync(new() { Serial = certificate.Serial.ToUpperInvariant() });

        var claim = Assert.Single(byName.Claims);
        Assert.Equal(certificate.Serial, claim.Certificate.Serial);
        Assert.True(claim.Claim.Tbs.IsEmpty);
        Assert.Equal(16, claim.LaunchKid.Length);
        Assert.Contains(claim.Claim.Decision.Checks, c => c is { Name: "token", Passed: true });
        Assert.Contains(byName.Audit, r => r.Action == "cert.released");
        Assert.Contains($"certificate {certificate.Serial} is valid", byName.Summary, StringComparison.Ordinal);
        Assert.Equal((certificate.Certname, 1), (bySerial.Certname, bySerial.Claims.Count));
        Assert.Contains("signed because it brought the one-time token", bySerial.Summary, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ExplainCertificate_Revoked_SaysWhoAndWhy()
    {
        var certificate = await Enrol(ca);
        await ca.Admin.RevokeCertificateAsync(new() { Certname = certificate.Certname, Reason = "the disk was sold" });

        var answer = await ca.Admin.ExplainCertificateAsync(new() { Certname = certificate.Certname });

        Assert.Equal("the disk was sold", Assert.Single(answer.Claims).Revocation.Sentence);
        Assert.NotEmpty(answer.Blocks);
        Assert.Contains("was revoked", answer.Summary, StringComparison.Ordinal);
        Assert.Contains("the name is blocked: the disk was sold", answer.Summary, StringComparison.Ordinal);
        Assert.Equal(["cert.released", "name.blocked", "cert.revoked"], answer.Audit.Select(r => r.Action));
    }

    [Fact]
    public async Task ExplainCertificate_NoCertificate_SaysWhatARequestWouldMeet()
    {
        var stranger = house.NewName().ToString();
        for (var i = 0; i < 2; i++)
            (await ca.Put(stranger, new CsrBuilder(stranger, key).Challenge("x").Pem())).Dispose();
        Assert.Matches(
            "this name was never launched or registered. 2 requests were refused, the last at .*NODE_UNKNOWN", await Summary(stranger));

        var late = await house.Launch(
            r => r.Deadline = Google.Protobuf.WellKnownTypes.Timestamp.FromDateTimeOffset(TimeProvider.System.GetUtcNow().AddMinutes(-1)));
        Assert.Matches("the token's deadline passed at .*No request ever came", await Summary(late.Name.ToString()));
        Assert.Contains("would be signed until", await Summary((await house.Launch()).Name.ToString()), StringComparison.Ordinal);

        var held = $"{house.NewName()}.example.com";
        (await ca.Put(held, new CsrBuilder(held, key).Pem())).Dispose();
        Assert.Contains("waits for a person since", await Summary(held), StringComparison.Ordinal);

        foreach (var request in new ExplainCertificateRequest[] { new() { Certname = house.NewName().ToString() },
            new() { Serial = "0badcafe" } })
        {
            Assert.Equal(StatusCode.NotFound,
                (await Assert.ThrowsAsync<RpcException>(async () => await ca.Admin.ExplainCertificateAsync(request))).StatusCode);
        }
        foreach (var request in new ExplainCertificateRequest[] { new(), new() { Certname = "a", Serial = "0f" },
            new() { Serial = "xyz" } })
        {
            Assert.Equal(StatusCode.InvalidArgument,
                (await Assert.ThrowsAsync<RpcException>(async () => await ca.Admin.ExplainCertificateAsync(request))).StatusCode);
        }
    }

    private async Task<string> Summary(string certname) => (await ca.Admin.ExplainCertificateAsync(new() { Certname = certname })).Summary;

    private async Task Gone(string path, string problem)
    {
        var body = (await house.Store.Get(path, default))!.Body;
        await house.Store.Delete(path, default);
        var problems = (await Verify(ca)).Problems;
        Assert.True(problems.Any(p => p.Contains(problem, StringComparison.Ordinal)), $"{path}: {string.Join('\n', problems)}");
        await house.Store.PutIfAbsent(path, body, default);
    }

    private async Task<string> CutTail(string replica)
    {
        var last = (await house.Keys(ObjectKeys.AuditOf("certauthority", replica)))[^1];
        await house.Store.Delete(last, default);
        return last;
    }

    private async Task Busy(RunningCa running)
    {
        await Enrol(running);
        await Refuse(running);
        var revoked = await Enrol(running);
        await running.Admin.RevokeCertificateAsync(new() { Certname = revoked.Certname, Reason = "test" });
    }

    private async Task Refuse(RunningCa running)
    {
        var stranger = house.NewName().ToString();
        (await running.Put(stranger, new CsrBuilder(stranger, key).Challenge("x").Pem())).Dispose();
    }

    private async Task<CertificateRecord> Enrol(RunningCa running)
    {
        using var own = CsrBuilder.EcKey();
        var instance = await house.Launch();
        (await running.Put(instance, own)).Dispose();
        return Assert.Single(await house.All<CertificateRecord>(ObjectKeys.Certificates), c => c.Certname == instance.Name.ToString());
    }

    private static async Task<VerifyAuditResponse> Verify(RunningCa running, params AuditHead[] expected)
    {
        using var call = running.Admin.VerifyAudit(new VerifyAuditRequest { Expected = { expected } });
        VerifyAuditResponse? last = null;
        await foreach (var answer in call.ResponseStream.ReadAllAsync())
            last = answer;
        Assert.True(last!.Done);
        return last;
    }
}
