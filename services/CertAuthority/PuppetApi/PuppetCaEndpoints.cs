using System.Globalization;
using System.Text;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Csr;
using Overture.CertAuthority.Issuance;
using Overture.CertAuthority.PuppetApi.Limits;
using Overture.CertAuthority.Revocation;
using Overture.Platform.Records;
using Overture.Platform.Tls;

namespace Overture.CertAuthority.PuppetApi;

/// <summary>The routes that Puppet agents use (puppet-contracts §1.1), on one screen. Everything else on the listener is 403.</summary>
internal static class PuppetCaEndpoints
{
    private const string Base = "/puppet-ca/v1";

    // An agent asks with the time of its own file by its own clock, set to "now" before it asks (puppet-contracts §1.10).
    private static readonly TimeSpan Skew = TimeSpan.FromMinutes(5);

    public static void Map(WebApplication app)
    {
        app.UseWhen(context => context.Features.Get<ListenerName>()?.Value == CaApiListener.Name, branch => branch.UseMiddleware<PuppetFace>().UseMiddleware<RateLimits>());
        app.MapGet($"{Base}/certificate/ca", Bundle).OnListener(CaApiListener.Name);
        app.MapGet($"{Base}/certificate/{{name}}", Certificate).OnListener(CaApiListener.Name).Spends(NameBudget.Poll);
        app.MapPut($"{Base}/certificate_request/{{name}}", Submit).OnListener(CaApiListener.Name).Spends(NameBudget.Csr);
        // A stored request held its secret once; it is shown to nobody, whether there is one or not.
        app.MapGet($"{Base}/certificate_request/{{name}}", NoRequest).OnListener(CaApiListener.Name);
        app.MapGet($"{Base}/certificate_revocation_list/ca", Crl).OnListener(CaApiListener.Name);
        app.MapGet("/status/v1/simple", Running).OnListener(CaApiListener.Name);
        app.MapGet("/status/v1/simple/ca", Running).OnListener(CaApiListener.Name);
        app.MapFallback("{**path}", Forbidden).OnListener(CaApiListener.Name);
    }

    private static Task Bundle(HttpContext context, CaSigner signer) =>
        Unchanged(context, signer.Ca.Modified) ? context.Text(StatusCodes.Status304NotModified) : context.Text(StatusCodes.Status200OK, signer.Ca.Bundle);

    private static async Task Certificate(HttpContext context, string name, CollectCertificate collect)
    {
        var found = CertName.TryParse(name, out var parsed, out _) ? await collect.Run(parsed, context.Agent(), context.RequestAborted) : null;
        // Only a name may be repeated in a body, never what somebody typed.
        await (found is not null ? context.Text(StatusCodes.Status200OK, found.Pem)
            : context.Text(StatusCodes.Status404NotFound, $"Could not find certificate {(parsed == default ? "" : parsed)}".TrimEnd()));
    }

    private static async Task Submit(HttpContext context, string name, SubmitCsr submit)
    {
        var body = await RequestBody.Read(context.Request, CsrFault.MaximumBytes, context.RequestAborted);
        // The act outlives an agent that hangs up: what was begun is finished, and is there when the agent asks.
        await submit.Run(new Submission(name, body, context.Agent()), CancellationToken.None);
        await context.Text(StatusCodes.Status200OK);
    }

    private static Task NoRequest(HttpContext context, string name) =>
        context.Text(StatusCodes.Status404NotFound, $"Could not find certificate_request {(CertName.TryParse(name, out var parsed, out _) ? parsed : "")}".TrimEnd());

    private static Task Crl(HttpContext context, CrlPublisher crls)
    {
        if (crls.Current is not { } crl)
            return context.Text(StatusCodes.Status404NotFound, "Could not find certificate_revocation_list ca");
        return Unchanged(context, crl.ThisUpdate.ToDateTimeOffset()) ? context.Text(StatusCodes.Status304NotModified) : context.Text(StatusCodes.Status200OK, crl.Pem);
    }

    private static Task Running(HttpContext context) =>
        context.Text(StatusCodes.Status200OK, "running"u8.ToArray(), "text/plain;charset=utf-8");

    private static Task Forbidden(HttpContext context, ILogger<PuppetFace> log)
    {
        var path = Printable(context.Request.Path.Value ?? "/");
        Overture.CertAuthority.Log.Forbidden(log, context.Request.Method, path, context.Connection.RemoteIpAddress);
        return context.Text(StatusCodes.Status403Forbidden,
            Encoding.UTF8.GetBytes($"Forbidden request: {path} (method :{context.Request.Method.ToLowerInvariant()}). Please see the server logs for details."), contentType: null);
    }

    private static string Printable(string path) => string.Concat(path.Select(c => c is > ' ' and <= '~' ? c : '?'));

    private static bool Unchanged(HttpContext context, DateTimeOffset modified) =>
        DateTimeOffset.TryParseExact(context.Request.Headers.IfModifiedSince, "r", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var since)
        && modified + Skew <= since;
}
