using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Net.Client;
using Overture.Classifier.V1;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.TestSupport;

namespace Overture.Classifier.Tests;

/// <summary>Threats T30: a node's certificate, good as it is at puppetserver, is no identity here.</summary>
[Trait("Category", "integration")]
public sealed class NodeCertificateTests
{
    [Fact]
    public async Task T30_NodeCertificates_AreToldNothingOfAnyNode()
    {
        using var pki = new TestPki();
        using var data = new TempDirectory();
        using var puppet = new TestPuppetCa();
        await using var redis = await RedisServer.Start();
        var port = FreePort.Next();
        var store = ObjectStore.Open("file:" + data.File("objects"), "");
        await FoundedStore.Found(store);
        await using var service = await RunningService.Start<ClassifierModule, ClassifierOptions>(new ClassifierOptions
        {
            Bucket = "file:" + data.File("objects"),
            Listen = $"127.0.0.1:{port}",
            StateDirectory = data.File("state"),
            Tls = pki.Files("classifier"),
            Registry = new RegistryOptions { Endpoint = redis.Endpoint },
        });
        CertName[] nodes = [.. Enumerable.Range(0, 4).Select(_ => TestIds.New().CertName())];
        foreach (var node in nodes)
            await store.PutIfAbsent(ObjectKeys.Node(node), (ReadOnlyMemory<byte>)"classes:\n  base:\n"u8.ToArray(), default);

        // Every node asks for every node, itself too: who asks is a compiler, never a node.
        foreach (var asking in nodes)
        {
            using var certificate = puppet.Issue(asking.ToString(), asking.ToString());
            using var channel = As(certificate, port);
            foreach (var asked in nodes)
            {
                var refused = await Assert.ThrowsAsync<RpcException>(() => new ClassifierService.ClassifierServiceClient(channel)
                    .ClassifyAsync(new ClassifyRequest { Certname = asked.ToString() }).ResponseAsync);
                // The transport's failure: no connection, so no answer of the service.
                Assert.True(refused.StatusCode is StatusCode.Unavailable or StatusCode.Internal, $"{refused.Status}");
                Assert.Null(refused.Trailers.GetValueBytes("grpc-status-details-bin"));
            }
        }
        using var enc = pki.Channel(port, "enc");
        Assert.NotEmpty((await new ClassifierService.ClassifierServiceClient(enc)
            .ClassifyAsync(new ClassifyRequest { Certname = nodes[0].ToString() })).Yaml);
    }

    private static GrpcChannel As(X509Certificate2 certificate, int port) =>
        GrpcChannel.ForAddress($"https://localhost:{port}", new GrpcChannelOptions
    {
        DisposeHttpClient = true,
        HttpHandler = new SocketsHttpHandler
        {
            SslOptions = new SslClientAuthenticationOptions
            {
                RemoteCertificateValidationCallback = (_, shown, _, _) => shown is not null,
                ClientCertificateContext = SslStreamCertificateContext.Create(certificate, null, offline: true),
            },
        },
    });
}
