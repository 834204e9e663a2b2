using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Logging;

namespace Overture.TestSupport;

/// <summary>The agent's half of the Puppet CA API over HTTPS, signing whatever carries a secret. Stands in for CertAuthority.</summary>
public sealed class PuppetCaStandIn : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly ConcurrentDictionary<string, string> certificates = new();

    private PuppetCaStandIn(TestPuppetCa ca, int port)
    {
        Port = port;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, port, l => l.UseHttps(ca.Issue("ca", "localhost"), https =>
        {
            https.ClientCertificateMode = ClientCertificateMode.AllowCertificate;
            https.AllowAnyClientCertificate();
        })));
        app = builder.Build();
        app.MapPut("/puppet-ca/v1/certificate_request/{name}", async (string name, HttpRequest request) =>
        {
            if (Refusing)
                return Results.StatusCode(403);
            using var reader = new StreamReader(request.Body);
            var csr = await reader.ReadToEndAsync();
            Requests.Enqueue(name);
            certificates.GetOrAdd(name, _ => ca.SignPem(csr, name, ["localhost"], Life));
            return Results.Ok();
        });
        app.MapPost("/puppet-ca/v1/certificate_renewal", (HttpContext http) =>
        {
            if (Refusing || http.Connection.ClientCertificate is not { } old)
            {
                Refused++;
                return Results.StatusCode(403);
            }
            var name = old.GetNameInfo(X509NameType.SimpleName, forIssuer: false);
            Renewals.Enqueue(name);
            return Results.Text(ca.SignAgainPem(old, name, ["localhost"], Life));
        });
        app.MapGet("/puppet-ca/v1/certificate/ca", () => Results.Text(ca.BundlePem));
        app.MapGet("/puppet-ca/v1/certificate_revocation_list/ca", () => Results.Text(ca.CrlPem()));
        app.MapGet("/puppet-ca/v1/certificate/{name}", (string name) =>
            certificates.TryGetValue(name, out var pem) ? Results.Text(pem) : Results.NotFound());
    }

    public int Port { get; }

    /// <summary>Names that asked, in order.</summary>
    public ConcurrentQueue<string> Requests { get; } = new();

    /// <summary>Names that renewed, in order.</summary>
    public ConcurrentQueue<string> Renewals { get; } = new();

    /// <summary>Answer 403 to every request.</summary>
    public bool Refusing { get; set; }

    /// <summary>Renewals that were.</summary>
    public int Refused { get; private set; }

    /// <summary>Of the certificates it signs.</summary>
    public TimeSpan Life { get; set; } = TimeSpan.FromDays(30);

    public static async Task<PuppetCaStandIn> Start(TestPuppetCa ca, int? port = null)
    {
        var standIn = new PuppetCaStandIn(ca, port ?? FreePort.Next());
        await standIn.app.StartAsync();
        return standIn;
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();
}
