using System.Security.Cryptography.X509Certificates;
using System.Text;
using Overture.CertAuthority.PuppetApi.Limits;
using Overture.CertAuthority.Renewal;
using Overture.CertAuthority.Revocation;
using Overture.CertAuthority.Signing;
using Overture.Platform.Certificates;
using Overture.Platform.Connections;
using Overture.Platform.Faults;

namespace Overture.CertAuthority.PuppetApi;

/// <summary>
/// Renewal, and what concerns the chain: its ends, and the CRLs of the CAs above (docs/puppet-contracts.md §1.1, §1.7, §1.8).
/// </summary>
internal static class ChainEndpoints
{
    public static void Map(WebApplication app, string root)
    {
        app.MapPost($"{root}/certificate_renewal", Renew).OnListener(CaApiListener.Name).For(Access.AnyNode).Spends(NameBudget.Renewal);
        app.MapGet($"{root}/expirations", Expirations).OnListener(CaApiListener.Name).For(Access.AnyNode);
        app.MapPut($"{root}/certificate_revocation_list", UpdateParents).OnListener(CaApiListener.Name).For(Access.Admin);
    }

    private static async Task Renew(HttpContext context, RenewCertificate renew)
    {
        var client = PuppetClient.Of(context)!;
        var certificate = await renew.Run(client.Certificate, client.By(context), CancellationToken.None);
        await context.Text(StatusCodes.Status200OK, certificate.Pem);
    }

    private static Task Expirations(HttpContext context, CaSigner signer, CrlPublisher crls)
    {
        var lists = CrlPem.Split(crls.Demand().Pem);
        return context.Json(StatusCodes.Status200OK, StatusJson.Json(writer =>
        {
            writer.WriteStartObject();
            writer.WriteStartObject("ca-certs");
            foreach (var ca in signer.Ca.Chain)
                writer.WriteString(CommonName(ca), StatusJson.Time(ca.NotAfter.ToUniversalTime()));
            writer.WriteEndObject();
            writer.WriteStartObject("crls");
            foreach (var ca in signer.Ca.Chain)
            {
                // One without an end has nothing to be said of here; what is missing or expired, health says.
                if (lists.Select(list => ParentList.Read(list, ca))
                    .FirstOrDefault(list => list is not null) is { Facts.NextUpdate: { } end })
                {
                    writer.WriteString(CommonName(ca), StatusJson.Time(end));
                }
            }
            writer.WriteEndObject();
            writer.WriteEndObject();
        }));
    }

    private static async Task UpdateParents(HttpContext context, ParentCrls parents, CrlPublisher crls)
    {
        var body = await RequestBody.Read(context.Request, RequestBody.CrlBytes, context.RequestAborted);
        if (body.Length > RequestBody.CrlBytes)
        {
            throw new FaultException(
                FaultKind.TooLarge, Overture.Platform.Faults.Reason.TooLarge, $"CRLs may have at most {RequestBody.CrlBytes} bytes");
        }
        try
        {
            if (await parents.Accept(Encoding.UTF8.GetString(body.Span), PuppetClient.Of(context)!.By(context), CancellationToken.None) > 0)
                await crls.Publish(CancellationToken.None);
        }
        catch (FaultException refusal) when (refusal.Kind == FaultKind.Invalid)
        {
            await context.Text(StatusCodes.Status400BadRequest, refusal.Message);
            return;
        }
        await context.Text(StatusCodes.Status200OK, "Successfully updated CRLs.");
    }

    private static string CommonName(X509Certificate2 ca) => ca.GetNameInfo(X509NameType.SimpleName, forIssuer: false);
}
