using System.Diagnostics;
using System.Formats.Asn1;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Google.Protobuf.WellKnownTypes;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.Load;

/// <summary>Agents that enrol as fast as the CA lets them: each a fresh registered name with its own key and token.</summary>
internal static class Enrolment
{
    private const string RequestId = "bench";

    public static async Task<int> Run(string home, int port, int connections, TimeSpan warm, TimeSpan measured)
    {
        var store = ObjectStore.Open($"file:{home}/objects", "");
        var ids = new Ids(TimeProvider.System, RandomNumberGenerator.Create());
        using var key = ECDsa.Create();
        key.ImportFromPem(await File.ReadAllTextAsync($"{home}/launch/signing.key"));
        using var signer = new LaunchSigner(key);
        var tokenKey = Convert.FromHexString((await File.ReadAllTextAsync($"{home}/launch/token.key")).Trim());

        // Made beforehand, so that the client's own key making is not measured: a bit more than the machine can sign.
        var count = (int)((warm + measured).TotalSeconds * 220 * System.Environment.ProcessorCount);
        var agents = new (string Name, byte[] Csr)[count];
        await Parallel.ForAsync(0, count, async (i, cancel) =>
        {
            var name = ids.CertName();
            var token = EnrolmentToken.Derive(tokenKey, RequestId, name);
            var record = new LaunchRecord
            {
                Schema = 1,
                Certname = name.ToString(),
                RequestId = RequestId,
                NotBefore = DateTimeOffset.UnixEpoch.ToTimestamp(),
                Deadline = TimeProvider.System.GetUtcNow().AddHours(1).ToTimestamp(),
                TokenSha256 = EnrolmentToken.Hash(token),
                Attestation = Attestation.Token,
                Provider = "registered",
                Environment = "production",
            };
            await store.PutIfAbsent(ObjectKeys.Launch(name), signer.Sign(record, ids.Unguessable()), cancel);
            agents[i] = (name.ToString(), Csr(name.ToString(), token));
        });

        var roots = new X509Certificate2Collection();
        roots.ImportFromPemFile($"{home}/ca/ca_crt.pem");
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.AddRange(roots);
        using var http = new HttpClient(new SocketsHttpHandler
        {
            MaxConnectionsPerServer = connections,
            SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = policy },
        })
        { BaseAddress = new Uri($"https://localhost:{port}/puppet-ca/v1/") };

        var clock = Stopwatch.StartNew();
        var next = -1;
        var times = new List<double>();
        var failures = 0;
        var end = warm + measured;
        await Task.WhenAll(Enumerable.Range(0, connections).Select(async _ =>
        {
            while (clock.Elapsed < end && Interlocked.Increment(ref next) is var mine && mine < agents.Length)
            {
                var began = clock.Elapsed;
                var good = await Enrol(http, agents[mine].Name, agents[mine].Csr);
                if (began < warm || clock.Elapsed > end)
                    continue;
                lock (times)
                {
                    failures += good ? 0 : 1;
                    times.Add((clock.Elapsed - began).TotalMilliseconds);
                }
            }
        }));
        times.Sort();
        if (times.Count == 0 || next >= agents.Length)
        {
            await Console.Error.WriteLineAsync("too few agents were prepared, or none enrolled");
            return 1;
        }
        Console.WriteLine(FormattableString.Invariant(
            $"rate={times.Count / measured.TotalSeconds:0.0} p50_ms={times[times.Count / 2]:0.0} p99_ms={times[(int)(times.Count * 0.99)]:0.0} enrolments={times.Count} failures={failures}"));
        return failures == 0 ? 0 : 1;
    }

    private static async Task<bool> Enrol(HttpClient http, string name, byte[] csr)
    {
        using var body = new ByteArrayContent(csr);
        body.Headers.ContentType = new MediaTypeHeaderValue("text/plain");
        using var put = await http.PutAsync($"certificate_request/{name}", body);
        using var get = await http.GetAsync($"certificate/{name}");
        return put.IsSuccessStatusCode && get.IsSuccessStatusCode && (await get.Content.ReadAsStringAsync()).StartsWith("-----BEGIN CERTIFICATE", StringComparison.Ordinal);
    }

    private static byte[] Csr(string name, string token)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var challenge = new AsnWriter(AsnEncodingRules.DER);
        challenge.WriteCharacterString(UniversalTagNumber.PrintableString, token);
        request.OtherRequestAttributes.Add(new AsnEncodedData("1.2.840.113549.1.9.7", challenge.Encode()));
        return Encoding.ASCII.GetBytes(request.CreateSigningRequestPem() + "\n");
    }
}
