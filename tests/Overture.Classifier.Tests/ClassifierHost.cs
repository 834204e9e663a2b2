using System.Collections.Concurrent;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Overture.Classifier.V1;
using Overture.Platform;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Platform.Tls;
using Overture.Records.V1;
using Overture.TestSupport;
using ServiceDescriptor = Google.Protobuf.Reflection.ServiceDescriptor;

namespace Overture.Classifier.Tests;

/// <summary>A real Classifier in this process, over a store and a clock that a test can put in. It can be started again.</summary>
internal sealed class ClassifierHost : IAsyncDisposable
{
    private readonly TestPki pki = new();
    private readonly TempDirectory data = new();
    private readonly List<GrpcChannel> channels = [];
    private readonly Func<ClassifierOptions, ClassifierOptions> change;
    private readonly TimeProvider? clock;
    private RunningService service = null!;
    private int port;

    private ClassifierHost(Func<ClassifierOptions, ClassifierOptions> change, TimeProvider? clock)
    {
        (this.change, this.clock) = (change, clock);
        Store = ObjectStore.Open("file:" + data.File("objects"), "");
        Faulty = new FaultyStore(Store);
    }

    /// <summary>The bucket, as an editor sees it.</summary>
    public ObjectStore Store { get; }

    /// <summary>The bucket, as the service sees it.</summary>
    public FaultyStore Faulty { get; }

    public static async Task<ClassifierHost> Start(Func<ClassifierOptions, ClassifierOptions>? change = null, TimeProvider? clock = null)
    {
        var host = new ClassifierHost(change ?? (o => o), clock);
        await host.Run();
        return host;
    }

    public async Task Restart()
    {
        await service.DisposeAsync();
        await Run();
    }

    public ClassifierService.ClassifierServiceClient As(string party)
    {
        var channel = pki.Channel(port, party);
        channels.Add(channel);
        return new ClassifierService.ClassifierServiceClient(channel);
    }

    /// <summary>What readiness goes by.</summary>
    public async Task<HealthStatus> Health() => (await service.App.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync()).Status;

    public async Task<ClassifyResponse> Classify(CertName name) => await As("enc").ClassifyAsync(new ClassifyRequest { Certname = name.ToString() });

    public async Task<(StatusCode, string)> Refused(CertName name)
    {
        var refused = await Assert.ThrowsAsync<RpcException>(() => Classify(name));
        return (refused.StatusCode, RpcDetails.Reason(refused));
    }

    /// <summary>As `aws s3 cp` or an editor would: straight into the bucket.</summary>
    public async Task Edit(string key, string text)
    {
        var body = System.Text.Encoding.UTF8.GetBytes(text);
        if (await Store.Get(key, default) is { } now)
            Assert.Equal(PutOutcome.Stored, await Store.PutIfMatch(key, body, now.ETag, default));
        else
            Assert.Equal(PutOutcome.Stored, await Store.PutIfAbsent(key, (ReadOnlyMemory<byte>)body, default));
    }

    /// <summary>As a launch leaves it.</summary>
    public async Task Launched(CertName name, string definition, string profile = "", params (string Key, string Value)[] labels)
    {
        var record = new LaunchRecord { Certname = name.ToString(), Profile = profile };
        foreach (var (key, value) in labels)
            record.Labels[key] = value;
        await Store.PutIfAbsent(ObjectKeys.Launch(name), new SignedLaunch { Payload = ByteString.CopyFrom(RecordJson.Write(record)) }, default);
        await Edit(ObjectKeys.Node(name), definition);
    }

    public async ValueTask DisposeAsync()
    {
        channels.ForEach(c => c.Dispose());
        await service.DisposeAsync();
        pki.Dispose();
        data.Dispose();
    }

    private async Task Run()
    {
        port = FreePort.Next();
        var options = change(new ClassifierOptions
        {
            Bucket = "file:" + data.File("objects"),
            Listen = $"127.0.0.1:{port}",
            StateDirectory = data.File("state"),
            Tls = pki.Files("classifier"),
            // Nothing listens on port 9 of loopback: the registry is away.
            Registry = new RegistryOptions { Endpoint = "127.0.0.1:9" },
            Freshness = TimeSpan.Zero,
        });
        Parts.Replacements[options.StateDirectory] = (Faulty, clock);
        service = await RunningService.Start<Parts, ClassifierOptions>(options);
    }

    private sealed class Parts : IServiceParts<ClassifierOptions>
    {
        public static readonly ConcurrentDictionary<string, (ObjectStore Store, TimeProvider? Clock)> Replacements = new();

        public static string Name => ClassifierParts.Name;

        public static HealthStatus WithoutStore => ClassifierParts.WithoutStore;
        public static IReadOnlyList<ServiceDescriptor> Services => ClassifierParts.Services;

        public static void Roles(RoleTable table) => ClassifierParts.Roles(table);

        public static void Add(WebApplicationBuilder builder, ClassifierOptions options)
        {
            ClassifierParts.Add(builder, options);
            var (store, clock) = Replacements[options.StateDirectory];
            builder.Services.AddSingleton(store);
            if (clock is not null)
                builder.Services.AddSingleton(clock);
        }

        public static void Listen(KestrelServerOptions kestrel, ClassifierOptions options) => ClassifierParts.Listen(kestrel, options);

        public static void Map(WebApplication app) => ClassifierParts.Map(app);
    }
}
