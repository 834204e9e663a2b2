using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text.RegularExpressions;

namespace Overture.TestSupport;

/// <summary>
/// A real moto_server on a free port of loopback: S3 and EC2 of one account, with one key that may do all of both. Signatures and policies
/// are enforced. Gone when the test is.
/// </summary>
public sealed partial class MotoServer : IAsyncDisposable
{
    public const string Region = "us-east-1", Bucket = "overture-test";
    // Python runs this first. werkzeug hands moto the URL with %2F undone, so that no signature over a prefix with a slash is right; and
    // moto looks
    // for the object and stores it in two steps, with a thread to each request, so that a race had two winners once in some hundred.
    private const string Repair = """
        try:
            import threading
            import werkzeug.sansio.utils
            import werkzeug.serving
        except ImportError:
            pass
        else:
            werkzeug.sansio.utils.uri_to_iri = lambda uri: uri
            serve, one = werkzeug.serving.run_simple, threading.Lock()

            def run_simple(host, port, app, **options):
                def one_write_at_a_time(environ, start):
                    if environ["REQUEST_METHOD"] != "PUT":
                        return app(environ, start)
                    with one:
                        return app(environ, start)
                serve(host, port, one_write_at_a_time, **options)

            werkzeug.serving.run_simple = run_simple

        """;

    private const string All =
        """{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*","ec2:*","iam:PassRole"],"Resource":"*"}]}""";
    private readonly TempDirectory python = new();
    private readonly HttpClient http;
    private readonly Process process;

    private MotoServer(string address, int port)
    {
        Endpoint = new Uri($"http://{address}:{port.ToString(CultureInfo.InvariantCulture)}");
        http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = Endpoint };
        File.WriteAllText(python.File("sitecustomize.py"), Repair);
        process = Process.Start(new ProcessStartInfo("moto_server")
        {
            ArgumentList = { "-H", address, "-p", port.ToString(CultureInfo.InvariantCulture) },
            Environment = { ["PYTHONPATH"] = python.Path },
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        // A line for each request: a pipe that is not emptied would stop it.
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>Of S3, path style, and of EC2.</summary>
    public Uri Endpoint { get; }

    public string AccessKey { get; private set; } = "";

    public string SecretKey { get; private set; } = "";

    /// <param name="address">Of loopback.</param>
    /// <param name="port">0: a free one.</param>
    public static async Task<MotoServer> Start(string address = "127.0.0.1", int port = 0)
    {
        var moto = new MotoServer(address, port > 0 ? port : FreePort.Next());
        try
        {
            await Eventually.True(moto.Answers, "moto_server listens", TimeSpan.FromSeconds(60));
            (moto.AccessKey, moto.SecretKey) = await moto.MakeKey("overture", All);
            await moto.MakeBucket(Bucket);
            await moto.Enforce(true);
            return moto;
        }
        catch
        {
            await moto.DisposeAsync();
            throw;
        }
    }

    /// <summary>
    /// Whether requests need a signature and a policy that allows them. (moto checks no presigned URL: with enforcement it answers 500.)
    /// </summary>
    public async Task Enforce(bool enforce)
    {
        using var content = new StringContent(enforce ? "0" : "inf", new MediaTypeHeaderValue("text/plain"));
        using var answer = await http.PostAsync("/moto-api/reset-auth", content);
        answer.EnsureSuccessStatusCode();
    }

    /// <summary>While nothing is enforced.</summary>
    public async Task MakeBucket(string name) => await Unsigned(HttpMethod.Put, "/" + name, "s3", null);

    public async Task MakeObject(string bucket, string key, string text) => await Unsigned(HttpMethod.Put, $"/{bucket}/{key}", "s3",
        new StringContent(text));

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync();
        }
        process.Dispose();
        http.Dispose();
        python.Dispose();
    }

    /// <summary>A key of a new user, who may do what the policy says and nothing else. While nothing is enforced.</summary>
    public async Task<(string AccessKey, string SecretKey)> MakeKey(string user, string policy)
    {
        await Iam(("Action", "CreateUser"), ("UserName", user));
        await Iam(("Action", "PutUserPolicy"), ("UserName", user), ("PolicyName", "its"), ("PolicyDocument", policy));
        var key = await Iam(("Action", "CreateAccessKey"), ("UserName", user));
        return (KeyId().Match(key).Groups[1].Value, Secret().Match(key).Groups[1].Value);
    }

    private Task<string> Iam(params (string Name, string Value)[] fields) =>
        Unsigned(HttpMethod.Post, "/", "iam", new FormUrlEncodedContent(fields.Append(("Version", "2010-05-08"))
            .Select(f => KeyValuePair.Create(f.Item1, f.Item2))));

    // moto finds the service in the signature's scope, also where it does not look at the signature.
    private async Task<string> Unsigned(HttpMethod method, string path, string service, HttpContent? content)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        request.Headers.TryAddWithoutValidation("Authorization",
            $"AWS4-HMAC-SHA256 Credential=none/20260101/{Region}/{service}/aws4_request, SignedHeaders=host, Signature=0");
        using var answer = await http.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        return answer.IsSuccessStatusCode ? text : throw new InvalidOperationException($"moto: {(int)answer.StatusCode} {text}");
    }

    private async Task<bool> Answers()
    {
        if (process.HasExited)
            throw new InvalidOperationException($"moto_server ended with {process.ExitCode}");
        try
        {
            using var answer = await http.GetAsync("/moto-api/");
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    [GeneratedRegex("<AccessKeyId>([^<]+)<")]
    private static partial Regex KeyId();

    [GeneratedRegex("<SecretAccessKey>([^<]+)<")]
    private static partial Regex Secret();
}
