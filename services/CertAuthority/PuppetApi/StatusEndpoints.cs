using System.Globalization;
using System.Net.Mime;
using System.Text.Json;
using Overture.CertAuthority.Approval;
using Overture.CertAuthority.Enrollment;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.Revocation;
using Overture.Platform.Connections;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.PuppetApi;

/// <summary>
/// certificate_status and certificate_statuses, by which `puppetserver ca` lists, signs, revokes and cleans one name
/// (docs/puppet-contracts.md §1.4, §1.5).
/// </summary>
internal static class StatusEndpoints
{
    public static void Map(WebApplication app, string root)
    {
        app.MapGet($"{root}/certificate_status/{{name}}", Show).OnListener(CaApiListener.Name).For(Access.Admin);
        app.MapPut($"{root}/certificate_status/{{name}}", Change).OnListener(CaApiListener.Name).For(Access.Admin);
        app.MapDelete($"{root}/certificate_status/{{name}}", Delete).OnListener(CaApiListener.Name).For(Access.Admin);
        app.MapGet($"{root}/certificate_statuses/{{key}}", List).OnListener(CaApiListener.Name).For(Access.Admin);
        app.MapGet($"{root}/certificate_statuses", NoKey).OnListener(CaApiListener.Name).For(Access.Admin);
        app.MapMethods($"{root}/certificate_status/{{name}}", ["POST", "PATCH"], Wrong).OnListener(CaApiListener.Name).For(Access.Admin);
        app.MapMethods($"{root}/certificate_statuses/{{key}}", ["POST", "PUT", "DELETE", "PATCH"], Wrong).OnListener(CaApiListener.Name)
            .For(Access.Admin);
    }

    private static async Task Show(HttpContext context, string name, CertificateInventory inventory)
    {
        var known = CertName.TryParse(name, out var parsed, out _)
            ? await inventory.Find(parsed, context.RequestAborted)
            : await inventory.FindUnclaimed(name, context.RequestAborted);
        await (known is null ? NoSubject(context) : context.Json(StatusCodes.Status200OK, StatusJson.Write(known)));
    }

    private static async Task List(HttpContext context, string key, CertificateInventory inventory)
    {
        var all = await inventory.All(context.RequestAborted);
        var wanted = (string?)context.Request.Query["state"] switch
        {
            "requested" => all.Where(n => n.Certificate is null),
            "signed" => all.Where(n => n.Certificate is not null && !n.Revoked),
            "revoked" => all.Where(n => n.Revoked),
            _ => all,
        };
        await context.Json(StatusCodes.Status200OK, StatusJson.Write(wanted));
    }

    private static Task NoKey(HttpContext context) => context.Text(StatusCodes.Status400BadRequest, "Missing URL Segment");

    private static Task Wrong(HttpContext context) => context.Text(StatusCodes.Status405MethodNotAllowed, "Method Not Allowed");

    private static async Task Change(HttpContext context, string name, CertificateInventory inventory, ApproveRequest approve,
        RevokeName revoke, RevokeUnclaimed revokeUnclaimed)
    {
        // 1. What is asked for?
        if (context.Request.ContentType is { Length: > 0 } type && !IsJson(type))
        {
            await context.Text(StatusCodes.Status415UnsupportedMediaType, "Unsupported Media Type");
            return;
        }
        var (change, problem) = Desired.Read(await RequestBody.Read(context.Request, RequestBody.AdminBytes, context.RequestAborted), name);
        if (change is null)
        {
            await context.Text(StatusCodes.Status400BadRequest, problem);
            return;
        }
        var client = PuppetClient.Of(context)!;
        // 2. Of whom? A certificate that was cleaned away can still be revoked; one that was moved in may have a name that is no certname.
        if (!CertName.TryParse(name, out var parsed, out _) && await inventory.IsUnclaimed(name, context.RequestAborted))
        {
            if (!change.Sign)
                await revokeUnclaimed.Run(name, AdminBody.Cause, client.By(context), CancellationToken.None);
            await (change.Sign
                ? context.Text(StatusCodes.Status409Conflict, WithoutRequest(name))
                : context.Text(StatusCodes.Status204NoContent));
            return;
        }
        if (parsed == default || RequestNames.IsOwn(parsed)
            || (await inventory.Holds(parsed, context.RequestAborted) is var holds && !holds.Known
                && (await inventory.CertificatesOf(parsed, context.RequestAborted)).Count == 0))
        {
            await NoSubject(context);
            return;
        }
        // 3. Do it; what was begun is finished, also when the caller hangs up.
        var refusal = change.Sign
            ? await Sign(parsed, change.Life, client, context, await inventory.Find(parsed, context.RequestAborted), approve)
            : await Revoke(parsed, client, context, holds, revoke);
        await (refusal is null ? context.Text(StatusCodes.Status204NoContent) : context.Text(StatusCodes.Status409Conflict, refusal));
    }

