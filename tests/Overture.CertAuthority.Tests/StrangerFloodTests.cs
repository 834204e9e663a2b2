using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Enrollment;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.PuppetApi;
using Overture.CertAuthority.Storage;
using Overture.CertAuthority.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Rpc;
using Overture.Platform.Serving;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>
/// What strangers can make grow, at the limits as they are delivered, and how it is found afterwards.
/// </summary>
[Trait("Category", "integration")]
public sealed partial class StrangerFloodTests(Xunit.Abstractions.ITestOutputHelper output) : IAsyncLifetime
{
    private readonly CaFixture house = new();
    private readonly ECDsa key = CsrBuilder.EcKey();

    public Task InitializeAsync() => house.Open();

    public async Task DisposeAsync()
    {
        key.Dispose();
        await house.DisposeAsync();
    }

    [Fact]
    public async Task Point25_FloodFromOneAddress_GrowsAuditAndLogsByABoundedAmountAndEachRequestIsCounted()
    {
        const int Unknown = 1_200, Malformed = 600, Nowhere = 600;
        await using var ca = await Start("flood");
        var node = await house.Launch();
        var agent = await RawAgent.Secure(ca.ApiPort, "127.0.9.1");
        for (var i = 0; i < Unknown; i++)
        {
            var name = $"{house.NewName()}";
            agent = await Expect(agent, agent.Put(name, new CsrBuilder(name, key).Challenge("x").Pem()), 403, ca.ApiPort, "127.0.9.1");
        }
        // In the middle of it a genuine instance is refused, from the same address.
        agent = await Expect(
            agent, agent.Put($"{node.Name}", new CsrBuilder($"{node.Name}", key).Challenge("wrong").Pem()), 403, ca.ApiPort, "127.0.9.1");
        for (var i = 0; i < Malformed; i++)
            agent = await Expect(agent, agent.Put($"al2023-{i}.", "x"), 400, ca.ApiPort, "127.0.9.1");
        for (var i = 0; i < Nowhere; i++)
            agent = await Expect(agent, agent.Get($"/etc/passwd{i}"), 403, ca.ApiPort, "127.0.9.1");
        await agent.DisposeAsync();
        await ca.Services.GetRequiredService<AuditBudget>().WriteSummaries(default);
        ca.Services.GetRequiredService<RefusalLines>().WriteSummaries();
        ca.Services.GetRequiredService<AccessLog>().WriteSummaries();
        Assert.True(await ca.Services.GetRequiredService<AuditLog>().Flushed(default));

        // 1. The audit log: the node's refusal by itself, all others counted, each cause exactly.
        var refused = (await ca.AuditRecords()).Where(r => r.Action == "csr.refused").ToList();
        Assert.Equal("TOKEN_MISMATCH", Assert.Single(refused, r => r.Certname == $"{node.Name}").Decision.Reason);
        Assert.Equal(Unknown, Requests(refused, "NODE_UNKNOWN"));
        Assert.Equal(Malformed, Requests(refused, "NAME_INVALID"));
        var together = refused.Where(r => r.Count > 0 && r.Decision.Reason == "NAME_INVALID").ToList();
        Assert.NotEmpty(together);
        Assert.All(together, r => Assert.Equal(("127.0.9.1", r.Count), (Assert.Single(r.Sources).Address, r.Sources[0].Count)));
        Assert.All(together, r => Assert.InRange(r.Names.Count, 1, 20));
        // The flood may begin in one minute and end in the next.
        var single = refused.Count(r => r.Count == 0);
        Assert.InRange(single, 1, 2 * 10 + 1);
        var audit = (await Task.WhenAll((await house.Keys(ObjectKeys.AuditOf("certauthority", "flood")))
            .Select(k => house.Store.Get(k, default)))).Sum(o => o!.Body.Length);
        Assert.InRange(audit, 1, 100_000);
        Assert.Empty((await Verify(ca)).Problems);

        // 2. The access log: a line a request, or counted in one.
        var lines = ca.AccessLog.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(Unknown + 1 + Malformed + Nowhere, lines.Sum(l => Regex.Match(l, "\"([0-9]+) such requests\"$")
            is { Success: true } more ? long.Parse(more.Groups[1].Value, CultureInfo.InvariantCulture) : 1));
        Assert.InRange(ca.AccessLog.Length, 1, 2 * 600 * 160);

        // 3. The service's own log.
        var said = ca.Options.Log.Lines.Where(l => l.Contains("127.0.9.1", StringComparison.Ordinal)).ToList();
        Assert.InRange(said.Count, 1, 2 * 30 + 10);
        var summed = said.Sum(l => Regex.Match(l, "refusals.counted: ([0-9]+) more lines") is { Success: true } more
            ? long.Parse(more.Groups[1].Value, CultureInfo.InvariantCulture)
            : 1);
        Assert.Equal(Unknown + 1 + Malformed + Nowhere, summed);
        output.WriteLine(
            $"audit {audit} bytes in {refused.Count} records, access log {ca.AccessLog.Length} bytes in {lines.Length} lines, log "
                + $"{said.Sum(l => l.Length)} bytes in {said.Count} lines");
    }

