using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests.Acceptance;

/// <summary>Floods against a CertAuthority that is a process with its own limits, since what they broke was the process.</summary>
[Collection(FloodCollection.Name), Trait("Category", "integration")]
public sealed class FloodTests(CaFixture house)
{
    /// <summary>
    /// Issue 12, point 18: at its limit of files the runtime can't read how much memory there is, and ends the process with "Out of
    /// memory.".
    /// </summary>
    [Theory]
    [InlineData(false), InlineData(true)]
    public async Task MoreConnectionsThanFiles_OnEitherListener_TheProcessLives(bool grpc)
    {
        const int Files = 1_500, Flood = 2_500;
        await using var ca = new CaProcess(house, $"files-{grpc}".ToLowerInvariant(), before: $"ulimit -n {Files}");
        await ca.Start();
        Assert.Matches("ca-api takes [0-9]+ connections at once, not 10000", ca.Log);
        var sockets = new List<Socket>();
        try
        {
            for (var i = 0; i < Flood; i++)
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
                sockets.Add(socket);
                socket.Bind(new IPEndPoint(IPAddress.Parse($"127.0.6.{i % 40 + 1}"), 0));
                try
                {
                    await socket.ConnectAsync(IPAddress.Loopback, grpc ? ca.GrpcPort : ca.Port).WaitAsync(TimeSpan.FromSeconds(5));
                }
                catch (Exception e) when (e is SocketException or TimeoutException)
                {
                    // turned away
                }
            }
            // While they are all there: an agent from elsewhere, with a request that reads the store.
            var instance = await house.Launch();
            using var key = CsrBuilder.EcKey();
            await using var agent = await RawAgent.Secure(ca.Port, "127.0.6.99");
            await agent.Put(instance.Name.ToString(), instance.Csr(key).Pem());
            Assert.Equal(200, (await agent.Answer().WaitAsync(TimeSpan.FromSeconds(60))).Status);
        }
        finally
        {
            sockets.ForEach(s => s.Dispose());
        }
        Assert.False(ca.HasExited);
        Assert.DoesNotContain("Out of memory", ca.Log, StringComparison.Ordinal);
    }

    /// <summary>Issue 12, point 19: 1,900 connections of one address, each asking without pause and reading what it gets.</summary>
    [Fact]
    public async Task PipelinesOfOneAddress_UnderTheHeapLimitOfKubernetes_TheProcessLivesAndAgentsAreServed()
    {
        const int Pipelines = 1_900;
        await using var ca = new CaProcess(house, "pipelines", before: $"export DOTNET_GCHeapHardLimit=0x{HeapLimit():x}");
        await ca.Start();
        using var end = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        var requests = Encoding.ASCII.GetBytes(
            string.Concat(Enumerable.Repeat("GET /puppet-ca/v1/certificate/ca HTTP/1.1\r\nHost: localhost\r\n\r\n", 1_000)));
        var answered = 0L;
        var flood = Enumerable.Range(0, Pipelines).Select(_ => Task.Run(async () =>
        {
            while (!end.IsCancellationRequested)
                Interlocked.Add(ref answered, await Pipeline(ca.Port, requests, end.Token));
        })).ToList();

        await Eventually.True(() => Interlocked.Read(ref answered) > 1_000_000 || end.IsCancellationRequested, "they are at it");
        await using (var agent = await RawAgent.Secure(ca.Port, "127.0.7.2").WaitAsync(TimeSpan.FromSeconds(60)))
        {
            await agent.Get("/puppet-ca/v1/certificate/ca");
            Assert.Equal(200, (await agent.Answer().WaitAsync(TimeSpan.FromSeconds(60))).Status);
        }
        await Task.WhenAll(flood);

        Assert.False(ca.HasExited, "the process is gone");
        Assert.InRange(ca.PeakMemory, 1, 700);
    }

    /// <returns>Bytes that came.</returns>
    private static async Task<long> Pipeline(int port, byte[] requests, CancellationToken cancel)
    {
        var came = 0L;
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Parse("127.0.7.1"), 0));
            await socket.ConnectAsync(IPAddress.Loopback, port, cancel);
            await using var tls = new SslStream(new NetworkStream(socket), false, (_, shown, _, _) => shown is not null);
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "localhost" }, cancel);
            var reading = Task.Run(async () =>
            {
                var buffer = new byte[16 * 1024];
                while (await tls.ReadAsync(buffer, cancel) is > 0 and var read)
                    came += read;
                socket.Dispose();
            }, cancel);
            while (!reading.IsCompleted)
                await tls.WriteAsync(requests, cancel);
            await reading;
        }
        catch (Exception e)
            when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            // closed after its last answer, or the time is over
        }
        return came;
    }

    // What the runtime takes of the smallest limit that a CertAuthority has in deploy/k8s: three quarters.
    private static long HeapLimit() => new[] { "deploy/k8s/overlays/kind/service.yaml", "deploy/k8s/base/certauthority.yaml" }
        .SelectMany(f => Regex.Matches(File.ReadAllText(RepositoryPaths.File(f)), "limits[^\n]*?cpu: \"[0-9]+\", memory: ([0-9]+)Mi"))
        .Min(m => long.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture)) * 1024 * 1024 * 3 / 4;
}
