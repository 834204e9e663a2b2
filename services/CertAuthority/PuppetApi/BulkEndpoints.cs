using System.Text;
using System.Text.Json;
using Overture.CertAuthority.Approval;
using Overture.CertAuthority.Enrollment;
using Overture.CertAuthority.Revocation;
using Overture.Platform.Connections;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.CertAuthority.PuppetApi;

/// <summary>clean, sign and sign/all: many names at once (docs/puppet-contracts.md §1.6).</summary>
internal static class BulkEndpoints
{
    private const int AtOnce = 16;

    public static void Map(WebApplication app, string root)
    {
        app.MapPut($"{root}/clean", Clean).OnListener(CaApiListener.Name).For(Access.Admin);
        app.MapPost($"{root}/sign", Sign).OnListener(CaApiListener.Name).For(Access.Admin);
        app.MapPost($"{root}/sign/all", SignAll).OnListener(CaApiListener.Name).For(Access.Admin);
    }

    private static async Task Clean(HttpContext context, CertificateInventory inventory, RevokeName revoke, RevokeUnclaimed revokeUnclaimed)
    {
        using var json =
            AdminBody.Parse(await RequestBody.Read(context.Request, RequestBody.AdminBytes, context.RequestAborted), out var problem);
        if (json is null)
            problem = "Request body is not JSON.";
        else if (AdminBody.Strings(json.RootElement, "certnames") is null)
            problem = "Missing required key: 'certnames'. Please specify it in the form {\"certnames\":[\"name\"]}.";
        else if (json.RootElement.TryGetProperty("async", out var later) && later.ValueKind == JsonValueKind.True)
            problem = "Async mode is not currently supported.";
        if (problem.Length > 0)
        {
            await context.Text(StatusCodes.Status400BadRequest, problem);
            return;
        }
        // Together, so that one CRL serves them all.
        var by = PuppetClient.Of(context)!.By(context);
        var missing = new List<string>();
        await Each(AdminBody.Strings(json!.RootElement, "certnames")!, async text =>
        {
            if (CertName.TryParse(text, out var name, out _)
                && await inventory.Holds(name, CancellationToken.None) is (true, var certified))
            {
                if (certified)
                    await revoke.Run(name, AdminBody.Cause, by, CancellationToken.None);
                await inventory.Clean(name, by, CancellationToken.None);
            }
            else if (name == default && await inventory.IsUnclaimed(text, CancellationToken.None))
            {
                await revokeUnclaimed.Run(text, AdminBody.Cause, by, CancellationToken.None);
                await inventory.CleanUnclaimed(text, by, CancellationToken.None);
            }
            else
            {
                lock (missing)
                    missing.Add(text);
            }
        });
        missing.Sort(StringComparer.Ordinal);
        await context.Text(StatusCodes.Status200OK, missing.Count == 0
            ? "Successfully cleaned all certs."
            : $"The following certs do not exist and cannot be revoked: "
                + $"[{string.Join(' ', missing.Select(m => $"\"{AdminBody.Printable(m)}\""))}]");
    }

    private static async Task Sign(HttpContext context, CertificateInventory inventory, ApproveRequest approve)
    {
        var body = await RequestBody.Read(context.Request, RequestBody.AdminBytes, context.RequestAborted);
        using var json = AdminBody.Parse(body, out _);
        if (json is null || AdminBody.Strings(json.RootElement, "certnames") is not { } names)
        {
            await context.Json(StatusCodes.Status422UnprocessableEntity, StatusJson.Json(writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("kind", "schema-violation");
                writer.WritePropertyName("submitted");
                if (json is null)
                    writer.WriteNullValue();
                else
                    json.RootElement.WriteTo(writer);
                writer.WriteString("error", "the body must be {\"certnames\":[\"name\"]}");
                writer.WriteEndObject();
            }));
            return;
        }
        await context.Json(StatusCodes.Status200OK, await SignEach(names, PuppetClient.Of(context)!, context, inventory, approve));
    }

    private static async Task SignAll(HttpContext context, CertificateInventory inventory, HeldRequests held, ApproveRequest approve)
    {
        var names = (await held.All(context.RequestAborted)).Select(h => h.Certname).ToList();
        await context.Json(StatusCodes.Status200OK, await SignEach(names, PuppetClient.Of(context)!, context, inventory, approve));
    }

    private static async Task<byte[]> SignEach(
        IReadOnlyList<string> names, PuppetClient client, HttpContext context, CertificateInventory inventory, ApproveRequest approve)
    {
        var (signed, absent, failed) = (new List<string>(), new List<string>(), new List<string>());
        await Each(names, async text =>
        {
            var outcome = await TrySign(text, client, context, inventory, approve);
            lock (signed)
                (outcome switch { true => signed, null => absent, false => failed }).Add(text);
        });
        return StatusJson.Json(writer =>
        {
            writer.WriteStartObject();
            foreach (var (key, list) in new[] { ("signed", signed), ("no-csr", absent), ("signing-errors", failed) })
            {
                writer.WriteStartArray(key);
                foreach (var name in list.Order(StringComparer.Ordinal))
                    writer.WriteStringValue(name);
                writer.WriteEndArray();
            }
            writer.WriteEndObject();
        });
    }

    // Null: no request waits.
    private static async Task<bool?> TrySign(
        string text, PuppetClient client, HttpContext context, CertificateInventory inventory, ApproveRequest approve)
    {
        if (!CertName.TryParse(text, out var name, out _) || (await inventory.Find(name, CancellationToken.None))?.Held is null)
            return null;
        try
        {
            await approve.Run(new ApprovalOrder(name, null, "", [], new Dictionary<string, string>(), null) { Through = AdminBody.Sign },
                client.By(context), CancellationToken.None);
            return true;
        }
        catch (FaultException refusal) when (refusal.Kind is FaultKind.Conflict or FaultKind.Precondition or FaultKind.Invalid)
        {
            return false;
        }
        catch (FaultException gone) when (gone.Kind == FaultKind.NotFound)
        {
            return null;
        }
    }

    private static Task Each(IReadOnlyList<string> names, Func<string, Task> work) =>
        Parallel.ForEachAsync(names.Distinct(StringComparer.Ordinal), new ParallelOptions { MaxDegreeOfParallelism = AtOnce },
            async (name, _) => await work(name));
}
