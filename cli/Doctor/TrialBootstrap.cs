using System.IO.Compression;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.RegularExpressions;
using Google.Protobuf.WellKnownTypes;
using Overture.Classifier.V1;
using Overture.Cli.Commands;
using Overture.Conductor.V1;
using Overture.Platform.Certificates;
using Overture.Records.V1;

namespace Overture.Cli.Doctor;

/// <summary>
/// A bootstrap without an instance, over the ways that an instance takes: registered, its request sent to the CA API as an agent sends it,
/// the certificate collected, the node classified, and the end, with its revocation. What was registered ends by itself within minutes
/// where this is killed.
/// </summary>
internal sealed partial class TrialBootstrap(Session session, Action<DoctorLine> report, CancellationToken cancel)
{
    private const string Area = "trial", ChallengePassword = "1.2.840.113549.1.9.7", Label = "overture-doctor";
    private const int MostOfScript = 256 * 1024;
    private static readonly TimeSpan StepLimit = TimeSpan.FromSeconds(15), Poll = TimeSpan.FromMilliseconds(200);

    /// <param name="spec">Of a launch file or profile, every default filled in.</param>
    /// <param name="bundle">The Puppet CA's certificates, PEM; null: those of the user data.</param>
    public async Task Run(LaunchSpec spec, string? bundle)
    {
        // 1. registered
        if (await Step("register", () => Register(spec)) is not { } registered)
            return;
        var name = registered.Instance.Certname;
        try
        {
            await Bootstrap(spec, registered, bundle ?? registered.UserData);
        }
        finally
        {
            // 5. the end, also of what failed, and after Ctrl-C
            await Step("terminate", async () =>
            {
                await session.ConductorAgain((c, o) => c.TerminateInstanceAsync(
                    new TerminateInstanceRequest { Certname = name, Reason = "overture doctor's trial is over" },
                    o.WithCancellationToken(CancellationToken.None)), StepLimit, CancellationToken.None);
                return name;
            }, n => $"{n} is terminated, its certificate revoked, its definition archived");
        }
        report(new DoctorLine(Area, "report", DoctorStatus.Skipped, "only a puppetserver may send one",
            "see that one arrived: overture instance explain of an instance that ran"));
    }

    private async Task Bootstrap(LaunchSpec spec, RegisterInstanceResponse registered, string pem)
    {
        // 2. the request, as an agent makes it, to where the agent would send it
        var name = registered.Instance.Certname;
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        if (await Step("ca bundle", () => Task.FromResult(Roots(pem)), r => $"{r.Count} certificates to trust, as an agent pins them")
            is not { } roots)
        {
            return;
        }
        using var client = Client(roots);
        var api = new Uri($"https://{spec.Puppet.CaServer}:{spec.Puppet.CaPort}/puppet-ca/v1/");
        if (await Step("request", () => Send(client, api, name, Request(name, key, registered.Token)), _ =>
            $"{api.Authority} took it") is null)
        {
            return;
        }
        // 3. its certificate
        if (await Step("certificate", () => Collect(client, api, name, key)) is null)
            return;
        // 4. its classification
        await Step("classify", async () =>
        {
            var answer = await session.Classifier((c, o) => c.ClassifyAsync(new ClassifyRequest { Certname = name }, o), cancel);
            return $"environment {answer.Environment}, {answer.Yaml.Length} characters of ENC answer";
        });
    }

    private Task<RegisterInstanceResponse> Register(LaunchSpec spec)
    {
        var trial = spec.Clone();
        (trial.Provider, trial.Protected) = ("", false);
        trial.Labels[Label] = "trial";
        trial.Deadline = Duration.FromTimeSpan(TimeSpan.FromMinutes(5));
        trial.Ttl = Duration.FromTimeSpan(TimeSpan.FromMinutes(10));
        // No provider can be asked about it.
        if (trial.Attestation is Attestation.Source or Attestation.Provider)
            trial.Attestation = Attestation.Token;
        return session.Conductor((c, o) => c.RegisterInstanceAsync(
            new RegisterInstanceRequest { Spec = trial }, o), cancel);
    }

    private static string Request(string name, ECDsa key, string token)
    {
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var value = new System.Formats.Asn1.AsnWriter(System.Formats.Asn1.AsnEncodingRules.DER);
        value.WriteCharacterString(System.Formats.Asn1.UniversalTagNumber.UTF8String, token);
        request.OtherRequestAttributes.Add(new AsnEncodedData(ChallengePassword, value.Encode()));
        return request.CreateSigningRequestPem();
    }

    private async Task<string> Send(HttpClient client, Uri api, string name, string csr)
    {
        using var body = new StringContent(csr, Encoding.ASCII, "text/plain");
        using var answer = await client.PutAsync(new Uri(api, $"certificate_request/{name}?environment=production"), body, cancel);
        var text = await answer.Content.ReadAsStringAsync(cancel);
        return answer.IsSuccessStatusCode ? name : throw new Failure(ExitCodes.Failed,
            $"{api.Authority} answered {(int)answer.StatusCode} to the request: {text.Split('\n')[0]}", $"overture audit explain {name}");
    }

