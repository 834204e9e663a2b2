using Overture.CertAuthority.Tests.Acceptance;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Overture.Platform.Records;
using Grpc.Health.V1;
using Overture.Records.V1;
using Overture.TestSupport;
using Status = Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace Overture.CertAuthority.Tests;

/// <summary>
/// SIGTERM for a CertAuthority process while agents ask (threats F58): each agent that got an answer has its certificate in the store.
/// </summary>
[Collection(RestartCollection.Name), Trait("Category", "integration")]
public sealed class DrainTests(CaFixture house)
{
    [Fact]
    public async Task F58_SigtermUnderLoad_HealthSaysSoAtOnceAndNothingAnsweredIsLost()
    {
        await using var ca = new CaProcess(house, "drain", "drain: 10s");
        await ca.Start();
        using var channel = house.Pki.Channel(ca.GrpcPort, "viewer");
        var health = new Health.HealthClient(channel);
        using var watch = health.Watch(new HealthCheckRequest());
        Assert.True(await watch.ResponseStream.MoveNext(default));
        Assert.Equal(Status.Serving, watch.ResponseStream.Current.Status);

        var answered = new ConcurrentBag<Launched>();
        using var over = new CancellationTokenSource();
        var agents = Enumerable.Range(0, 8).Select(_ => Task.Run(() => Ask(ca.Port, answered, over.Token)))
            .Append(Trickle(ca.Port, over.Token)).ToList();
        await Eventually.True(() => answered.Count > 20, "agents get their certificates");
        await ca.Terminate();
        var since = Stopwatch.StartNew();

        // At once, to who watches and who asks, also by a new connection; and it is alive, and takes requests.
        Assert.True(await watch.ResponseStream.MoveNext(default));
        Assert.Equal(Status.NotServing, watch.ResponseStream.Current.Status);
        Assert.False(await watch.ResponseStream.MoveNext(default));
        Assert.True(since.Elapsed < TimeSpan.FromSeconds(8), $"told after {since.Elapsed}");
        var soFar = answered.Count;
        using var late = house.Pki.Channel(ca.GrpcPort, "viewer");
        using var call = new Health.HealthClient(late).CheckAsync(new HealthCheckRequest());
        Assert.Equal(Status.NotServing, (await call).Status);
        Assert.Equal("it is shutting down", call.GetTrailers().GetValue("overture-why"));
        Assert.Equal(Status.Serving, (await health.CheckAsync(new HealthCheckRequest { Service = "liveness" })).Status);
        await Eventually.True(() => answered.Count > soFar + 8, "requests are still taken");

        Assert.Equal(0, await ca.Ended(TimeSpan.FromSeconds(90)));
        Assert.InRange(since.Elapsed.TotalSeconds, 10, 90);
        await over.CancelAsync();
        await Task.WhenAll(agents);
        foreach (var instance in answered)
        {
            var claim = Assert.Single(await house.All<Claim>(ObjectKeys.ClaimsOf(instance.Name)));
            Assert.NotNull(await house.Store.Get(ObjectKeys.Certificate(claim.Serial), default));
        }
    }

    // One instance after the other, each by a connection of its own, until no one listens.
    private async Task Ask(int port, ConcurrentBag<Launched> answered, CancellationToken over)
    {
        while (!over.IsCancellationRequested)
        {
            var instance = await house.Launch();
            using var key = CsrBuilder.EcKey();
            using var client = RunningCa.AgentClient(house.BundleFile, port);
            try
            {
                using var answer = await client.PutAsync(new Uri($"certificate_request/{instance.Name}", UriKind.Relative),
                    new StringContent(instance.Csr(key).Pem(), Encoding.ASCII, "text/plain"), over);
                if (answer.IsSuccessStatusCode)
                    answered.Add(instance);
            }
            catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
            {
                return;
            }
        }
    }

    // A request whose body comes just fast enough to be waited for.
    private static async Task Trickle(int port, CancellationToken over)
    {
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", port, over);
        await using var tls = new SslStream(client.GetStream(), false, (_, certificate, _, _) => certificate is not null);
        await tls.AuthenticateAsClientAsync("localhost");
        try
        {
            await tls.WriteAsync(
                "PUT /puppet-ca/v1/certificate_request/slow HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 16000\r\n\r\n"u8.ToArray(), over);
            using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(500));
            while (await timer.WaitForNextTickAsync(over))
                await tls.WriteAsync(Enumerable.Repeat((byte)'x', 200).ToArray(), over);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // the server, or the test, is over
        }
    }
}
