using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Overture.Platform.Tls;
using Overture.Protos;

namespace Overture.TestSupport;

/// <summary>An identity provider's documents, and ID tokens of every kind that one should not issue.</summary>
public sealed class TestIssuer : IAsyncDisposable
{
    public const string Client = "overture-console";

    private readonly WebApplication app;
    private readonly TestPki pki;
    private RSA key = RSA.Create(2048);
    private int kid = 1;

    private TestIssuer(TestPki pki)
    {
        this.pki = pki;
        var port = FreePort.Next();
        Url = $"https://localhost:{port}";
        var files = pki.Files("conductor");
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, port,
            l => l.UseHttps(X509Certificate2.CreateFromPemFile(files.Certificate, files.Key))));
        app = builder.Build();
        app.Run(Answer);
    }

    public string Url { get; }

    /// <summary>What its document says who it is; null: itself.</summary>
    public string? Says { get; set; }

    /// <summary>It answers everything with an error.</summary>
    public bool Broken { get; set; }

    /// <summary>What it gives for any code.</summary>
    public string IdToken { get; set; } = "";

    /// <summary>How often its keys were read.</summary>
    public int Reads { get; private set; }

    public IdentityProviderOptions Options => new()
    {
        Issuer = Url, ClientId = Client, Roots = pki.Files("conductor").Roots,
        Grants = new Dictionary<string, GroupGrant>
        {
            ["admins"] = new() { Group = "admins", Role = "admin" },
            ["looks"] = new() { Group = "everyone", Role = "viewer" },
            ["10-web"] = new() { Group = "web", Role = "operator", Scope = ["profile=web"] },
        },
    };

    public static async Task<TestIssuer> Start(TestPki pki)
    {
        var issuer = new TestIssuer(pki);
        await issuer.app.StartAsync();
        return issuer;
    }

    public async ValueTask DisposeAsync()
    {
        await app.DisposeAsync();
        key.Dispose();
    }

    /// <summary>From now on it publishes and uses another key.</summary>
    public void ChangeKey()
    {
        key.Dispose();
        (key, kid) = (RSA.Create(2048), kid + 1);
    }

    /// <summary>Claims of jo's token for the console of this PKI, good for 15 minutes.</summary>
    public JsonObject Claims(DateTimeOffset now, params string[] groups)
    {
        using var random = RandomNumberGenerator.Create();
        using var console = X509CertificateLoader.LoadCertificateFromFile(pki.Files("console").Certificate);
        return new JsonObject
        {
            ["iss"] = Url, ["aud"] = Client, ["sub"] = "4f1c|9a", ["preferred_username"] = "Jo@example.com",
            ["iat"] = now.ToUnixTimeSeconds(), ["exp"] = now.ToUnixTimeSeconds() + 900, ["nonce"] = ConsoleNonce.Make(console, random),
            ["groups"] = new JsonArray([.. groups.Select(g => JsonValue.Create(g))]),
        };
    }

    public string Sign(JsonObject claims, JsonObject? header = null, RSA? by = null)
    {
        header ??= new JsonObject { ["alg"] = "RS256", ["kid"] = $"{kid}", ["typ"] = "JWT" };
        var text = $"{Encoded(header)}.{Encoded(claims)}";
        return header["alg"]!.GetValue<string>() switch
        {
            "none" => text + ".",
            // The old trick: the public key, which all know, as the secret.
            "HS256" => $"{text}.{Text(HMACSHA256.HashData(key.ExportSubjectPublicKeyInfo(), Encoding.ASCII.GetBytes(text)))}",
            _ => $"{text}.{Text((by ?? key).SignData(Encoding.ASCII.GetBytes(text), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1))}",
        };
    }

    /// <summary>The metadata of a console's call.</summary>
    public static Grpc.Core.Metadata Header(string token) =>
        new() { { DelegationStatement.Header, new Delegation { IdToken = token }.ToByteArray() } };

    private static string Encoded(JsonObject part) => Text(Encoding.UTF8.GetBytes(part.ToJsonString()));

    private static string Text(byte[] bytes) => System.Buffers.Text.Base64Url.EncodeToString(bytes);

    private Task Answer(HttpContext context)
    {
        var isKeys = context.Request.Path == "/jwks";
        Reads += isKeys ? 1 : 0;
        context.Response.StatusCode = Broken ? 500 : 200;
        context.Response.ContentType = "application/json";
        var parameters = key.ExportParameters(false);
        if (context.Request.Path == "/token")
        {
            return context.Response.WriteAsync(JsonSerializer.Serialize(new { access_token = "a", token_type = "Bearer",
                id_token = IdToken }));
        }
        return context.Response.WriteAsync(isKeys
            ? JsonSerializer.Serialize(new { keys = new[] { new { kty = "RSA", use = "sig", kid = $"{kid}", n = Text(parameters.Modulus!),
                e = Text(parameters.Exponent!) } } })
            : JsonSerializer.Serialize(new { issuer = Says ?? Url, jwks_uri = $"{Url}/jwks", authorization_endpoint = $"{Url}/auth",
                token_endpoint = $"{Url}/token" }));
    }
}
