using System.Collections.Concurrent;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Overture.CertAuthority.PuppetApi.Limits;
using Overture.CertAuthority.PuppetApi;
using Overture.Platform.Connections;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>Sizes, smuggling, budgets of one name: what is answered, and what it costs the store.</summary>
[Collection(LimitCollection.Name), Trait("Category", "integration")]
public sealed class LimitTestsWire(CaFixture house)
{
    private readonly RunningCa ca = house.Ca;

    [Theory]
    [InlineData("Content-Length: 33554432"), InlineData("Transfer-Encoding: chunked")]
    public async Task T61_HugeBody_Is413AndNotReadToItsEnd(string framing)
    {
        const long Whole = 1L << 30;
        await using var agent = await RawAgent.Secure(ca.ApiPort);
        await agent.Send($"PUT /puppet-ca/v1/certificate_request/x HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n\r\n");
        var sent = 0L;
        var sending = Task.Run(async () =>
        {
            var chunk = new byte[16 * 1024];
            try
            {
                while (sent < Whole)
                {
                    if (framing.StartsWith('T'))
                        await agent.Send("4000\r\n");
                    await agent.Send(chunk);
                    if (framing.StartsWith('T'))
                        await agent.Send("\r\n");
                    sent += chunk.Length;
                }
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException)
            {
                // The other side has had enough.
            }
        });
        Assert.Equal(413, (await agent.Answer().WaitAsync(TimeSpan.FromSeconds(60))).Status);
        await agent.Closed().WaitAsync(TimeSpan.FromSeconds(60));
        await agent.DisposeAsync();
        await sending.WaitAsync(TimeSpan.FromSeconds(60));
        // What the sockets' own buffers took, no more.
        Assert.InRange(sent, 0, 16 << 20);
    }

    [Fact]
    public async Task T61_ShorterThanItClaims_IsCutOffAndStoresNothing()
    {
        var instance = await house.Launch();
        await using var agent = await RawAgent.Secure(ca.ApiPort);
        await agent.Send(
            $"PUT /puppet-ca/v1/certificate_request/{instance.Name} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000\r\n\r\nshort");
        Assert.Equal(408, (await agent.Answer().WaitAsync(TimeSpan.FromSeconds(60))).Status);
        await agent.Closed().WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Empty(await house.Keys(ObjectKeys.ClaimsOf(instance.Name)));
    }

