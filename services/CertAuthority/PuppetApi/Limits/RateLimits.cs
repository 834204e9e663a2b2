using Overture.CertAuthority.Csr;
using Overture.Platform.Records;

namespace Overture.CertAuthority.PuppetApi.Limits;

/// <summary>Which budget of the name in its URL a route spends.</summary>
internal enum NameBudget
{
    Csr,
    Poll,
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
internal sealed class RateLimits(RequestDelegate next, Budgets budgets, TokenProof proof, LimitedNames limited)
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
            _ => Other(context),
        };
    }

    private async Task Submission(HttpContext context, CertName name)
    {
        var (overName, overAddress) = (budgets.Csrs.Take(name), budgets.Failures.Wait(Address(context)));
        if (overName == TimeSpan.Zero && overAddress == TimeSpan.Zero)
        {
            await next(context);
            return;
        }
        // 1. Read it all the same: it may bring the token.
        var body = await RequestBody.Read(context.Request, CsrFault.MaximumBytes, context.RequestAborted);
        // 2. The right one goes on, as long as it is not itself the flood.
        if (await proof.Holds(name, body) && budgets.Proven.Take(name) == TimeSpan.Zero)
        {
            context.Request.Body = new MemoryStream(body.ToArray());
            await next(context);
            return;
        }
        // 3. The others are told when to come again, and are written down once a minute.
        if (overName > TimeSpan.Zero)
            limited.Add(name);
        if (body.Length > CsrFault.MaximumBytes)
            context.Response.Headers.Connection = "close";
        await TooMany(context, overName > TimeSpan.Zero ? LimitKind.Csr : LimitKind.Address, overName > overAddress ? overName : overAddress);
    }

    private Task Poll(HttpContext context, CertName name)
    {
        var wait = budgets.Polls.Take((name, Address(context)));
        return wait == TimeSpan.Zero ? next(context) : TooMany(context, LimitKind.Certificate, wait);
    }

    private Task Other(HttpContext context)
    {
        var wait = budgets.Failures.Wait(Address(context));
        // The handshake has verified a certificate that is shown.
        var passes = wait == TimeSpan.Zero || context.Connection.ClientCertificate is not null
            || (HttpMethods.IsGet(context.Request.Method) && Array.Exists(Open, o => context.Request.Path.StartsWithSegments(o)));
        return passes ? next(context) : TooMany(context, LimitKind.Address, wait);
    }

    private static Task TooMany(HttpContext context, string kind, TimeSpan wait)
    {
        LimitMetrics.Count(kind);
        return PuppetFaults.TooMany(context, wait);
    }

    private static AddressKey Address(HttpContext context) => AddressKey.Of(context.Connection.RemoteIpAddress);
}
