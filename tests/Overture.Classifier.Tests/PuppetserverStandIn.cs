using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Logging;
using Overture.Classifier.Documents;
using Overture.TestSupport;

namespace Overture.Classifier.Tests;

/// <summary>
/// A puppetserver's two answers about its code, for what a real one cannot be made to do: fail. Its ETag is bare, as the real one's.
/// </summary>
internal sealed class PuppetserverStandIn : IAsyncDisposable
{
    public const string Environments = """{"search_paths":[],"environments":{"production":{"settings":{}}}}""";
    public const string Classes =
        """{"name":"production","files":[{"path":"/x","classes":[{"name":"ntp","params":[{"name":"servers"}]}]}]}""";
    private readonly WebApplication app;

    private PuppetserverStandIn(TestPuppetCa ca)
    {
        var port = FreePort.Next();
        Url = $"https://localhost:{port}";
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, port, l => l.UseHttps(ca.Issue("puppet", "localhost"), https =>
        {
            https.ClientCertificateMode = ClientCertificateMode.RequireCertificate;
            https.ClientCertificateValidation = (_, _, _) => true;
        })));
        app = builder.Build();
        app.Run(Answer);
    }

    public string Url { get; }

    /// <summary>Path, query, If-None-Match and the name on the certificate, of each question.</summary>
    public ConcurrentQueue<string> Asked { get; } = new();

    /// <summary>How it answers a path instead: status and body. A status of 0: never.</summary>
    public Func<string, (int Status, string Body)?> Instead { get; set; } = _ => null;

    /// <summary>Of its classes; empty: it gives none.</summary>
    public string ETag { get; set; } = "";

    public static async Task<PuppetserverStandIn> Start(TestPuppetCa ca)
    {
        var standIn = new PuppetserverStandIn(ca);
        await standIn.app.StartAsync();
        return standIn;
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();

    private async Task Answer(HttpContext http)
    {
        var tag = http.Request.Headers.IfNoneMatch.ToString();
        Asked.Enqueue($"{http.Request.Path}{http.Request.QueryString} {tag} "
            + $"{http.Connection.ClientCertificate!.GetNameInfo(X509NameType.SimpleName, forIssuer: false)}");
        var classes = http.Request.Path == "/puppet/v3/environment_classes";
        var (status, body) = Instead(http.Request.Path)
            ?? (classes && tag.Length > 0 && tag == ETag ? (304, "") : (200, classes ? Classes : Environments));
        if (status == 0)
            await Task.Delay(Timeout.InfiniteTimeSpan, http.RequestAborted);
        http.Response.StatusCode = status;
        if (classes && ETag.Length > 0)
            http.Response.Headers.ETag = ETag;
        if (body.Length > 0)
            await http.Response.WriteAsync(body);
    }
}
