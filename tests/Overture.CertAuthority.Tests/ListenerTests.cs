using Overture.CertAuthority.Tests.Threats;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Grpc.Health.V1;
using Overture.CertAuthority.PuppetApi.Limits;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>
/// The mechanism that all listeners share, on this service's two: who gets a connection, for how long, and what is left of one that failed.
/// </summary>
[Collection(RestartCollection.Name), Trait("Category", "integration")]
public sealed class ListenerTests(CaFixture house)
{
    /// <summary>Issue 12, point 6.</summary>
    [Fact]
    public async Task FailedHandshakes_OnBothListeners_AreFoundByAddressAndCause()
    {
        await using var ca = await house.Start("handshakes");
        await using var past = await RunningCa.Start(house,
            house.Options("handshakes-past") with { Clock = new ShiftedClock(TimeSpan.FromDays(-3)), LeafLife = TimeSpan.FromDays(1) });
        using var expired = await past.Node(l => l.NotBefore = TimeProvider.System.GetUtcNow().AddDays(-4).ToTimestamp());
        using var revoked = await ca.Node();
        await ca.Admin.RevokeCertificateAsync(new() { Certname = $"{revoked.Name}", Reason = "a test" });
        using var otherCa = new TestPuppetCa();
        using var stranger = otherCa.Issue("stranger.example.org");
        var (api, grpc) = (ca.ApiPort, ca.GrpcPort);
        foreach (var (port, from, shown) in new[]
        {
            (api, "127.0.3.1", expired.Certificate), (api, "127.0.3.2", stranger), (api, "127.0.3.3", revoked.Certificate),
                (grpc, "127.0.3.4", null), (grpc, "127.0.3.5", stranger),
        })
        {
            await Assert.ThrowsAnyAsync<IOException>(async () =>
            {
                await using var agent = await RawAgent.Secure(port, from, shown);
                await agent.Get("/status/v1/simple");
                await agent.Answer();
            });
        }
        foreach (var (port, from) in new[] { (api, "127.0.3.6"), (grpc, "127.0.3.7") })
        {
            await using var plain = await RawAgent.Connect(port, from);
            await plain.Send("GET / HTTP/1.1\r\n\r\n");
            await plain.Closed();
        }
        await (await RawAgent.Connect(api, "127.0.3.8")).DisposeAsync();
        // An agent that does not know our CA, or whose clock is wrong, says so in an alert.
        await OpenSsl.Request(
            "", "-connect", $"127.0.0.1:{api}", "-bind", "127.0.3.9", "-CAfile", otherCa.BundleFile, "-verify_return_error");

        string[] expected =
        [
            "from 127.0.3.1 to ca-api was refused (expired): the client certificate (serial ", "from 127.0.3.2 to ca-api was refused "
                + "(wrong-ca): CN=stranger.example.org, serial ",
            "from 127.0.3.3 to ca-api was refused (revoked): CN=", "from 127.0.3.4 to grpc was refused (no-certificate): it "
                + "presented", "from 127.0.3.5 to grpc was refused (wrong-ca)",
            "from 127.0.3.6 to ca-api was refused (protocol)", "from 127.0.3.7 to grpc was refused "
                + "(protocol)", "from 127.0.3.8 to ca-api ended without a request (closed)",
            "from 127.0.3.9 to ca-api was refused (refused-by-client)",
        ];
        foreach (var line in expected)
        {
            await Eventually.True(
                () => ca.Options.Log.Lines.Any(l => l.Contains(line, StringComparison.Ordinal)),
                $"a line '{line}' in\n{string.Join('\n', ca.Options.Log.Lines.Where(l => l.Contains("connection.", StringComparison.Ordinal)))}");
        }
    }

