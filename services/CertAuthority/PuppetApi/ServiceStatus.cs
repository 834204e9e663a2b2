using Overture.Platform.Connections;

namespace Overture.CertAuthority.PuppetApi;

/// <summary>puppetserver's status service, as far as agents and `puppetserver ca` ask it (docs/puppet-contracts.md §1.1).</summary>
internal static class ServiceStatus
{
    // From 8.4.0 on `puppetserver ca` (2.6 and later) signs in bulk.
    private const string Version = "8.7.0";

    public static void Map(WebApplication app)
    {
        app.MapGet("/status/v1/simple", Running).OnListener(CaApiListener.Name).For(Access.Anyone);
        app.MapGet("/status/v1/simple/ca", Running).OnListener(CaApiListener.Name).For(Access.Anyone);
        app.MapGet("/status/v1/services", Services).OnListener(CaApiListener.Name).For(Access.Anyone);
        app.MapGet("/status/v1/services/ca", Ca).OnListener(CaApiListener.Name).For(Access.Anyone);
    }

    private static Task Running(HttpContext context) =>
        context.Text(StatusCodes.Status200OK, "running"u8.ToArray(), "text/plain;charset=utf-8");

    private static Task Services(HttpContext context) => context.Json(StatusCodes.Status200OK, [.. "{\"ca\":"u8, .. CaStatus(), .. "}"u8]);

    private static Task Ca(HttpContext context) => context.Json(StatusCodes.Status200OK, CaStatus());

    private static byte[] CaStatus() => StatusJson.Json(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("service_version", Version);
        writer.WriteNumber("service_status_version", 1);
        writer.WriteString("detail_level", "info");
        writer.WriteString("state", "running");
        writer.WriteStartObject("status");
        writer.WriteEndObject();
        writer.WriteStartArray("active_alerts");
        writer.WriteEndArray();
        writer.WriteEndObject();
    });
}
