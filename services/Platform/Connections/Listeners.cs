using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Overture.Platform.Connections;

/// <summary>Which listener a connection came in by; set on the connection itself, so no Host header can pretend another.</summary>
public sealed record ListenerName(string Value);

/// <summary>Routes belong to a listener. A route without one is served nowhere; a request that came by another listener gets 404.</summary>
public static class Listeners
{
    public const string Grpc = "grpc", Prometheus = "prometheus";

    /// <summary>Marks every connection of this listener.</summary>
    public static void Named(this ListenOptions listen, string name)
    {
        var feature = new ListenerName(name);
        listen.Use(next => connection =>
        {
            connection.Features.Set(feature);
            return next(connection);
        });
    }

    /// <summary>Serves the endpoint on this listener only.</summary>
    public static TBuilder OnListener<TBuilder>(this TBuilder endpoint, string name) where TBuilder : IEndpointConventionBuilder =>
        endpoint.WithMetadata(new ListenerName(name));

    /// <summary>After routing: an endpoint of another listener does not exist here.</summary>
    public static void UseListenerGuard(this WebApplication app) => app.Use(async (context, next) =>
    {
        var endpoint = context.GetEndpoint();
        if (endpoint is not null && (endpoint.Metadata.GetMetadata<ListenerName>() is not { } placed
            || placed != context.Features.Get<ListenerName>()))
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }
        await next(context);
    });
}
