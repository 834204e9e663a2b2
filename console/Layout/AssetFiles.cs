using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Overture.Console.Sessions;
using Overture.Platform.Connections;

namespace Overture.Console.Layout;

/// <summary>Our three static files. Their addresses change with their bytes, so browsers keep them for good.</summary>
internal static class AssetFiles
{
    public static readonly string Style = Address("console.css"), Script = Address("console.js"), Icon = Address("icon.svg");

    public static void Map(IEndpointRouteBuilder app)
    {
        foreach (var (name, address, type) in new[] { ("console.css", Style, "text/css; charset=utf-8"),
            ("console.js", Script, "text/javascript; charset=utf-8"), ("icon.svg", Icon, "image/svg+xml") })
        {
            var bytes = Bytes(name);
            app.MapGet(address, (HttpContext http) =>
            {
                http.Response.Headers.CacheControl = "public, max-age=31536000, immutable";
                return Results.Bytes(bytes, type);
            }).OnListener(ConsoleHost.Web).WithMetadata(new Open());
        }
    }

    private static string Address(string name) => $"/assets/{Convert.ToHexStringLower(SHA256.HashData(Bytes(name)))[..12]}/{name}";

    private static byte[] Bytes(string name)
    {
        using var stream = typeof(AssetFiles).Assembly.GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"{name} is not in the assembly");
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray();
    }
}
