using System.Collections.Concurrent;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Overture.Classifier.Documents;
using Overture.Classifier.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Platform;
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
    private readonly bool faulty;
    private RunningService service = null!;
    private int port;

    private ClassifierHost(Func<ClassifierOptions, ClassifierOptions> change, TimeProvider? clock, bool faulty)
    {
        (this.change, this.clock, this.faulty) = (change, clock, faulty);
        Store = ObjectStore.Open("file:" + data.File("objects"), "");
        Faulty = new FaultyStore(Store);
    }

    /// <summary>The bucket, as an editor sees it.</summary>
    public ObjectStore Store { get; }

    /// <summary>The bucket, as the service sees it.</summary>
    public FaultyStore Faulty { get; }

    /// <summary>Whose certificates it takes.</summary>
    public TestPki Pki => pki;

    /// <summary>The directory of the bucket.</summary>
    public string Bucket => data.File("objects");

    /// <summary>The service's state directory.</summary>
    public string State => data.File("state");

    /// <param name="change">Of the options.</param>
    /// <param name="clock">In place of the host's.</param>
    /// <param name="founded">False: the store has no id, and the service sees it as it is, not by way of <see cref="Faulty"/>.</param>
    public static async Task<ClassifierHost> Start(Func<ClassifierOptions, ClassifierOptions>? change = null, TimeProvider? clock = null,
        bool founded = true)
    {
        var host = new ClassifierHost(change ?? (o => o), clock, founded);
        if (founded)
            await FoundedStore.Found(host.Store);
        await host.Run();
        return host;
    }

    public async Task Stop() => await service.DisposeAsync();

    public async Task Restart()
    {
        await Stop();
        await Run();
    }

    /// <summary>PutNode with these bytes for a message, as no library would send them.</summary>
    public async Task<byte[]> PutBytes(string party, byte[] message)
    {
        var bytes = Marshallers.Create<byte[]>(b => b, b => b);
        using var channel = pki.Channel(port, party);
        return await channel.CreateCallInvoker().AsyncUnaryCall(
            new Method<byte[], byte[]>(MethodType.Unary, ClassifierService.Descriptor.FullName, "PutNode", bytes, bytes), null, default,
            message);
    }

    public ClassifierService.ClassifierServiceClient As(string party)
    {
        var channel = pki.Channel(port, party);
        channels.Add(channel);
        return new ClassifierService.ClassifierServiceClient(channel);
    }

    /// <summary>What readiness goes by.</summary>
    public async Task<HealthStatus> Health() => (await HealthReport()).Status;

    public Task<HealthReport> HealthReport() => service.App.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync();

    public async Task<ClassifyResponse> Classify(CertName name) =>
        await As("enc").ClassifyAsync(new ClassifyRequest { Certname = name.ToString() });

    public async Task<(StatusCode, string)> Refused(CertName name)
    {
        var refused = await Assert.ThrowsAsync<RpcException>(() => Classify(name));
        return (refused.StatusCode, RpcDetails.Reason(refused));
    }

    /// <summary>As `aws s3 cp` or an editor would: straight into the bucket.</summary>
    public Task Edit(string key, string text) => Edit(key, System.Text.Encoding.UTF8.GetBytes(text));

    public async Task Edit(string key, byte[] text)
    {
        if (await Store.Get(key, default) is { } now)
            Assert.Equal(PutOutcome.Stored, await Store.PutIfMatch(key, text, now.ETag, default));
        else
            Assert.Equal(PutOutcome.Stored, await Store.PutIfAbsent(key, (ReadOnlyMemory<byte>)text, default));
    }

    /// <summary>Makes an object 2 GiB, all of it holes.</summary>
    public void Enlarge(string key)
    {
        using var file = File.OpenWrite(Path.Combine(data.File("objects"), key));
        file.SetLength(2L << 30);
    }

    /// <summary>A link to itself in an object's place: a disk that fails.</summary>
    public void Loop(string key)
    {
        var file = Path.Combine(data.File("objects"), key);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.CreateSymbolicLink(file, file);
    }

    /// <summary>As a launch leaves it.</summary>
    public Task Launched(CertName name, string definition, string profile = "", params (string Key, string Value)[] labels) =>
        Launched(new() { Certname = name.ToString(), Profile = profile }, definition, labels);

    public async Task Launched(LaunchRecord record, string definition, params (string Key, string Value)[] labels)
    {
        var name = CertName.Parse(record.Certname);
        foreach (var (key, value) in labels)
            record.Labels[key] = value;
        await Store.PutIfAbsent(ObjectKeys.Launch(name), new SignedLaunch { Payload = ByteString.CopyFrom(RecordJson.Write(record)) },
            default);
        await Edit(ObjectKeys.Node(name), definition);
    }

    public async ValueTask DisposeAsync()
    {
        channels.ForEach(c => c.Dispose());
        await service.DisposeAsync();
        pki.Dispose();
        data.Dispose();
    }

    public async Task Run()
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
        Parts.Replacements[options.StateDirectory] = (faulty ? Faulty : null, clock);
        service = await RunningService.Start<Parts, ClassifierOptions>(options);
    }

    private sealed class Parts : IServiceModule<ClassifierOptions>
    {
        public static readonly ConcurrentDictionary<string, (ObjectStore? Store, TimeProvider? Clock)> Replacements = new();

        public static string Name => ClassifierModule.Name;

        public static HealthStatus WithoutStore => ClassifierModule.WithoutStore;
        public static IReadOnlyList<ServiceDescriptor> Services => ClassifierModule.Services;

        public static void Add(WebApplicationBuilder builder, ClassifierOptions options)
        {
            ClassifierModule.Add(builder, options);
            var (store, clock) = Replacements[options.StateDirectory];
            if (store is not null)
                builder.Services.AddSingleton(store);
            if (clock is not null)
                builder.Services.AddSingleton(clock);
        }

        public static void Listen(KestrelServerOptions kestrel, ClassifierOptions options) => ClassifierModule.Listen(kestrel, options);

        public static void Map(WebApplication app) => ClassifierModule.Map(app);
    }
}
