using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Csr;
using Overture.CertAuthority.Enrollment;
using Overture.Platform.Connections;
using Overture.Platform.Records;

namespace Overture.CertAuthority.PuppetApi.Limits;

/// <summary>Which budget of the name in its URL a route spends.</summary>
internal enum NameBudget
{
    Csr,
    Poll,
    /// <summary>Of the name in the client's certificate.</summary>
    Renewal,
}

internal static class NameBudgets
{
    public static TBuilder Spends<TBuilder>(this TBuilder endpoint, NameBudget budget) where TBuilder : IEndpointConventionBuilder =>
        endpoint.WithMetadata(new BudgetOf(budget));
}

internal sealed record BudgetOf(NameBudget Budget);

/// <summary>
/// Before a request costs anything: 429 where its name has asked too often, or its address failed too often. Neither ever stops a right
/// token, a verified certificate, or what an agent reads while it waits.
/// </summary>
internal sealed class RateLimits(
    RequestDelegate next, Budgets budgets, WaitingAgents waiting, TokenProof proof, LimitedNames limited, AuditBudget records)
{
    // What all may read; a name's own certificate has that name's budget.
    private static readonly PathString[] Open = ["/puppet-ca/v1/certificate", "/puppet-ca/v1/certificate_revocation_list", "/status/v1"];

    public Task InvokeAsync(HttpContext context)
    {
        var named = CertName.TryParse(context.GetRouteValue("name") as string, out var name, out _);
        return context.GetEndpoint()?.Metadata.GetMetadata<BudgetOf>()?.Budget switch
        {
            NameBudget.Csr when named => Submission(context, name),
            NameBudget.Poll when named => Poll(context, name),
            NameBudget.Renewal when PuppetClient.Of(context) is { } client => Renewal(context, client.Name),
            _ => Other(context),
        };
    }

    private async Task Submission(HttpContext context, CertName name)
    {
        var (overName, overAddress) = (budgets.Csrs.Take(name), budgets.Failures.Wait(Address(context)));
        if (overName == TimeSpan.Zero && overAddress == TimeSpan.Zero)
        {
            await Taken(context, name);
            return;
        }
        // 1. Read it all the same: it may bring the token.
        var body = await RequestBody.Read(context.Request, CsrFault.MaximumBytes, context.RequestAborted);
        // 2. The right one goes on, as long as it is not itself the flood.
        if (await proof.Holds(name, body) && budgets.Proven.Take(name) == TimeSpan.Zero)
        {
            context.Request.Body = new MemoryStream(body.ToArray());
            await Taken(context, name);
            return;
        }
        // 3. The others get a Retry-After, and are recorded once a minute.
        if (overName > TimeSpan.Zero)
            limited.Add(name);
        if (body.Length > CsrFault.MaximumBytes)
            context.Response.Headers.Connection = "close";
        await TooMany(
            context, overName > TimeSpan.Zero ? LimitKind.Csr : LimitKind.Address, overName > overAddress ? overName : overAddress);
    }

    // From now on its agent looks for the certificate, however long it takes.
    private async Task Taken(HttpContext context, CertName name)
    {
        await next(context);
        if (context.Response.StatusCode == StatusCodes.Status200OK)
            waiting.Add(name, Address(context));
    }

    private async Task Poll(HttpContext context, CertName name)
    {
        var (address, wait) = (Address(context), budgets.Polls.Take((name, Address(context))));
        // Anyone may look for any number of names; not so an agent whose request was taken.
        var stranger = !waiting.Knows(name, address);
        if (wait == TimeSpan.Zero && stranger)
            wait = budgets.Unfound.Take(address);
        if (wait > TimeSpan.Zero)
        {
            await TooMany(context, LimitKind.Certificate, wait);
            return;
        }
        await next(context);
        // Taken before, or all that are under way at one moment would pass on the last one.
        if (stranger && context.Response.StatusCode != StatusCodes.Status404NotFound)
            budgets.Unfound.GiveBack(address);
    }

    private Task Renewal(HttpContext context, string name)
    {
        var wait = budgets.Renewals.Take(name);
        return wait == TimeSpan.Zero ? next(context) : TooMany(context, LimitKind.Renewal, wait);
    }

    private Task Other(HttpContext context)
    {
        var wait = budgets.Failures.Wait(Address(context));
        // The handshake has verified a certificate that is shown.
        var passes = wait == TimeSpan.Zero || context.Connection.ClientCertificate is not null
            || (HttpMethods.IsGet(context.Request.Method) && Array.Exists(Open, o => context.Request.Path.StartsWithSegments(o)));
        return passes ? next(context) : TooMany(context, LimitKind.Address, wait);
    }

    private Task TooMany(HttpContext context, string kind, TimeSpan wait)
    {
        LimitMetrics.Count(kind);
        // Those over the budget of a name are counted by name.
        if (kind != LimitKind.Csr)
        {
            records.Count(ActionOf(kind), $"{context.Connection.RemoteIpAddress}",
                $"{context.GetRouteValue("name")}" is { Length: > 0 } name ? Named(name) : "");
        }
        return PuppetFaults.TooMany(context, wait);
    }

    private static AuditAction ActionOf(string kind) => kind switch
    {
        LimitKind.Certificate => AuditAction.CertificateLimited,
        LimitKind.Renewal => AuditAction.RenewalLimited,
        _ => AuditAction.AddressLimited,
    };

    private static string Named(string text) => CertName.TryParse(text, out _, out _) ? text : AskedName.Escaped(text);

    private static AddressKey Address(HttpContext context) => AddressKey.Of(context.Connection.RemoteIpAddress);
}
