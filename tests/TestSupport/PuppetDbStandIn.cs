using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Logging;

namespace Overture.TestSupport;

/// <summary>
/// PuppetDB's command API, and its query of one node, over HTTPS, for clients with a certificate of the Puppet CA. It believes every
/// command and does nothing.
/// </summary>
public sealed class PuppetDbStandIn : IAsyncDisposable
{
    private readonly WebApplication app;

    private PuppetDbStandIn(TestPuppetCa ca, TestPuppetCa peers, int port)
    {
        Url = $"https://localhost:{port}";
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, port, l => l.UseHttps(ca.Issue("puppetdb", "localhost"), https =>
        {
            https.ClientCertificateMode = ClientCertificateMode.RequireCertificate;
            https.ClientCertificateValidation = (certificate, _, _) => peers.Signed(certificate);
        })));
        app = builder.Build();
        app.Run(Take);
    }

    public string Url { get; }

    /// <summary>Paths of the queries, in order.</summary>
    public ConcurrentQueue<string> Queries { get; } = new();

    /// <summary>
    /// What it answers to a query: 200, it knows the node; 404, it does not; 401 or 403, also to the query of many: it does not let ask.
    /// </summary>
    public int QueryStatus { get; set; } = 200;

    /// <summary>Nodes that it has as active, for the query of many.</summary>
    public ConcurrentDictionary<string, bool> Active { get; } = new();

    /// <summary>Every command that was sent, in order.</summary>
    public ConcurrentQueue<Command> Commands { get; } = new();

    /// <summary>What it answers to a command.</summary>
    public int Status { get; set; } = 200;

    /// <summary>Awaited before it answers.</summary>
    public Func<Command, Task>? Before { get; set; }

    /// <param name="ca">Whose certificate it shows.</param>
    /// <param name="peers">Whose certificates it takes; null: the same CA's.</param>
    /// <param name="port">Null: a free one.</param>
    public static async Task<PuppetDbStandIn> Start(TestPuppetCa ca, TestPuppetCa? peers = null, int? port = null)
    {
        var standIn = new PuppetDbStandIn(ca, peers ?? ca, port ?? FreePort.Next());
        await standIn.app.StartAsync();
        return standIn;
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();

    private async Task Take(HttpContext context)
    {
        if (HttpMethods.IsGet(context.Request.Method))
        {
            Queries.Enqueue(context.Request.Path);
            context.Response.StatusCode = QueryStatus;
            await context.Response.WriteAsync(QueryStatus == 200
                ? """{"certname":"x","deactivated":null}""" : """{"error":"No information is known about node x"}""");
            return;
        }
        using var reader = new StreamReader(context.Request.Body);
        if (context.Request.Path == "/pdb/query/v4/nodes")
        {
            if (QueryStatus is 401 or 403)
            {
                context.Response.StatusCode = QueryStatus;
                return;
            }
            // As PuppetDB 7 and 8: of the nodes in the array those that are active.
            var query = JsonDocument.Parse(await reader.ReadToEndAsync()).RootElement.GetProperty("query");
            var asked = query[2][2][1].EnumerateArray().Select(n => n.GetString()!).Where(Active.ContainsKey);
            await context.Response.WriteAsync(JsonSerializer.Serialize(asked.Select(n => new { certname = n })));
            return;
        }
        var command = new Command(
            context.Request.Method, context.Request.Path,
            context.Request.Query.ToDictionary(q => q.Key, q => q.Value.ToString(), StringComparer.Ordinal),
            context.Request.ContentType ?? "", await reader.ReadToEndAsync(),
                context.Connection.ClientCertificate!.GetNameInfo(X509NameType.SimpleName, forIssuer: false));
        Commands.Enqueue(command);
        if (Before is not null)
            await Before(command);
        context.Response.StatusCode = Status;
        await context.Response.WriteAsync(Status == 200 ? """{"uuid":"5d2a4a3b-0000-4000-8000-000000000000"}""" : "Permission denied");
    }

    /// <summary>One request, and the name on the certificate that was shown.</summary>
    public sealed record Command(string Method, string Path, IReadOnlyDictionary<string, string> Query, string ContentType,
        string Body, string Peer);
}
