using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Overture.CertAuthority.V1;
using Overture.Console.Layout;
using Overture.Console.Services;
using Overture.Console.Sessions;
using Overture.Platform.Connections;

namespace Overture.Console.Certificates;

/// <summary>A name's certificates, or one by its serial: decoded, why each was signed, what became of it; and revocation.</summary>
internal static class CertificatePages
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(1);

    public static void Map(IEndpointRouteBuilder app)
    {
        app.MapGet("/certificates/find", Find).OnListener(ConsoleHost.Web);
        foreach (var by in new[] { "name", "serial" })
        {
            var address = $"/certificates/{by}/{{what}}";
            app.MapGet(address, (HttpContext http, string what) => Show(http, new(by, what))).OnListener(ConsoleHost.Web);
            app.MapGet($"{address}/revoke", (HttpContext http, string what) => Ask(http, new(by, what))).OnListener(ConsoleHost.Web);
            app.MapPost($"{address}/revoke", (HttpContext http, string what) => Revoke(http, new(by, what))).OnListener(ConsoleHost.Web);
        }
    }

    private static IResult Find(HttpContext http, string? serial) => Results.LocalRedirect(
        $"{serial}".Trim() is { Length: > 0 } wanted ? $"/certificates/serial/{Uri.EscapeDataString(wanted)}" : "/certificates");

    private static async Task<IResult> Show(HttpContext http, Which which)
    {
        var found = await Explained(http, which);
        return http.Request.Query["format"] == "json" ? Page.Json(("certificate", found, null))
            : Page.Html<CertificatePage>(("Frame", Frame.Of(http, $"Certificates of {Names.Short(which.What)}", "certificates") with
                { Command = which.Command("overture certificate show", found) }), ("Which", which), ("Found", found),
                ("MayChange", Session.Required(http).MayChange), ("Done", $"{http.Request.Query["done"]}"));
    }

    private static async Task<IResult> Ask(HttpContext http, Which which)
    {
        var found = await Explained(http, which);
        return Page.Html<RevokePage>(("Frame", Frame.Of(http, "Revoke?", "certificates") with
            { Command = which.Command("overture certificate revoke", found), Json = "" }), ("Which", which), ("Found", found),
            ("MayChange", Session.Required(http).MayChange));
    }

    private static async Task<IResult> Revoke(HttpContext http, Which which)
    {
        var form = await Forms.Read(http);
        var request = new RevokeCertificateRequest { Certname = which.IsName ? which.What : "", Serial = which.IsName ? "" : which.What,
            Reason = Forms.Reason(form) };
        // It returns once a published CRL says so.
        (await Calls.Of(http).CertAuthority((c, o) => c.RevokeCertificateAsync(request, o), Long)).Demand();
        return Results.LocalRedirect($"{which.Address}?done=revoked", preserveMethod: false);
    }

    private static async Task<ExplainCertificateResponse> Explained(HttpContext http, Which which) =>
        (await Calls.Of(http).CertAuthority((c, o) => c.ExplainCertificateAsync(
            new() { Certname = which.IsName ? which.What : "", Serial = which.IsName ? "" : which.What }, o))).Demand();
}

/// <summary>Everything of a name, or one certificate.</summary>
/// <param name="By">"name" or "serial".</param>
public sealed record Which(string By, string What)
{
    public bool IsName => By == "name";
    public string Address => $"/certificates/{By}/{Uri.EscapeDataString(What)}";

    /// <summary>With the name as the service has it: what is not known comes into no command that people copy.</summary>
    public string Command(string verb, ExplainCertificateResponse found)
    {
        ArgumentNullException.ThrowIfNull(found);
        return found.Certname.Length == 0 ? "" : IsName || verb != "overture certificate revoke" ? $"{verb} {found.Certname}"
            : found.Claims is [var only] ? $"{verb} --serial {only.Claim.Serial}" : "";
    }
}