    private async Task<string> Collect(HttpClient client, Uri api, string name, ECDsa key)
    {
        var began = session.Clock.GetTimestamp();
        while (true)
        {
            using var answer = await client.GetAsync(new Uri(api, $"certificate/{name}?environment=production"), cancel);
            if (answer.StatusCode == HttpStatusCode.OK)
            {
                using var certificate = X509Certificate2.CreateFromPem(await answer.Content.ReadAsStringAsync(cancel));
                using var signed = certificate.GetECDsaPublicKey();
                return signed is not null && signed.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(key.ExportSubjectPublicKeyInfo())
                    ? $"{certificate.SerialNumber.ToLowerInvariant()}, until {certificate.NotAfter.ToUniversalTime():yyyy-MM-dd}"
                    : throw new Failure(ExitCodes.Failed, $"the certificate of {name} is of another key", $"overture audit explain {name}");
            }
            if (session.Clock.GetElapsedTime(began) > StepLimit)
            {
                throw new Failure(ExitCodes.Failed, $"it was not signed within {StepLimit.TotalSeconds:0} s ({(int)answer.StatusCode})",
                    $"overture audit explain {name}");
            }
            await Task.Delay(Poll, session.Clock, cancel);
        }
    }

    // Those of a file; or of user data, what the agent's script prints as the CA to pin, in a quoted text. Other certificates there are the
    // user's own.
    private static X509Certificate2Collection Roots(string text)
    {
        const string printed = "ca() {";
        var plain = Unpacked(text.Replace("\\n", "\n", StringComparison.Ordinal));
        var begin = plain.IndexOf(printed, StringComparison.Ordinal);
        if (begin >= 0)
            plain = plain[begin..Math.Max(begin, plain.IndexOf("\n}", begin, StringComparison.Ordinal))];
        var roots = new X509Certificate2Collection();
        if (begin >= 0 || !text.StartsWith("#cloud-config", StringComparison.Ordinal))
            roots.ImportFromPem(plain);
        return roots.Count > 0 ? roots
            : throw Failure.Usage("the CA's certificates can't be read from the user data", "give them: --ca-bundle FILE");
    }

    // Where user data would be too large otherwise, the agent's script is compressed, on one line.
    private static string Unpacked(string text)
    {
        if (PackedAgent().Match(text) is not { Success: true } packed)
            return text;
        try
        {
            var bytes = Convert.FromBase64String(packed.Groups[1].Value);
            using var unpacked = new GZipStream(new MemoryStream(bytes), CompressionMode.Decompress);
            var script = new byte[MostOfScript];
            return Encoding.ASCII.GetString(script, 0, unpacked.ReadAtLeast(script, script.Length, throwOnEndOfStream: false));
        }
        catch (Exception e) when (e is FormatException or InvalidDataException)
        {
            return text;
        }
    }

    [GeneratedRegex(@"<<'OVERTURE_AGENT'[^\n]*\n\s*([A-Za-z0-9+/=]+)\s*\n")]
    private static partial Regex PackedAgent();

    // As an agent: the pinned CA and no other, no certificate of our own, no proxy.
    private static HttpClient Client(X509Certificate2Collection roots) => new(new SocketsHttpHandler
    {
        UseProxy = false,
        AllowAutoRedirect = false,
        ConnectTimeout = TimeSpan.FromSeconds(5),
        SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = TrustPolicy.Of(roots) },
    }) { Timeout = StepLimit };

    private Task<T?> Step<T>(string check, Func<Task<T>> work) where T : class => Step(check, work, r => r as string ?? "done");

    private async Task<T?> Step<T>(string check, Func<Task<T>> work, Func<T, string> said) where T : class
    {
        var began = session.Clock.GetTimestamp();
        try
        {
            var done = await work();
            report(new DoctorLine(Area, check, DoctorStatus.Ok, done is RegisterInstanceResponse r
                ? $"as {r.Instance.Certname}" : said(done),
                Took: session.Clock.GetElapsedTime(began)));
            return done;
        }
        catch (Failure failure)
        {
            report(DoctorLine.Of(Area, check, failure, session.Clock.GetElapsedTime(began)));
        }
        catch (HttpRequestException e)
        {
            report(new DoctorLine(Area, check, DoctorStatus.Failed, Sentence(e),
                "an agent would fail in the same way: check ca_server, ca_port, "
                + "and that CertAuthority's CA API listens there", session.Clock.GetElapsedTime(began)));
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            report(new DoctorLine(Area, check, DoctorStatus.Failed, $"what it got is no certificate: {e.Message}",
                "check that nothing else answers in CertAuthority's place, and --ca-bundle", session.Clock.GetElapsedTime(began)));
        }
        catch (TaskCanceledException) when (!cancel.IsCancellationRequested)
        {
            report(new DoctorLine(Area, check, DoctorStatus.Failed, $"there was no answer within {StepLimit.TotalSeconds:0} s",
                "check routes and firewalls between here and there", session.Clock.GetElapsedTime(began)));
        }
        return null;
    }

    private static string Sentence(HttpRequestException e) => e.InnerException switch
    {
        SocketException socket => $"it can't be reached: {socket.Message}",
        AuthenticationException tls => $"its TLS certificate is not accepted: {tls.Message}",
        _ => e.Message,
    };
}
