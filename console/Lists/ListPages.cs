using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Overture.CertAuthority.V1;
using Overture.Cli.Output;
using Overture.Console.Layout;
using Overture.Console.Services;
using Overture.Platform.Connections;
using Overture.Platform.Tls;

namespace Overture.Console.Lists;

/// <summary>One service's health.</summary>
public sealed record ServiceHealth(string Service, string Address, bool Serving, string Detail);

/// <summary>Pages that are a list: certificates, the audit log, health.</summary>
internal static class ListPages
{
    private const int MostRecords = 200, ExpiringDays = 30;

    public static void Map(IEndpointRouteBuilder app)
    {
        app.MapGet("/certificates", (Delegate)Certificates).OnListener(ConsoleHost.Web);
        app.MapGet("/audit", (Delegate)Audit).OnListener(ConsoleHost.Web);
        app.MapGet("/health", Health).OnListener(ConsoleHost.Web);
    }

    private static async Task<IResult> Certificates(HttpContext http)
    {
        var query = http.Request.Query;
        var (show, prefix) = (Shown($"{query["show"]}"), $"{query["prefix"]}");
        var request = new ListCertificatesRequest
        {
            Prefix = prefix, PageToken = $"{query["page"]}", PageSize = 50,
            State = show switch { "revoked" => CertificateState.Revoked, "expired" => CertificateState.Expired,
                "valid" => CertificateState.Valid, _ => CertificateState.Unspecified },
            ExpiringWithin = show == "expiring" ? Duration.FromTimeSpan(TimeSpan.FromDays(ExpiringDays)) : null,
        };
        var list = await Calls.Of(http).CertAuthority((c, o) => c.ListCertificatesAsync(request, o));
        return $"{query["format"]}" switch
        {
            "json" => Page.Json(("certificates", list.Value, list.Trouble)),
            "csv" => Page.Csv("certificates.csv", list.Demand().Certificates.Select(c => (string[])[c.Certname, c.Serial,
                StateOf(c), Say.Time(c.NotBefore), Say.Time(c.NotAfter), c.KeyAlgorithm, c.GrantedBy, c.Issuer, c.RevokedBy,
                c.RevocationReason])
                .Prepend(["certname", "serial", "state", "not_before", "not_after", "key", "granted_by", "issuer", "revoked_by",
                    "revocation_reason"])),
            _ => Page.Html<CertificateListPage>(("Frame", Frame.Of(http, "Certificates", "certificates") with
            {
                Command = show switch { "expiring" => "overture certificate expiring", "" => "overture certificate list",
                    _ => $"overture certificate list --state {show}" }, Csv = Frame.As(http, "csv"),
            }), ("List", list), ("Shown", show), ("Prefix", prefix)),
        };
    }

    private static async Task<IResult> Audit(HttpContext http)
    {
        var query = http.Request.Query;
        var request = new ListAuditRecordsRequest { NamePrefix = $"{query["name"]}", Action = $"{query["action"]}",
            Actor = $"{query["actor"]}",
            Since = DateTimeOffset.TryParseExact($"{query["since"]}", "yyyy-MM-dd", CultureInfo.InvariantCulture,
                DateTimeStyles.AssumeUniversal,
                out var day) ? Timestamp.FromDateTimeOffset(day) : null, Limit = MostRecords };
        var list = await Calls.Of(http).CertAuthorityAll((c, o) => c.ListAuditRecords(request, o));
        var whole = new ListAuditRecordsResponse { Records = { list.Value?.SelectMany(a => a.Records) ?? [] },
            More = list.Value?.Any(a => a.More) == true, Unreadable = list.Value?.Sum(a => a.Unreadable) ?? 0 };
        return $"{query["format"]}" switch
        {
            "json" => Page.Json(("audit", whole, list.Trouble)),
            "csv" => Page.Csv("audit.csv", whole.Records.Select(r => (string[])[InstanceText.Time(r.At), r.Action, r.Outcome,
                NameOf(r), r.Actor, r.Peer, r.Serial, r.Decision?.Reason ?? "", r.Decision?.Sentence ?? ""])
                .Prepend(["at", "action", "outcome", "name", "actor", "peer", "serial", "reason", "why"])),
            _ => Page.Html<AuditPage>(("Frame", Frame.Of(http, "Audit", "audit") with
                { Command = "overture audit list", Csv = Frame.As(http, "csv") }), ("Trouble", list.Trouble), ("List", whole),
                ("Request", request)),
        };
    }

    private static async Task<IResult> Health(HttpContext http, ConsoleOptions options)
    {
        var calls = Calls.Of(http);
        var all = await Task.WhenAll(new[] { Role.Conductor, Role.CertAuthority, Role.Classifier }.Select(async s =>
        {
            var (serving, detail) = await calls.Health(s);
            var (key, address) = ServiceLinks.Of(options, s);
            return new ServiceHealth(key, address, serving, detail);
        }));
        return http.Request.Query["format"] == "json"
            ? Results.Json(new { services = all.Select(s =>
                new { service = s.Service, address = s.Address, serving = s.Serving, detail = s.Detail }) })
            : Page.Html<HealthPage>(("Frame", Frame.Of(http, "Health", "health") with { Command = "overture health" }),
                ("Services", (IReadOnlyList<ServiceHealth>)all));
    }

    // It comes into a command that people copy: what is not known is none.
    internal static string Shown(string asked) => asked is "valid" or "expiring" or "revoked" or "expired" ? asked : "";

    public static string StateOf(CertificateSummary certificate) => certificate.State.ToString().ToLowerInvariant();

    public static string NameOf(Records.V1.AuditRecord record) => record.Certname.Length > 0 ? record.Certname : record.AskedName;
}
