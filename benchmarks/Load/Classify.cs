using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Overture.Classifier.V1;
using Overture.Platform.Connections;
using Overture.Platform.Objects;
using Overture.Platform.Options;
using Overture.Platform.Tls;
using Overture.Platform;
using ServiceDescriptor = Google.Protobuf.Reflection.ServiceDescriptor;

namespace Overture.Load;

/// <summary>Classify calls by the enc certificate, names at random, over a few connections that all callers share.</summary>
internal static class Classify
{
    private const int Links = 5, MaxCalls = 20_000_000;

    public static async Task<int> Run(string home, int port, int callers, Func<int, Tally> tally)
    {
        var names = await File.ReadAllLinesAsync($"{home}/nodes");
        var messages = Array.ConvertAll(names, n => new ClassifyRequest { Certname = n }.ToByteArray());
        var roots = new X509Certificate2Collection();
        roots.ImportFromPemFile($"{home}/pki/ca.pem");
        using var own = X509Certificate2.CreateFromPemFile($"{home}/pki/enc.pem", $"{home}/pki/enc.key");
        var identity = SslStreamCertificateContext.Create(own, null, offline: true);
        var method = $"/{ClassifierService.Descriptor.FullName}/{nameof(Classify)}";
        var links = await Task.WhenAll(Enumerable.Range(0, Links).Select(_ => GrpcLink.Open(port, method, identity, roots)));
        // Each node once, so that none is read for the first time while it is measured.
        await Parallel.ForEachAsync(messages, new ParallelOptions { MaxDegreeOfParallelism = callers }, async (message, _) =>
        {
            if (!await links[Random.Shared.Next(Links)].Call(message))
                throw new IOException("a node was not classified");
        });
        var lane = -1;
        var failures = await tally(callers).Run(MaxCalls, () =>
        {
            var link = links[Interlocked.Increment(ref lane) % Links];
            return Task.FromResult<Func<int, ValueTask<bool>>>(_ =>
                new ValueTask<bool>(link.Call(messages[Random.Shared.Next(messages.Length)])));
        });
        foreach (var link in links)
            await link.DisposeAsync();
        return failures;
    }
}

/// <summary>The same server with nothing behind it: Kestrel, mTLS, roles, interceptors, and a call that does nothing.</summary>
internal sealed class EmptyServer : IServiceModule<EmptyServer.Options>
{
    public static string Name => "classifier";

    public static IReadOnlyList<ServiceDescriptor> Services => [ClassifierService.Descriptor];

    public static void Roles(RoleTable table)
    {
        foreach (var rpc in ClassifierService.Descriptor.Methods)
            table.Allow(ClassifierService.Descriptor, rpc.Name, Role.Enc);
    }

    public static void Add(WebApplicationBuilder builder, Options options)
    {
        // nothing
    }

    public static void Listen(KestrelServerOptions kestrel, Options options)
    {
        // gRPC only
    }

    public static void Map(WebApplication app) => app.MapGrpcService<Api>().OnListener(Listeners.Grpc);

    public sealed record Options : ServiceOptions
    {
        /// <summary>Stands in the Classifier's configuration, of which this makes nothing.</summary>
        public TimeSpan Freshness { get; init; }

        public override StoreFounding Founding() => StoreFounding.Free;
    }

    private sealed class Api : ClassifierService.ClassifierServiceBase
    {
        private static readonly ClassifyResponse Nothing = new() { Yaml = "-" };

        public override Task<ClassifyResponse> Classify(ClassifyRequest request, ServerCallContext context) => Task.FromResult(Nothing);
    }
}
