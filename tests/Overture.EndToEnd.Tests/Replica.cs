using Grpc.Core;
using Grpc.Net.Client;
using Overture.CertAuthority.V1;
using Overture.Classifier.V1;
using Overture.Conductor.V1;
using Grpc.Health.V1;
using Overture.TestSupport;

namespace Overture.EndToEnd.Tests;

/// <summary>One replica of a service as a process of its own, and clients that find it at the same ports after each start.</summary>
public sealed class Replica : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(10), EndLimit = TimeSpan.FromSeconds(25);
    private readonly string assembly, config;
    private readonly TestPki pki;
    private readonly List<GrpcChannel> channels = [];
    private ServiceProcess? process;

    /// <param name="service">"Conductor", "CertAuthority" or "Classifier".</param>
    /// <param name="name">"a" or "b".</param>
    /// <param name="pki">Whose parties call it.</param>
    /// <param name="config">Its option file; it may be written later.</param>
    public Replica(string service, string name, TestPki pki, string config)
    {
        Name = $"{service} {name}";
        (this.pki, this.config) = (pki, config);
        assembly = RepositoryPaths.Output($"services/{service}", $"Overture.{service}.dll");
        Connect();
    }

    public string Name { get; }

    /// <summary>Added to this process's.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; set; } = new Dictionary<string, string>();

    /// <summary>Of gRPC.</summary>
    public int Port { get; } = FreePort.Next();

    /// <summary>Of the CA API, or of the report intake.</summary>
    public int PuppetPort { get; } = FreePort.Next();

    public ConductorService.ConductorServiceClient Conductor { get; private set; } = null!;
    public CertAuthorityService.CertAuthorityServiceClient CertAuthority { get; private set; } = null!;
    public ClassifierService.ClassifierServiceClient Classifier { get; private set; } = null!;

    public bool Runs => process is { HasExited: false };

    /// <summary>Starts it and waits until it says that it serves.</summary>
    public async Task Start()
    {
        process = new ServiceProcess(assembly, config, Environment);
        await Eventually.True(async () => process.HasExited || await Serves(), $"{Name} serves", StartLimit);
        Assert.False(process.HasExited, process.HasExited ? await process.Printed() : "");
        Connect();
    }

    /// <summary>SIGKILL.</summary>
    public Task Kill() => process!.Kill();

    /// <summary>SIGTERM, and its end: by itself, with exit code 0.</summary>
    public async Task Stop()
    {
        await process!.Terminate();
        await process.Ended(EndLimit);
        Assert.True(process.ExitCode == 0, $"{Name} ended by {process.ExitCode}: {await process.Printed()}");
    }

    /// <summary>Of a CertAuthority.</summary>
    public async Task Revoke(string certname)
    {
        using var channel = pki.Channel(Port, "operator");
        await new CertAuthorityService.CertAuthorityServiceClient(channel)
            .RevokeCertificateAsync(new() { Certname = certname, Reason = "a test" });
    }

    /// <summary>Of a CertAuthority: what `overture audit verify` would report.</summary>
    public async Task<IReadOnlyList<string>> AuditProblems()
    {
        using var call = CertAuthority.VerifyAudit(new());
        await foreach (var word in call.ResponseStream.ReadAllAsync())
        {
            if (word.Done)
                return word.Problems;
        }
        throw new InvalidOperationException($"{Name} gave no verdict");
    }

    public async ValueTask DisposeAsync()
    {
        channels.ForEach(c => c.Dispose());
        if (process is not null)
            await process.DisposeAsync();
    }

    // New at each start: a channel that was refused stays away for a while, as no hook or command line does, which are new at each call.
    private void Connect()
    {
        GrpcChannel[] fresh = [pki.Channel(Port, "admin"), pki.Channel(Port, "viewer"), pki.Channel(Port, "enc")];
        channels.AddRange(fresh);
        (Conductor, CertAuthority, Classifier) = (new(fresh[0]), new(fresh[1]), new(fresh[2]));
    }

    /// <summary>Whether its health says so, as a probe asks.</summary>
    internal async Task<bool> Serves()
    {
        using var channel = pki.Channel(Port, "viewer");
        try
        {
            return (await new Health.HealthClient(channel).CheckAsync(new())).Status == HealthCheckResponse.Types.ServingStatus.Serving;
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.Unavailable)
        {
            return false;
        }
    }
}