    /// <summary>Issue 12, point 21.</summary>
    [Fact]
    public async Task ExpiredClientCertificate_OnAKeptConnection_IsGoodForNothingMore()
    {
        var clock = new LeapClock();
        await using var ca = await RunningCa.Start(house, house.Options("term") with { Clock = clock, LeafLife = TimeSpan.FromDays(1) });
        using var node = await ca.Node();
        using var admin = await ca.Administrator("term-admin.example.org");
        await using var agent = await RawAgent.Secure(ca.ApiPort, own: node.Certificate);
        await using var cleaner = await RawAgent.Secure(ca.ApiPort, own: admin.Certificate);
        foreach (var (
            who, path) in new[] { (agent, "/puppet-ca/v1/expirations"), (cleaner, $"/puppet-ca/v1/certificate_status/{node.Name}") })
        {
            await who.Get(path);
            Assert.Equal(200, (await who.Answer()).Status);
        }
        using var channel = house.Pki.Channel(ca.GrpcPort, "admin");
        using var watch = new Health.HealthClient(channel).Watch(new HealthCheckRequest());
        Assert.True(await watch.ResponseStream.MoveNext());
        Assert.True((await ca.Admin.GetCrlAsync(new())).Number > 0);

        clock.Shift = TimeSpan.FromDays(100);

        await agent.Send("POST /puppet-ca/v1/certificate_renewal HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
        await cleaner.Get($"/puppet-ca/v1/certificate_status/{node.Name}");
        foreach (var who in new[] { agent, cleaner })
        {
            var refused = await who.Answer();
            Assert.Equal((403, "close"), (refused.Status, refused.Headers["Connection"]));
            Assert.StartsWith("CERTIFICATE_NOT_VALID: the client certificate (serial ", refused.Body, StringComparison.Ordinal);
        }
        var call = await Assert.ThrowsAsync<RpcException>(() => ca.Admin.GetCrlAsync(new()).ResponseAsync);
        Assert.Equal((StatusCode.PermissionDenied, "CERTIFICATE_NOT_VALID"), (call.StatusCode, RpcDetails.Reason(call)));
        var stream = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            while (await watch.ResponseStream.MoveNext().WaitAsync(TimeSpan.FromSeconds(60)))
            {
                // a change of health, said before
            }
        });
        Assert.Equal((StatusCode.PermissionDenied, "CERTIFICATE_NOT_VALID"), (stream.StatusCode, RpcDetails.Reason(stream)));
    }

    /// <summary>Issue 12, point 26.</summary>
    [Theory]
    [InlineData("80000000", 400), InlineData("ffffffff", 400), InlineData("fffffffffffffffff", 400), InlineData("7fffffff", 413)]
    public async Task ChunkOfTwoGibibytesOrMore_IsRefusedAndAFailure(string size, int status)
    {
        var options = house.Options($"chunk-{size[..3]}-{size.Length}");
        await using var ca = await RunningCa.Start(
            house, options with { PuppetApi = options.PuppetApi with { Limits = new() { FailuresPerMinute = 1, FailureBurst = 1 } } });
        await using var agent = await RawAgent.Secure(ca.ApiPort, "127.0.3.20");
        await agent.Send(
            $"PUT /puppet-ca/v1/certificate_request/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n{size}\r\nabc");
        if (status == 413)
            await agent.Send(new byte[1024 * 1024 + (128 * 1024)]);
        var answer = await agent.Answer().WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal((status, "close"), (answer.Status, answer.Headers["Connection"]));
        await agent.Closed().WaitAsync(TimeSpan.FromSeconds(60));
        var failures = ca.Services.GetRequiredService<Budgets>().Failures;
        await Eventually.True(() =>
            failures.Wait(Platform.Connections.AddressKey.Of(IPAddress.Parse("127.0.3.20"))) > TimeSpan.Zero, "it counts as a failure");
        Assert.DoesNotContain(ca.Options.Log.Lines, l => l.Contains("unforeseen", StringComparison.Ordinal));
    }

    /// <summary>Issue 12, point 26.</summary>
    [Theory]
    [InlineData("GET /status/v1/simple HTTP/1.1\nHost: localhost\n\n"), InlineData(
        "GET /status/v1/simple HTTP/1.1\r\nHost: localhost\n\r\n"), InlineData("GET /status/v1/simple HTTP/1.1\r\nHost: localhost\r\n\n")]
    public async Task BareLineFeeds_EndNoLine(string request)
    {
        await using var agent = await RawAgent.Secure(house.Ca.ApiPort);
        await agent.Send(request);
        Assert.Equal(400, (await agent.Answer().WaitAsync(TimeSpan.FromSeconds(60))).Status);
        await agent.Closed().WaitAsync(TimeSpan.FromSeconds(60));
    }

    /// <summary>Issue 12, point 19.</summary>
    [Fact]
    public async Task Pipeline_IsClosedAfterItsLastAnswer()
    {
        var options = house.Options("pipeline");
        await using var ca = await RunningCa.Start(
            house, options with { PuppetApi = options.PuppetApi with { Limits = new() { RequestsPerConnection = 10 } } });
        await using var agent = await RawAgent.Secure(ca.ApiPort);
        await agent.Send(string.Concat(Enumerable.Repeat("GET /status/v1/simple HTTP/1.1\r\nHost: localhost\r\n\r\n", 20)));
        for (var i = 1; i <= 10; i++)
            Assert.Equal(i == 10 ? "close" : null, (await agent.Answer()).Headers.GetValueOrDefault("Connection"));
        await Assert.ThrowsAnyAsync<IOException>(agent.Answer);
    }

    /// <summary>Issue 12, point 19: how much of a pipeline is read ahead of its answers. A flood does not show it everywhere.</summary>
    [Fact]
    public void Buffers_OfAConnection_AreAFewKibibytes()
    {
        var sockets = house.Ca.Services.GetRequiredService<IOptions<SocketTransportOptions>>().Value;
        var kestrel = house.Ca.Services.GetRequiredService<IOptions<KestrelServerOptions>>().Value.Limits;
        var (read, written) = (new[] { sockets.MaxReadBufferSize, kestrel.MaxRequestBufferSize },
            new[] { sockets.MaxWriteBufferSize, kestrel.MaxResponseBufferSize });
        foreach (var (most, bytes) in read.Select(b => (16, b)).Concat(written.Select(b => (32, b))))
            Assert.InRange(bytes ?? long.MaxValue, 1, most * 1024);
    }

    /// <summary>Issue 12, point 19.</summary>
    [Fact]
    public async Task RefusedByItsBudgetAgainAndAgain_IsClosed()
    {
        var options = house.Options("refusals");
        await using var ca = await RunningCa.Start(
            house, options with { PuppetApi = options.PuppetApi with { Limits = new() { PollsPerMinute = 1, PollBurst = 1 } } });
        await using var agent = await RawAgent.Secure(ca.ApiPort);
        var answers = 0;
        RawAnswer answer;
        do
        {
            await agent.Get("/puppet-ca/v1/certificate/refusals.example.org");
            answer = await agent.Answer();
            answers++;
        }
        while (answer.Headers.GetValueOrDefault("Connection") != "close" && answers < 100);
        Assert.Equal((429, 22), (answer.Status, answers));
    }

    /// <summary>Issue 12, point 18: five addresses took all connections, and 9 of 57 genuine agents were turned away.</summary>
    [Fact]
    public async Task FiveAddresses_TakeAllConnections_AgentsOfOthersAreServed()
    {
        var options = house.Options("five");
        await using var ca =
            await RunningCa.Start(house, options with { PuppetApi = options.PuppetApi with { Limits = new() { Connections = 200 } } });
        using var end = new CancellationTokenSource();
        var opened = 0;
        // Each opens what it can, and again as soon as it is closed; half of them complete a request first.
        var flood = Enumerable.Range(0, 200).Select(i => Task.Run(async () =>
        {
            while (!end.IsCancellationRequested)
            {
                try
                {
                    await using var agent = await (i % 2 == 0
                        ? RawAgent.Connect(ca.ApiPort, $"127.0.4.{i % 5 + 1}")
                        : RawAgent.Secure(ca.ApiPort, $"127.0.4.{i % 5 + 1}"));
                    if (i % 2 == 1)
                        await agent.Get("/status/v1/simple");
                    Interlocked.Increment(ref opened);
                    await agent.Closed().WaitAsync(end.Token);
                }
                catch (Exception e) when (e is IOException or OperationCanceledException or SocketException)
                {
                    // turned away, or gave way
                }
            }
        })).ToList();
        try
        {
            await Eventually.True(() => Volatile.Read(ref opened) >= 200, "the listener is full");
            var served = 0;
            await Parallel.ForAsync(0, 57, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (i, cancel) =>
            {
                await using var agent = await RawAgent.Secure(ca.ApiPort, $"127.0.5.{i + 1}");
                await agent.Get("/puppet-ca/v1/certificate/ca");
                if ((await agent.Answer().WaitAsync(TimeSpan.FromSeconds(60), cancel)).Status == 200)
                    Interlocked.Increment(ref served);
            });
            Assert.Equal(57, served);
        }
        finally
        {
            await end.CancelAsync();
            await Task.WhenAll(flood);
        }
    }
}
