using System.Globalization;
using System.Security.Cryptography;
using Overture.CertAuthority.Csr;
using Overture.CertAuthority.Enrollment;
using Overture.CertAuthority.PuppetApi.Limits;
using Overture.CertAuthority.Revocation;
using Overture.CertAuthority.Signing;
using Overture.Platform.Connections;
using Overture.Platform.Records;
using Overture.Platform.Serving;

namespace Overture.CertAuthority.PuppetApi;

/// <summary>
/// The routes of the Puppet CA API (docs/puppet-contracts.md §1.1): here those that agents use; who may call what is noted at each.
/// Everything else on the listener is 403, or 404 to an administrator.
/// </summary>
internal static class PuppetCaEndpoints
{
    private const string Base = "/puppet-ca/v1";

    // An agent asks with the time of its own file by its own clock, set to "now" before it asks (docs/puppet-contracts.md §1.10).
    private static readonly TimeSpan Skew = TimeSpan.FromMinutes(5);

    public static void Map(WebApplication app)
    {
        app.UseWhen(context => context.Features.Get<ListenerName>()?.Value == CaApiListener.Name, branch =>
            branch.UseMiddleware<PuppetApiMiddleware>().UseMiddleware<RateLimits>());
        app.MapGet($"{Base}/certificate/ca", Bundle).OnListener(CaApiListener.Name).For(Access.Anyone);
        app.MapGet($"{Base}/certificate/{{name}}", Certificate).OnListener(CaApiListener.Name).For(Access.Anyone).Spends(NameBudget.Poll);
        app.MapPut($"{Base}/certificate_request/{{name}}", Submit).OnListener(CaApiListener.Name).For(Access.Anyone).Spends(NameBudget.Csr);
        // A request held a secret once: shown to administrators alone, and without it.
        app.MapGet($"{Base}/certificate_request/{{name}}", Request).OnListener(CaApiListener.Name).For(Access.Anyone);
        app.MapDelete($"{Base}/certificate_request/{{name}}", Drop).OnListener(CaApiListener.Name).For(Access.Admin);
        app.MapGet($"{Base}/certificate_revocation_list/ca", Crl).OnListener(CaApiListener.Name).For(Access.Anyone);
        StatusEndpoints.Map(app, Base);
        BulkEndpoints.Map(app, Base);
        ChainEndpoints.Map(app, Base);
        ServiceStatus.Map(app);
        app.MapFallback("{**path}", Nowhere).OnListener(CaApiListener.Name).For(Access.Anyone);
    }

    private static Task Bundle(HttpContext context, CaSigner signer) =>
        Unchanged(context, signer.Ca.Modified)
            ? context.Text(StatusCodes.Status304NotModified)
            : context.Text(StatusCodes.Status200OK, signer.Ca.Bundle);

    private static async Task Certificate(HttpContext context, string name, CollectCertificate collect)
    {
        var found = CertName.TryParse(name, out var parsed, out _)
            ? await collect.Run(parsed, context.Agent(), context.RequestAborted)
            : null;
        // Only a name may be repeated in a body, never what was sent.
        await (found is not null
            ? Unchanged(context, found.SignedAt.ToDateTimeOffset())
            ? context.Text(StatusCodes.Status304NotModified)
            : context.Text(StatusCodes.Status200OK, found.Pem)
            : context.Text(StatusCodes.Status404NotFound, $"Could not find certificate {(parsed == default ? "" : parsed)}".TrimEnd()));
    }

    private static async Task Submit(HttpContext context, string name, EnrollCertificate enroll)
    {
        var body = await RequestBody.Read(context.Request, CsrFault.MaximumBytes, context.RequestAborted);
        // The act outlives an agent that hangs up: what was begun is finished, and is there when the agent asks.
        await enroll.Run(new Submission(name, body, context.Agent()), CancellationToken.None);
        await context.Text(StatusCodes.Status200OK);
    }

    private static async Task Request(HttpContext context, string name, HeldRequests held)
    {
        var known = CertName.TryParse(name, out var parsed, out _);
        var waiting = known && PuppetClient.Of(context) is { IsAdmin: true } ? await held.Find(parsed, context.RequestAborted) : null;
        await (waiting is not null
            ? context.Text(StatusCodes.Status200OK, PemEncoding.WriteString("CERTIFICATE REQUEST", waiting.RedactedCsr.Span) + "\n")
            : context.Text(StatusCodes.Status404NotFound, $"Could not find certificate_request {(known ? parsed : "")}".TrimEnd()));
    }

    private static async Task Drop(HttpContext context, string name, CertificateInventory inventory)
    {
        var dropped = CertName.TryParse(name, out var parsed, out _)
            && await inventory.Drop(parsed, PuppetClient.Of(context)!.By(context), CancellationToken.None);
        await (dropped
            ? context.Text(StatusCodes.Status204NoContent)
            : context.Text(StatusCodes.Status404NotFound, $"No certificate request for {AdminBody.Printable(name)}"));
    }

    private static Task Crl(HttpContext context, CrlPublisher crls)
    {
        if (crls.Current is not { } crl)
            return context.Text(StatusCodes.Status404NotFound, "Could not find certificate_revocation_list ca");
        return Unchanged(context, CrlDocument.MadeAt(crl))
            ? context.Text(StatusCodes.Status304NotModified)
            : context.Text(StatusCodes.Status200OK, crl.Pem);
    }

    // Outsiders do not learn which routes there are.
    private static Task Nowhere(HttpContext context, RefusalLines lines, ILogger<PuppetApiMiddleware> log) =>
        PuppetClient.Of(context) is { IsAdmin: true }
            ? context.Text(StatusCodes.Status404NotFound, "Not Found")
            : context.Forbidden(lines, log);

    private static bool Unchanged(HttpContext context, DateTimeOffset modified) =>
        DateTimeOffset.TryParseExact(
            context.Request.Headers.IfModifiedSince, "r", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var since)
        && modified + Skew <= since;
}