    private static async Task<string?> Sign(
        CertName name, TimeSpan? life, PuppetClient client, HttpContext context, KnownName? known, ApproveRequest approve)
    {
        if (known?.Held is null)
            return WithoutRequest($"{name}");
        try
        {
            await approve.Run(new ApprovalOrder(name, null, "", [], new Dictionary<string, string>(), life) { Through = AdminBody.Sign },
                client.By(context), CancellationToken.None);
            return null;
        }
        catch (FaultException refusal) when (refusal.Kind is FaultKind.Conflict or FaultKind.Precondition or FaultKind.Invalid)
        {
            return refusal.Message;
        }
    }

    private static string WithoutRequest(string name) =>
        $"Cannot sign certificate for host {AdminBody.Printable(name)} without a certificate request";

    private static async Task<string?> Revoke(
        CertName name, PuppetClient client, HttpContext context, (bool Known, bool Certified) holds, RevokeName revoke)
    {
        if (holds is (true, false))
            return $"Cannot revoke certificate for host {name} without a signed certificate";
        // Also where the newest is revoked: an older one may still be good. What is revoked already stays as it is.
        await revoke.Run(name, AdminBody.Cause, client.By(context), CancellationToken.None);
        return null;
    }

    private static async Task Delete(HttpContext context, string name, CertificateInventory inventory)
    {
        var by = PuppetClient.Of(context)!.By(context);
        var there = !CertName.TryParse(name, out var parsed, out _)
            ? await inventory.FindUnclaimed(name, context.RequestAborted) is not null
                && await inventory.CleanUnclaimed(name, by, CancellationToken.None)
            : !RequestNames.IsOwn(parsed) && (await inventory.Holds(parsed, context.RequestAborted)).Known
            && await inventory.Clean(parsed, by, CancellationToken.None);
        await (there ? context.Text(StatusCodes.Status204NoContent) : NoSubject(context));
    }

    private static Task NoSubject(HttpContext context) =>
        context.Text(StatusCodes.Status404NotFound, "Invalid certificate subject."u8.ToArray(), "text/plain; charset=UTF-8");

    private static bool IsJson(string type) =>
        type.Split(';')[0].Trim().Equals(MediaTypeNames.Application.Json, StringComparison.OrdinalIgnoreCase);

    /// <summary>The body of PUT certificate_status.</summary>
    private sealed record Desired(bool Sign, TimeSpan? Life)
    {
        public static (Desired?, string Problem) Read(ReadOnlyMemory<byte> body, string name)
        {
            if (AdminBody.Parse(body, out var problem) is not { } json)
                return (null, problem);
            using (json)
            {
                if (json.RootElement.ValueKind != JsonValueKind.Object || !json.RootElement.TryGetProperty("desired_state", out var state)
                    || state.ValueKind != JsonValueKind.String)
                {
                    return (null, "Missing required parameter \"desired_state\"");
                }
                var desired = state.GetString();
                if (desired is not ("signed" or "revoked"))
                {
                    return (null,
                        $"State {AdminBody.Printable(desired!)} invalid; Must specify desired state of 'signed' or 'revoked' for host "
                            + $"{AdminBody.Printable(name)}.");
                }
                if (!json.RootElement.TryGetProperty("cert_ttl", out var ttl) || ttl.ValueKind == JsonValueKind.Null)
                    return (new Desired(desired == "signed", null), "");
                return Seconds(ttl) is { } seconds
                    ? (new Desired(desired == "signed", TimeSpan.FromSeconds(seconds)), "")
                    : (null,
                        $"cert_ttl specified for host {AdminBody.Printable(name)} must be an integer, not "
                            + $"\"{AdminBody.Printable(ttl.ToString())}\"");
            }
        }

        // `puppetserver ca sign --ttl 3600` sends the text "3600", on which puppetserver fails.
        private static long? Seconds(JsonElement ttl) => ttl.ValueKind switch
        {
            JsonValueKind.Number when ttl.TryGetInt64(out var number) && number is > 0 and < 400_000_000 => number,
            JsonValueKind.String when long.TryParse(ttl.GetString(), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && number is > 0 and < 400_000_000 => number,
            _ => null,
        };
    }
}
