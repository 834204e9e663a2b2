using System.Diagnostics;
using System.Globalization;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Net.Client;
using Overture.Conductor.V1;

namespace Overture.Load;

/// <summary>A client of the Conductor that asks for lists and for single instances, and says how long each took.</summary>
internal static class Lists
{
    private const int WarmUp = 2000;

    /// <summary>Pages of 50 all the way down, of the whole list, by profile and by state, <paramref name="count"/> of each.</summary>
    public static async Task<int> Pages(string home, int port, int count)
    {
        using var channel = Open(home, port);
        var client = new ConductorService.ConductorServiceClient(channel);
        foreach (var (name, filter) in new (string, ListInstancesRequest)[]
        {
            ("all", new() { ShowTerminated = true }), ("profile", new() { Profile = "web" }),
            ("none_match", new() { State = InstanceState.Requested }),
        })
        {
            var times = new List<double>();
            for (var i = 0; i < count; i++)
            {
                var began = Stopwatch.GetTimestamp();
                var page = await client.ListInstancesAsync(filter);
                times.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
                filter.PageToken = page.NextPageToken;
            }
            Print(name, times);
        }
        return 0;
    }

    /// <summary>
    /// From now until a list is answered and the file "indexed" is there (the bench's script makes it), asking for single instances
    /// meanwhile.
    /// </summary>
    public static async Task<int> Rebuilt(string home, int port)
    {
        var names = await File.ReadAllLinesAsync($"{home}/names");
        var limit = TimeSpan.FromMinutes(3);
        var began = Stopwatch.GetTimestamp();
        using var channel = Open(home, port);
        var client = new ConductorService.ConductorServiceClient(channel);
        // Until it listens at all there is nobody to answer.
        await Until(async () => (await client.GetInstanceAsync(new() { Certname = names[0] })).Instance is not null, limit);
        var listening = Stopwatch.GetElapsedTime(began);
        TimeSpan? listed = null;
        var times = new List<double>();
        while ((listed is null || !File.Exists($"{home}/indexed")) && Stopwatch.GetElapsedTime(began) < limit)
        {
            var asked = Stopwatch.GetTimestamp();
            await client.GetInstanceAsync(new() { Certname = names[Random.Shared.Next(names.Length)] });
            times.Add(Stopwatch.GetElapsedTime(asked).TotalMilliseconds);
            if (listed is null && await Answered(client))
                listed = Stopwatch.GetElapsedTime(began);
        }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"listening_s={listening.TotalSeconds:0.0} "
            + $"list_s={listed?.TotalSeconds:0.0} all_s={Stopwatch.GetElapsedTime(began).TotalSeconds:0.0}"));
        Print("get", times);
        return listed is null ? 1 : 0;
    }

    private static async Task Until(Func<Task<bool>> condition, TimeSpan limit)
    {
        var began = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(began) < limit)
        {
            try
            {
                if (await condition())
                    return;
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.Unavailable)
            {
                await Task.Delay(50);
            }
        }
    }

    private static async Task<bool> Answered(ConductorService.ConductorServiceClient client)
    {
        try
        {
            await client.ListInstancesAsync(new() { PageSize = 1 },
                deadline: TimeProvider.System.GetUtcNow().AddMilliseconds(200).UtcDateTime);
            return true;
        }
        catch (RpcException e) when (e.StatusCode is StatusCode.Unavailable or StatusCode.DeadlineExceeded)
        {
            return false;
        }
    }

    /// <summary>Launches <paramref name="count"/> in batches of 50, <paramref name="atOnce"/> of them at a time.</summary>
    public static async Task<int> Launch(string home, int port, int pid, int count, int atOnce)
    {
        using var channel = Open(home, port);
        var client = new ConductorService.ConductorServiceClient(channel);
        var spec = new LaunchSpec
        {
            Provider = "ec2",
            Image = "ami-0123456789abcdef0",
            InstanceType = "t3.small",
            Puppet = new PuppetSettings { Server = "puppet.example.com" },
            Node = new NodeSpec { Classes = Google.Protobuf.WellKnownTypes.Struct.Parser.ParseJson("""{"login_allowed": {"user": "demo"}}""") },
        };
        // The first ones are compiled, and compiled again by how often they run; those are not measured.
        await Batches(client, spec, WarmUp, atOnce);
        var (began, cpu) = (Stopwatch.GetTimestamp(), Tally.Cpu(pid));
        var failed = await Batches(client, spec, count, atOnce);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"launched={count} failed={failed} "
            + $"seconds={Stopwatch.GetElapsedTime(began).TotalSeconds:0.00} cpu_ms={(Tally.Cpu(pid) - cpu) / count:0.00}"));
        return failed == 0 ? 0 : 1;
    }

    private static async Task<int> Batches(ConductorService.ConductorServiceClient client, LaunchSpec spec, int count, int atOnce)
    {
        var failed = 0;
        await Parallel.ForAsync(0, count / 50, new ParallelOptions { MaxDegreeOfParallelism = atOnce }, async (_, cancel) =>
        {
            var answer = await client.LaunchInstancesAsync(new() { Spec = spec, Count = 50 }, cancellationToken: cancel);
            Interlocked.Add(ref failed, answer.Results.Count(r => r.Reason.Length > 0));
        });
        return failed;
    }

    internal static void Print(string what, List<double> times)
    {
        times.Sort();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what}: calls={times.Count} p50_ms={times[times.Count / 2]:0.0} "
            + $"p99_ms={times[times.Count * 99 / 100]:0.0} max_ms={times[^1]:0.0}"));
    }

    internal static GrpcChannel Open(string home, int port)
    {
        var own = X509Certificate2.CreateFromPemFile($"{home}/pki/admin.pem", $"{home}/pki/admin.key");
        return GrpcChannel.ForAddress($"https://localhost:{port}", new GrpcChannelOptions
        {
            HttpHandler = new SocketsHttpHandler
            {
                UseProxy = false,
                SslOptions = new SslClientAuthenticationOptions { ClientCertificates = [own], CertificateChainPolicy = InternalPki(home) },
            },
        });
    }

    /// <summary>A browser with cookies of its own, and no certificate.</summary>
    internal static HttpClient Browser(string home) => new(new SocketsHttpHandler
    {
        UseProxy = false, SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = InternalPki(home) },
    });

    private static X509ChainPolicy InternalPki(string home)
    {
        var roots = new X509Certificate2Collection();
        roots.ImportFromPemFile($"{home}/pki/ca.pem");
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.AddRange(roots);
        return policy;
    }
}
