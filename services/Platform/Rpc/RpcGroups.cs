using Grpc.AspNetCore.Server;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Primitives;
using Overture.Platform.Connections;

namespace Overture.Platform.Rpc;

/// <summary>
/// A proto service whose RPCs are divided among several classes: each derives from the service's base and overrides those it answers.
/// gRPC for ASP.NET routes every RPC of the base to each class; here a class gets the ones it overrides, so that each has one answer.
/// </summary>
public static class RpcGroups
{
    /// <summary>Serves the RPCs that <typeparamref name="T"/> itself overrides, on the gRPC listener.</summary>
    /// <param name="app">The service.</param>
    /// <typeparam name="T">Derives from the generated base of a proto service.</typeparam>
    public static void MapRpcsOf<T>(this IEndpointRouteBuilder app) where T : class
    {
        ArgumentNullException.ThrowIfNull(app);
        var ofBase = new Routes(app);
        ofBase.MapGrpcService<T>().OnListener(Listeners.Grpc);
        app.DataSources.Add(new Overridden(ofBase.DataSources.Single(), typeof(T)));
    }

    private sealed class Routes(IEndpointRouteBuilder app) : IEndpointRouteBuilder
    {
        public ICollection<EndpointDataSource> DataSources { get; } = [];

        public IServiceProvider ServiceProvider => app.ServiceProvider;

        public IApplicationBuilder CreateApplicationBuilder() => app.CreateApplicationBuilder();
    }

    // What names no RPC is gRPC's own answer to unknown RPCs of the service, which it makes once a service.
    private sealed class Overridden(EndpointDataSource ofBase, Type type) : EndpointDataSource
    {
        public override IReadOnlyList<Endpoint> Endpoints =>
            [.. ofBase.Endpoints.Where(e => e.Metadata.GetMetadata<GrpcMethodMetadata>()?.Method.Name is not { } rpc
                || type.GetMethod(rpc)?.DeclaringType == type)];

        public override IChangeToken GetChangeToken() => ofBase.GetChangeToken();
    }
}