    [Theory]
    [InlineData("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef")]
    [InlineData("Content-Length: 5, 6\r\n\r\nabcdef")]
    [InlineData("Content-Length: 5x\r\n\r\nabcde")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n-1\r\nabc\r\n0\r\n\r\n")]
    [InlineData("Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n")]
    [InlineData("Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n")]
    [InlineData("Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("Content-Length: 5\r\n folded: x\r\n\r\nabcde")]
    public async Task T68_TwoReadingsOfOneBody_Is400AndClosed(string framing)
    {
        await using var agent = await RawAgent.Secure(ca.ApiPort);
        await agent.Send(
            $"PUT /puppet-ca/v1/certificate_request/x HTTP/1.1\r\nHost: localhost\r\n{framing}GET /status/v1/simple HTTP/1.1\r\nHost: "
                + "localhost\r\n\r\n");
        Assert.Equal(400, (await agent.Answer().WaitAsync(TimeSpan.FromSeconds(60))).Status);
        // And no second answer, to the request in disguise.
        await Assert.ThrowsAsync<IOException>(() => agent.Answer().WaitAsync(TimeSpan.FromSeconds(60)));
    }

    [Fact]
    public async Task T68_GoodRequestWithBothLengths_Is400AndStoresNothing()
    {
        var instance = await house.Launch();
        using var key = CsrBuilder.EcKey();
        var csr = instance.Csr(key).Pem();
        await using var agent = await RawAgent.Secure(ca.ApiPort);
        await agent.Send(
            $"PUT /puppet-ca/v1/certificate_request/{instance.Name} HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
                + $"5\r\nTransfer-Encoding: chunked\r\n\r\n{csr.Length:x}\r\n{csr}\r\n0\r\n\r\n");
        Assert.Equal(400, (await agent.Answer().WaitAsync(TimeSpan.FromSeconds(60))).Status);
        await agent.Closed().WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Empty(await house.Keys(ObjectKeys.ClaimsOf(instance.Name)));
    }

    [Fact]
    public async Task RealAgent_Told429_WaitsAndHasItsCertificate()
    {
        await using var own = await Start("limitreal", new PuppetLimitOptions { PollsPerMinute = 1, PollBurst = 1 });
        using var node = new TempDirectory();
        var instance = await house.Launch();
        Directory.CreateDirectory(node.File("conf"));
        await File.WriteAllTextAsync(
            node.File("conf/csr_attributes.yaml"), $"custom_attributes:\n  1.2.840.113549.1.9.7: {instance.Token}\n");
        // Someone at the same address looked before: a minute, in which the agent starts, makes its key and asks.
        Assert.Null(await own.Certificate(instance.Name));
        var (exit, output) = await Tool.Run(
            "puppet", "ssl", "bootstrap", "--confdir", node.File("conf"), "--vardir", node.File("var"), "--ssldir", node.File("ssl"),
            "--certname", instance.Name.ToString(), "--ca_server", "localhost", "--ca_port", $"{own.ApiPort}", "--keylength", "2048",
            "--waitforcert", "1", "--color", "false");
        Assert.True(exit == 0, output);
        var looks = own.AccessLog.Split('\n').Where(
            l => l.Contains($"GET /puppet-ca/v1/certificate/{instance.Name}", StringComparison.Ordinal)).Select(l => l.Split(' ')[^2]);
        // 7.23 sleeps as long as Retry-After says, trips over its own closed connection, waits its waitforcert, and has it.
        Assert.Equal(["404", "429", "200"], looks);
    }

    [Fact]
    public async Task T18_OverTheBudget_RegisteredAndUnknownHearTheSame()
    {
        var limits = new PuppetLimitOptions { CsrPerMinute = 1, CsrBurst = 2, PollsPerMinute = 1, PollBurst = 2 };
        await using var own = await Start("limit18", limits);
        var instance = await house.Launch();
        using var key = CsrBuilder.EcKey();
        var answers = new List<string>();
        foreach (var name in new[] { instance.Name, house.NewName() })
        {
            var told = "";
            for (var i = 0; i < 4; i++)
            {
                using var put = await own.Put(name.ToString(), new CsrBuilder(name.ToString(), key).Challenge("wrong").Pem());
                told += await Told(put);
            }
            for (var i = 0; i < 4; i++)
            {
                using var get = await own.Get($"certificate/{name}");
                told += (await Told(get)).Replace(name.ToString(), "NAME", StringComparison.Ordinal);
            }
            answers.Add(told);
        }
        Assert.Equal(answers[0], answers[1]);
        Assert.Contains("403", answers[0], StringComparison.Ordinal);
        Assert.Contains("429 retry 60 length", answers[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task T05_OverTheBudget_RightTokenPastItsDeadlineIsJudgedAndRefused()
    {
        await using var own = await Start("limit05", new PuppetLimitOptions { CsrPerMinute = 1, CsrBurst = 1 });
        var instance = await house.Launch(
            r => r.Deadline = Google.Protobuf.WellKnownTypes.Timestamp.FromDateTimeOffset(TimeProvider.System.GetUtcNow().AddMinutes(-1)));
        using var key = CsrBuilder.EcKey();
        for (var i = 0; i < 3; i++)
        {
            using var late = await own.Put(instance, key);
            Assert.Equal(HttpStatusCode.Forbidden, late.StatusCode);
        }
        await own.Audited(instance.Name.ToString(), Reason.TokenExpired.Code());
        Assert.Empty(await house.Keys(ObjectKeys.ClaimsOf(instance.Name)));
    }

    [Fact]
    public async Task T69_StampedeOnOneName_IsAnsweredWithoutTheStore()
    {
        var counted = new CountingStore(DirectoryStore.At(house.Bucket));
        await using var own = await RunningCa.Start(house, Options("limit69", new PuppetLimitOptions()) with { Store = counted });
        var instance = await house.Launch();
        using var key = CsrBuilder.EcKey();
        var wrong = new CsrBuilder(instance.Name.ToString(), key).Challenge("wrong").Pem();
        var began = TimeProvider.System.GetTimestamp();
        var statuses = new ConcurrentBag<int>();
        await Parallel.ForAsync(0, 20, async (_, _) =>
        {
            var agent = await RawAgent.Secure(own.ApiPort);
            for (var i = 0; i < 125; i++)
            {
                await agent.Get($"/puppet-ca/v1/certificate/{instance.Name}");
                var look = await agent.Answer();
                agent = await agent.Again(look, own.ApiPort);
                await agent.Put(instance.Name.ToString(), wrong);
                var put = await agent.Answer();
                agent = await agent.Again(put, own.ApiPort);
                statuses.Add(look.Status);
                statuses.Add(put.Status);
            }
            await agent.DisposeAsync();
        });
        var seconds = Math.Ceiling(TimeProvider.System.GetElapsedTime(began).TotalSeconds);
        Assert.Equal(5_000, statuses.Count);
        Assert.Equal([403, 404, 429], statuses.Distinct().Order());
        // Of 2,500 looks, 60 and one a second list the claims; of 2,500 requests, 30 and one each two seconds read launch and claim. The
        // proof of all others is one read of the launch in two seconds.
        var judged = 30 + Math.Ceiling(seconds / 2);
        Assert.InRange(counted.Of(ObjectKeys.ClaimsOf(instance.Name)), 1, 60 + seconds + judged);
        Assert.InRange(counted.Of(ObjectKeys.Launch(instance.Name)), 1, judged + Math.Ceiling(seconds / 2));
    }

    [Fact]
    public async Task Address_WithTooManyFailures_OnlyWhoCanProveGoesOn()
    {
        await using var own = await Start("limitaddr", new PuppetLimitOptions { FailuresPerMinute = 1, FailureBurst = 3 });
        using var key = CsrBuilder.EcKey();
        // An agent that waits for its certificate is no failure.
        for (var i = 0; i < 5; i++)
        {
            using var waits = await own.Get("certificate/waits");
            Assert.Equal(HttpStatusCode.NotFound, waits.StatusCode);
        }
        for (var i = 0; i < 3; i++)
        {
            using var refused = await own.Get("bogus");
            Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        }
        using var limited = await own.Get("bogus");
        Assert.Equal(HttpStatusCode.TooManyRequests, limited.StatusCode);
        using var stranger = await own.Put("host.example.org", new CsrBuilder("host.example.org", key).Pem());
        Assert.Equal(HttpStatusCode.TooManyRequests, stranger.StatusCode);

        var instance = await house.Launch();
        using var right = await own.Put(instance, key);
        Assert.Equal(HttpStatusCode.OK, right.StatusCode);
        Assert.NotNull(await own.Certificate(instance.Name));
        foreach (var open in new[] { "certificate/ca", "certificate_revocation_list/ca", "/status/v1/simple" })
        {
            using var read = await own.Get(open);
            Assert.Equal(HttpStatusCode.OK, read.StatusCode);
        }
        await using var known = await RawAgent.Secure(own.ApiPort);
        await known.Put("other.example.org", new CsrBuilder("other.example.org", key).Pem());
        var wait = await known.Answer();
        Assert.Equal((429, true),
            (wait.Status, int.Parse(wait.Headers["Retry-After"], System.Globalization.CultureInfo.InvariantCulture) is > 0 and <= 60));
        await using var elsewhere = await RawAgent.Secure(own.ApiPort, "127.0.0.9");
        await elsewhere.Get("/bogus");
        Assert.Equal(403, (await elsewhere.Answer()).Status);
    }

    [Fact]
    public async Task Address_OfHandshakesThatFail_IsLimitedAsWell()
    {
        await using var own = await Start("limithand", new PuppetLimitOptions { FailuresPerMinute = 1, FailureBurst = 3 });
        for (var i = 0; i < 3; i++)
        {
            await using var garbage = await RawAgent.Connect(own.ApiPort, "127.0.0.8");
            await garbage.Send("GET / HTTP/1.1\r\n\r\n");
            await garbage.Closed().WaitAsync(TimeSpan.FromSeconds(60));
        }
        var failures = own.Services.GetRequiredService<Budgets>().Failures;
        await Eventually.True(
            () => failures.Wait(AddressKey.Of(IPAddress.Parse("127.0.0.8"))) > TimeSpan.Zero, "the address is over its budget");
        await using var agent = await RawAgent.Secure(own.ApiPort, "127.0.0.8");
        await agent.Send("DELETE /x HTTP/1.1\r\nHost: localhost\r\n\r\n");
        Assert.Equal(429, (await agent.Answer()).Status);
    }

    [Fact]
    public async Task Request_LongerThanItsTime_IsEndedAndItsActGoesOn()
    {
        var slow = new TestSupport.FaultyStore(DirectoryStore.At(house.Bucket));
        await using var own = await RunningCa.Start(
            house, Options("limitslow", new PuppetLimitOptions { Request = TimeSpan.FromSeconds(1) }) with { Store = slow });
        var instance = await house.Launch();
        using var key = CsrBuilder.EcKey();
        var released = new TaskCompletionSource();
        slow.BeforeGet = k => k == ObjectKeys.Launch(instance.Name) ? released.Task : Task.CompletedTask;
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => own.Put(instance, key));
        Assert.Empty(await house.Keys(ObjectKeys.ClaimsOf(instance.Name)));
        released.SetResult();
        await Eventually.Get(() => own.Certificate(instance.Name), "the certificate is signed all the same");
    }

    [Fact]
    public async Task StoreAway_Is503WithRetryAfter()
    {
        var store = new TestSupport.FaultyStore(DirectoryStore.At(house.Bucket));
        await using var own = await RunningCa.Start(
            house, Options("limitaway", new PuppetLimitOptions { CsrBurst = 1, CsrPerMinute = 1 }) with { Store = store });
        var instance = await house.Launch();
        using var key = CsrBuilder.EcKey();
        store.Down = true;
        // Within its budget, and over it, where the token is compared first.
        for (var i = 0; i < 2; i++)
        {
            using var answer = await own.Put(instance, key);
            Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
            Assert.Equal(TimeSpan.FromSeconds(5), answer.Headers.RetryAfter!.Delta);
        }
        store.Down = false;
        await Eventually.True(async () => (await own.Put(instance, key)).IsSuccessStatusCode, "the store is back");
    }

    private Task<RunningCa> Start(string replica, PuppetLimitOptions limits) => RunningCa.Start(house, Options(replica, limits));

    private TestCaOptions Options(string replica, PuppetLimitOptions limits)
    {
        var options = house.Options(replica);
        return options with { PuppetApi = options.PuppetApi with { Limits = limits } };
    }

    private static async Task<string> Told(HttpResponseMessage answer) =>
        $"{(int)answer.StatusCode} retry {answer.Headers.RetryAfter?.Delta?.TotalSeconds} length "
            + $"{answer.Content.Headers.ContentLength}: {await answer.Content.ReadAsStringAsync()}\n";
}

/// <summary>The real store, and how often what begins with a key was read.</summary>
internal sealed class CountingStore(ObjectStore inner) : ObjectStore
{
    private readonly ConcurrentDictionary<string, int> reads = new();

    public override string Name => inner.Name;

    public int Of(string prefix) => reads.Where(r => r.Key.StartsWith(prefix, StringComparison.Ordinal)).Sum(r => r.Value);

    public override Task<PutOutcome> PutIfAbsent(string key, ReadOnlyMemory<byte> body, CancellationToken cancel) =>
        inner.PutIfAbsent(key, body, cancel);

    public override Task<PutOutcome> PutIfMatch(string key, ReadOnlyMemory<byte> body, string etag, CancellationToken cancel) =>
        inner.PutIfMatch(key, body, etag, cancel);

    public override Task<StoredObject?> Get(string key, CancellationToken cancel)
    {
        reads.AddOrUpdate(key, 1, (_, n) => n + 1);
        return inner.Get(key, cancel);
    }

    public override IAsyncEnumerable<string> List(string prefix, string? after, CancellationToken cancel)
    {
        reads.AddOrUpdate(prefix, 1, (_, n) => n + 1);
        return inner.List(prefix, after, cancel);
    }

    public override Task Delete(string key, CancellationToken cancel) => inner.Delete(key, cancel);
}