    [Fact]
    public async Task Point25_TurnedAway429_IsOneRecordAMinuteAndOneAccessLine()
    {
        const int Looks = 400;
        var options = Plain("away");
        await using var ca = await RunningCa.Start(house, options with { PuppetApi =
            options.PuppetApi with { AccessLogLinesPerMinute = 100, Limits = new() { UnfoundPerMinute = 1, UnfoundBurst = 20 } } });
        var statuses = new Dictionary<int, int>();
        var agent = await RawAgent.Secure(ca.ApiPort, "127.0.9.2");
        for (var i = 0; i < Looks; i++)
        {
            await agent.Get($"/puppet-ca/v1/certificate/{house.NewName()}");
            var answer = await agent.Answer();
            statuses[answer.Status] = statuses.GetValueOrDefault(answer.Status) + 1;
            agent = await agent.Again(answer, ca.ApiPort, "127.0.9.2");
        }
        await agent.DisposeAsync();
        await ca.Services.GetRequiredService<AuditBudget>().WriteSummaries(default);
        ca.Services.GetRequiredService<AccessLog>().WriteSummaries();
        Assert.True(await ca.Services.GetRequiredService<AuditLog>().Flushed(default));

        Assert.Equal([404, 429], statuses.Keys.Order());
        Assert.InRange(statuses[404], 20, 22);
        var records = (await ca.AuditRecords()).Where(r => r.Action == "request.limited.certificate").ToList();
        Assert.InRange(records.Count, 1, 3);
        Assert.Equal(statuses[429], records.Sum(r => r.Count));
        Assert.All(records, r => Assert.Equal("127.0.9.2", r.Peer));
        Assert.Equal(Looks, ca.AccessLog.Split('\n', StringSplitOptions.RemoveEmptyEntries).Sum(l => Regex.Match(l,
            "\"([0-9]+) such requests\"$") is { Success: true } more ? long.Parse(more.Groups[1].Value, CultureInfo.InvariantCulture) : 1));
    }

    [Fact]
    public async Task Point25_LookUpsOfUnknownNames_AreLimitedByAddress_AndAWaitingAgentThereIsNot()
    {
        var store = new FaultyStore(house.Store);
        var options = Plain("looks");
        await using var ca = await RunningCa.Start(house, options
            with { Store = store, PuppetApi = options.PuppetApi with { Limits = new() { UnfoundPerMinute = 1, UnfoundBurst = 20 } } });
        const string Waiting = "waiting.example.org";
        var agent = await RawAgent.Secure(ca.ApiPort, "127.0.9.3");
        await Expect(agent, agent.Put(Waiting, new CsrBuilder(Waiting, key).Pem()), 200);
        var before = store.ListsOf(ObjectKeys.Claims);
        for (var i = 0; i < 500; i++)
        {
            await agent.Get($"/puppet-ca/v1/certificate/{house.NewName()}");
            agent = await agent.Again(await agent.Answer(), ca.ApiPort, "127.0.9.3");
        }
        Assert.InRange(store.ListsOf(ObjectKeys.Claims) - before, 20, 30);

        // Its agent looks on, and another address has a budget of its own.
        for (var i = 0; i < 30; i++)
            agent = await Expect(agent, agent.Get($"/puppet-ca/v1/certificate/{Waiting}"), 404, ca.ApiPort, "127.0.9.3");
        await Expect(agent, agent.Get($"/puppet-ca/v1/certificate/{house.NewName()}"), 429);
        await agent.DisposeAsync();
        await using var other = await RawAgent.Secure(ca.ApiPort, "127.0.9.4");
        await Expect(other, other.Get($"/puppet-ca/v1/certificate/{house.NewName()}"), 404);
    }

