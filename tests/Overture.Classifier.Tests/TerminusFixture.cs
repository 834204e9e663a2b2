using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf.WellKnownTypes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Overture.Classifier.Documents;
using Overture.Classifier.Terminus;
using Overture.Platform;
using Overture.Platform.Objects;
using Overture.Platform.PuppetHost;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Platform.Tls;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Classifier.Tests;

/// <summary>
/// A Classifier with the terminus listener on, its Puppet CA, and what else it needs; it may be stopped and started again.
/// </summary>
public sealed class TerminusFixture : IAsyncDisposable
{
    public const string Name = "classifier.example.org";
    private readonly TestPki pki = new();
    private readonly TempDirectory data = new();
    private readonly LaunchSigner signer;
    private readonly int grpcPort = FreePort.Next();
    private RedisServer? redis;
    private RunningService? service;

    private TerminusFixture()
    {
        var key = ECDsa.Create();
        key.ImportFromPem(File.ReadAllText(pki.LaunchSigningKey));
        signer = new LaunchSigner(key);
        Store = new FaultyStore(ObjectStore.Open("file:" + data.File("objects"), ""));
        File.WriteAllText(TokenFile, "jbswy3dpehpk3pxpjbswy3dpehpk3pxpjbswy3dpehpk3pxpjbsw\n");
    }

    public TestPuppetCa Ca { get; } = new();
    public int CaPort { get; } = FreePort.Next();
    public int Port { get; } = FreePort.Next();
    public string Url => $"https://localhost:{Port}";

    /// <summary>Of the puppetserver whose code definitions are compared with, where a test starts one.</summary>
    public int PuppetserverPort { get; } = FreePort.Next();
    public FaultyStore Store { get; }
    public LeapClock Clock { get; } = new();
    public string TokenFile => data.File("token");
    public string StateDirectory => data.File("state");
    public PuppetHostCertificate Certificate => service!.App.Services.GetRequiredService<PuppetHostCertificate>();

    public static async Task<TerminusFixture> Build()
    {
        var house = new TerminusFixture();
        await FoundedStore.Found(house.Store);
        house.redis = await RedisServer.Start();
        return house;
    }

    /// <param name="freshness">Of nodes and of who may ask.</param>
    public Task Start(TimeSpan? freshness = null) => Start(new ClassifierOptions
    {
        Bucket = "file:" + data.File("objects"),
        Listen = $"127.0.0.1:{grpcPort}",
        StateDirectory = StateDirectory,
        Tls = pki.Files("classifier"),
        Registry = new RegistryOptions { Endpoint = redis!.Endpoint },
        Freshness = freshness ?? TimeSpan.Zero,
        Puppetserver = new() { Url = $"https://localhost:{PuppetserverPort}" },
        Terminus = new TerminusOptions
        {
            Listen = $"127.0.0.1:{Port}", Certname = Name, TokenFile = TokenFile, CaPort = CaPort, CaBundle = Ca.BundleFile,
            LaunchKeys = pki.TrustedLaunchKeys,
        },
    });

    private async Task Start(ClassifierOptions options)
    {
        Parts.Next.Value = this;
        service = await RunningService.Start<Parts, ClassifierOptions>(options);
    }

    public async Task Stop()
    {
        if (service is not null)
            await service.DisposeAsync();
        service = null;
    }

    public Task Certified() =>
        Eventually.True(() => Certificate.Current is not null, "the listener has its certificate");

    /// <summary>A channel for gRPC; the caller disposes of it.</summary>
    public Grpc.Net.Client.GrpcChannel Channel(string party) => pki.Channel(grpcPort, party);

    /// <summary>A name with a launch record.</summary>
    /// <param name="role">"puppetserver", or "": a node.</param>
    /// <param name="by">Who signs the record; null: the Conductor that Classifier believes.</param>
    public async Task<CertName> Register(string role = "puppetserver", LaunchSigner? by = null)
    {
        var name = TestIds.New().CertName();
        var record = new LaunchRecord { Schema = 1, Certname = name.ToString(), Role = role, NotBefore = new Timestamp(),
            Deadline = new Timestamp() };
        await Store.PutIfAbsent(ObjectKeys.Launch(name), (by ?? signer).Sign(record, TestIds.New().Unguessable()), default);
        return name;
    }

    public async Task<CertName> Define(string document)
    {
        var name = TestIds.New().CertName();
        await Store.PutIfAbsent(ObjectKeys.Node(name), (ReadOnlyMemory<byte>)System.Text.Encoding.UTF8.GetBytes(document), default);
        return name;
    }

    public Task Block(CertName name) =>
        Store.PutIfAbsent(ObjectKeys.Block(name, "1"),
            new Block { Schema = 1, Certname = name.ToString(), Kind = BlockKind.Revoked, Sentence = "a test", At = new Timestamp() },
            default);

    /// <summary>A puppetserver's client for the listener.</summary>
    public HttpClient Client(X509Certificate2? certificate)
    {
        var client = Ca.Client(certificate);
        client.BaseAddress = new Uri(Url);
        return client;
    }

    public async ValueTask DisposeAsync()
    {
        await Stop();
        if (redis is not null)
            await redis.DisposeAsync();
        signer.Dispose();
        Ca.Dispose();
        data.Dispose();
        pki.Dispose();
    }

    // The service as it is, but for a store that can be made to fail.
    private sealed class Parts : IServiceModule<ClassifierOptions>
    {
        public static readonly AsyncLocal<TerminusFixture> Next = new();

        public static string Name => ClassifierModule.Name;

        public static Microsoft.Extensions.Diagnostics.HealthChecks.HealthStatus WithoutStore => ClassifierModule.WithoutStore;

        public static IReadOnlyList<Google.Protobuf.Reflection.ServiceDescriptor> Services => ClassifierModule.Services;

        public static void Add(WebApplicationBuilder builder, ClassifierOptions options)
        {
            ClassifierModule.Add(builder, options);
            builder.Services.AddSingleton<ObjectStore>(Next.Value!.Store).AddSingleton<TimeProvider>(Next.Value.Clock);
        }

        public static void Listen(KestrelServerOptions kestrel, ClassifierOptions options) => ClassifierModule.Listen(kestrel, options);

        public static void Map(WebApplication app) => ClassifierModule.Map(app);
    }
}