    [Fact]
    public async Task Point25_AuditStoreAway_CountsGoOnAndNoneIsLost()
    {
        const int Requests = 100;
        var store = new FaultyStore(house.Store);
        await using var ca = await RunningCa.Start(house, Plain("away2") with { Store = store });
        store.Refused = "audit/";
        await using (var agent = await RawAgent.Secure(ca.ApiPort, "127.0.9.5"))
        {
            for (var i = 0; i < Requests; i++)
                await Expect(agent, agent.Put($"bad-{i}.", "x"), 400);
        }
        var budget = ca.Services.GetRequiredService<AuditBudget>();
        // Until no record fits any more: what was counted can't be recorded, and is counted on.
        var audit = ca.Services.GetRequiredService<AuditLog>();
        await Eventually.True(() => ca.Options.Log.Lines.Any(l => l.StartsWith("Error audit.waits", StringComparison.Ordinal)),
            "a batch waits, so no other is taken");
        for (var i = 0; i <= AuditLog.MaxWaiting; i++)
            audit.Note(new AuditRecord { Action = "test", Outcome = "allow" });
        await Assert.ThrowsAsync<FaultException>(() => budget.WriteSummaries(default));
        store.Refused = null;
        await Eventually.True(() => audit.Flushed(default), "there is room again");
        await budget.WriteSummaries(default);
        await Eventually.True(() => audit.Flushed(default), "all is written");
        Assert.Equal(
            Requests, StrangerFloodTests.Requests((await ca.AuditRecords()).Where(r => r.Action == "csr.refused"), "NAME_INVALID"));
    }

    [Fact]
    public async Task Point25_RefusalsBeyondTheirTime_AreTakenOutAndTheLogStillHolds()
    {
        await using var ca = await Start("keep");
        using var node = await ca.Node();
        await using (var agent = await RawAgent.Secure(ca.ApiPort, "127.0.9.7"))
            await Expect(agent, agent.Put("old-.", "x"), 400);
        var heads = (await Verify(ca)).Heads;
        // A batch behind it: the last one is left alone.
        await ca.Admin.RevokeCertificateAsync(new() { Certname = $"{node.Name}", Reason = "leaked" });
        Assert.Empty((await Verify(ca)).Problems);
        var retention = ca.Services.GetRequiredService<AuditRetention>();
        Assert.Equal(0, await retention.Run(TimeProvider.System.GetUtcNow().AddDays(-30), default));
        Assert.Single(await Taken());

        Assert.InRange(await retention.Run(TimeProvider.System.GetUtcNow().AddDays(1), default), 1, 3);

        Assert.Empty(await Taken());
        Assert.Equal(0, await retention.Run(TimeProvider.System.GetUtcNow().AddDays(1), default));
        using var call = ca.Admin.VerifyAudit(new VerifyAuditRequest { Expected = { heads } });
        VerifyAuditResponse? verdict = null;
        await foreach (var answer in call.ResponseStream.ReadAllAsync())
            verdict = answer;
        Assert.Empty(verdict!.Problems);
        Assert.Contains(
            (await ca.Admin.ExplainCertificateAsync(new() { Certname = $"{node.Name}" })).Audit, r => r.Action == "cert.released");

        async Task<IReadOnlyList<string>> Taken() => [.. (await house.All<AuditBatch>(ObjectKeys.AuditOf("certauthority", "keep")))
            .SelectMany(b => b.Records).Where(r => r.Contains("old-.", StringComparison.Ordinal))];
    }

    [Fact]
    public async Task Point6_NameThatDoesNotParse_IsFoundByAddressAndByRawName()
    {
        await using var ca = await Start("raw");
        await using (var agent = await RawAgent.Secure(ca.ApiPort, "127.0.9.6"))
        {
            await Expect(agent, agent.Put("al2023-2.", new CsrBuilder("al2023-2.", key).Pem()), 400);
            await Expect(agent, agent.Put("a%22b%0a%1b%5b31m%c3%a9", "x"), 400);
            await Expect(agent, agent.Put(new string('q', 3_000), "x"), 400);
            // The name in the URL is one; that in the request is none.
            await Expect(agent, agent.Put("inside.example.org", new CsrBuilder("inside-.", key).Pem()), 400);
        }

        var byName = await ca.Admin.ExplainCertificateAsync(new() { Certname = "al2023-2." });
        var record = Assert.Single(byName.Audit);
        Assert.Equal(
            ("", "al2023-2.", "127.0.9.6", "NAME_INVALID"), (record.Certname, record.AskedName, record.Peer, record.Decision.Reason));
        Assert.Contains("must not end with a dot", record.Decision.Sentence, StringComparison.Ordinal);
        Assert.Contains("1 request was refused", byName.Summary, StringComparison.Ordinal);
        // As it was sent, or as the record spells it.
        foreach (var spelled in new[] { "a\"b\n\u001b[31m\u00e9", "a%22b%0A%1B%5B31m%C3%A9" })
        {
            Assert.Equal("a%22b%0A%1B%5B31m%C3%A9",
                Assert.Single((await ca.Admin.ExplainCertificateAsync(new() { Certname = spelled })).Audit).AskedName);
        }
        Assert.Equal(203,
            Assert.Single((await ca.Admin.ExplainCertificateAsync(new() { Certname = new string('q', 3_000) })).Audit).AskedName.Length);
        var inside = Assert.Single((await ca.Admin.ExplainCertificateAsync(new() { Certname = "inside-." })).Audit);
        Assert.Equal(("inside.example.org", "inside-."), (inside.Certname, inside.AskedName));

        foreach (var spelled in new[] { "127.0.9.6", "::ffff:127.0.9.6" })
        {
            var byAddress = await ca.Admin.ExplainCertificateAsync(new() { Address = spelled });
            Assert.Equal(["al2023-2.", "a%22b%0A%1B%5B31m%C3%A9", new string('q', 200) + "...", "inside-."],
                byAddress.Audit.Select(r => r.AskedName));
            Assert.Contains("4 requests were refused", byAddress.Summary, StringComparison.Ordinal);
        }
        Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(
            async () => await ca.Admin.ExplainCertificateAsync(new() { Address = "127.0.9.99" }))).StatusCode);
        Assert.Equal(StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(
            async () => await ca.Admin.ExplainCertificateAsync(new() { Address = "nowhere" }))).StatusCode);
        Assert.Equal(StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(
            async () => await ca.Admin.ExplainCertificateAsync(new() { Certname = "never-asked-for." }))).StatusCode);
    }

    [Fact]
    public async Task Point26_QueueFilledByStrangers_AGenuineRequestGetsItsPlace()
    {
        await using var ca = await RunningCa.Start(house, Plain("queue") with { Approval = new() });
        // As if 20 addresses had filled it, 50 each.
        var seal = ca.Services.GetRequiredService<RecordMac>();
        using var stranger = CsrBuilder.EcKey();
        await Parallel.ForAsync(0, HeldShares.Most, async (i, cancel) =>
        {
            var held = new HeldRequest
            {
                Schema = 1, Certname = $"s{i}.example.org", SpkiSha256 = new string('a', 64),
                    SubjectPublicKeyInfoPem = stranger.ExportSubjectPublicKeyInfoPem() + "\n",
                Peer = $"10.0.{i % 20}.1", ReceivedAt = Google.Protobuf.WellKnownTypes.Timestamp.FromDateTimeOffset(
                    TimeProvider.System.GetUtcNow().AddMinutes(-60).AddSeconds(i)),
                Decision = new Decision { Outcome = "hold" },
            };
            seal.Put(held);
            await house.Store.PutIfAbsent(ObjectKeys.HeldRequest(CertName.Parse(held.Certname), held.SpkiSha256), held, cancel);
        });
        const string Genuine = "genuine.example.org";

        using var answer = await ca.Put(Genuine, new CsrBuilder(Genuine, key).Pem());

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Single(await house.Keys(ObjectKeys.HeldRequestsOf(CertName.Parse(Genuine))));
        Assert.Equal(HeldShares.Most, (await house.Keys(ObjectKeys.HeldRequests)).Count);
        Assert.Equal("s19.example.org", (await ca.Audited("s19.example.org", "HELD_QUEUE_FULL")).Certname);
        Assert.Empty(await house.Keys(ObjectKeys.HeldRequestsOf(CertName.Parse("s19.example.org"))));
    }

    private TestCaOptions Plain(string replica)
    {
        var (options, defaults) = (house.Options(replica), new CertAuthorityOptions());
        return options with
        {
            RefusalLinesPerMinute = defaults.RefusalLinesPerMinute,
            Audit = defaults.Audit,
            Approval = defaults.Approval,
            PuppetApi = options.PuppetApi with { AccessLogLinesPerMinute = defaults.PuppetApi.AccessLogLinesPerMinute },
        };
    }

    private Task<RunningCa> Start(string replica) => RunningCa.Start(house, Plain(replica));

    private static long Requests(IEnumerable<AuditRecord> records, string reason) =>
        records.Where(r => r.Decision.Reason == reason).Sum(r => Math.Max(1, r.Count));

    private static async Task Expect(RawAgent agent, ValueTask sending, int status)
    {
        await sending;
        Assert.Equal(status, (await agent.Answer()).Status);
    }

    /// <returns>The connection to go on with: the server closes each after so many requests.</returns>
    private static async Task<RawAgent> Expect(RawAgent agent, ValueTask sending, int status, int port, string from)
    {
        await sending;
        var answer = await agent.Answer();
        Assert.Equal(status, answer.Status);
        return await agent.Again(answer, port, from);
    }
}
