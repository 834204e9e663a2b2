using System.Security.Cryptography;
using System.Text;
using System.Xml.Linq;
using Amazon.Runtime;
using Amazon.Runtime.Credentials;
using Overture.Conductor.Launch;
using Overture.Platform.Connections;
using Overture.Platform.Faults;
using Overture.Platform.Telemetry;
using Overture.Platform.Tls;

namespace Overture.Conductor.Providers.Ec2;

/// <summary>An error answer of the cloud.</summary>
/// <param name="code">Its code, e.g. InvalidAMIID.NotFound.</param>
/// <param name="done">What was asked for may have happened: a try was cut off, or the answer is not of the API.</param>
internal sealed class Ec2Exception(string code, Ec2Verdict verdict, string message, bool done = false) : Exception(message)
{
    public string Code { get; } = code;
    public Ec2Verdict Verdict { get; } = verdict;
    public bool MayBeDone { get; } = done;
}

/// <summary>
/// Calls of the Query API: signed at each try, retried with full jitter while that may help and the budget lasts, never redirected
/// (T89). What is sent holds user data, so nothing of it is logged or returned.
/// </summary>
internal sealed class Ec2Client : IDisposable
{
    private static readonly TimeSpan TryTimeout = TimeSpan.FromSeconds(20), FirstPause = TimeSpan.FromMilliseconds(100),
        LongestPause = TimeSpan.FromSeconds(10), Slow = TimeSpan.FromSeconds(3);
    private const int CapacityTries = 3;
    private readonly Ec2Options options;
    private readonly Ec2Dialect dialect;
    private readonly Uri url;
    private readonly AWSCredentials? credentials;
    private readonly TimeProvider clock;
    private readonly HttpClient http;

    /// <param name="credentials">Null: as every AWS tool finds them.</param>
    public Ec2Client(Ec2Options options, Ec2Dialect dialect, TimeProvider clock, AWSCredentials? credentials)
    {
        (this.options, this.dialect, this.clock, this.credentials) = (options, dialect, clock, credentials);
        url = new Uri(options.Url, dialect.Path);
        http = new HttpClient(OutboundHandler.To(url, options.TlsRoots))
            { Timeout = TryTimeout, MaxResponseContentBufferSize = Ec2Answer.Limit };
    }

    /// <param name="action">E.g. DescribeInstances.</param>
    /// <param name="fields">Its parameters; none with an empty value.</param>
    /// <param name="cancel">Gives up between two tries; the call may have happened.</param>
    /// <param name="untilFound">The instance was made a moment ago: not to be found means not yet.</param>
    /// <param name="capacityTries">How often to ask where there is no room.</param>
    /// <exception cref="Ec2Exception">The cloud refused, or gave no usable answer within the budget.</exception>
    public async Task<XElement> Call(string action, IEnumerable<(string Name, string Value)> fields, CancellationToken cancel,
        bool untilFound = false, int capacityTries = CapacityTries)
    {
        fields = [.. fields];
        var secret = fields.FirstOrDefault(f => f.Name == "UserData").Value ?? "";
        using var span = FlowTelemetry.Source.StartActivity($"ec2 {action}");
        var body = Ec2Form.Encode(new[] { ("Action", action), ("Version", dialect.Version) }.Concat(fields).Where(f => f.Item2.Length > 0)
            .Select(f => KeyValuePair.Create(f.Item1, f.Item2)));
        var begin = clock.GetTimestamp();
        var (mayBeDone, renewed) = (false, false);
        for (var tries = 1; ; tries++)
        {
            var (key, keyless) = await Key(cancel);
            var (answer, code, status, message) = key is not null ? await Once(body, secret, key, cancel) : (null, keyless!.Code, 0, "");
            if (answer is not null)
                return answer;
            var verdict = keyless?.Verdict ?? Ec2Errors.Judge(code, status);
            // Without a key nothing was sent by this try; one before it may have been.
            mayBeDone |= keyless is null && (verdict.Action == Ec2Action.Retry || Ec2Answer.HasNoCode(code));
            span?.SetTag("ec2.code", code).SetTag("ec2.tries", tries);
            var again = verdict.Action is Ec2Action.Retry or Ec2Action.SlowDown
                || (verdict.Action == Ec2Action.Capacity && tries < capacityTries) || (untilFound && verdict.Action == Ec2Action.NotFound)
                || (keyless is null && Ec2Errors.IsExpired(code) && !renewed && (renewed = DropKey()));
            var pause = Pause(tries, verdict.Action == Ec2Action.Capacity ? Slow : FirstPause);
            if (!again || clock.GetElapsedTime(begin) + pause > options.Budget)
            {
                throw new Ec2Exception(code, verdict, keyless?.Message
                    ?? $"{action}: {code}{(message.Length > 0 ? $" ({message})" : "")}. {verdict.Sentence}", mayBeDone);
            }

            await Task.Delay(pause, clock, cancel);
        }
    }

    public void Dispose() => http.Dispose();

    private async Task<(XElement? Answer, string Code, int Status, string Message)> Once(string body, string secret,
        ImmutableCredentials key, CancellationToken cancel)
    {
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, url)
                { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)) };
            request.Content.Headers.TryAddWithoutValidation("Content-Type", Ec2Signature.ContentType);
            foreach (var (name, value) in Ec2Signature.Headers(key, options.Region, url, body, clock.GetUtcNow()))
                request.Headers.TryAddWithoutValidation(name, value);
            using var answer = await http.SendAsync(request, cancel);
            // As bytes: an unknown charset would throw.
            var text = Encoding.UTF8.GetString(await answer.Content.ReadAsByteArrayAsync(cancel));
            var status = (int)answer.StatusCode;
            if (answer.IsSuccessStatusCode)
                return Ec2Answer.Read(text) is { } read ? (read, "", status, "") : (null, "NoXml", 0, "");
            return (null, Ec2Answer.Code(text, status), status, Sentence(text, secret));
        }
        catch (Exception e) when (e is HttpRequestException or IOException
            || (e is TaskCanceledException && !cancel.IsCancellationRequested))
        {
            return (null, e.GetType().Name, 0, "");
        }
    }

    private AWSCredentials Source => credentials ?? DefaultAWSCredentialsIdentityResolver.GetCredentials(null);

    // One that is kept and is no longer good; false: it is not of that kind.
    private bool DropKey()
    {
        (Source as RefreshingAWSCredentials)?.ClearCredentials();
        return Source is RefreshingAWSCredentials;
    }

    private async Task<(ImmutableCredentials? Key, Ec2Exception? Why)> Key(CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        try
        {
            return (await Source.GetCredentialsAsync(), null);
        }
        catch (Ec2Exception e)
        {
            return (null, e);
        }
        catch (Exception e) when (e is AmazonClientException or AmazonServiceException)
        {
            // What a role's own refusal says may come wrapped.
            return (null, e.InnerException as Ec2Exception ?? new Ec2Exception("NoCredentials", new Ec2Verdict(Ec2Action.Credentials, ""),
                "no AWS credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or give the host a role"));
        }
    }

    // What the server wrote, short; nothing, where it has copied from the user data.
    private static string Sentence(string body, string secret)
    {
        var message = Ec2Answer.Read(body)?.DescendantsAndSelf().FirstOrDefault(e => e.Name.LocalName == "Message")?.Value ?? "";
        var plain = Ec2Errors.Plain(message);
        if (plain.Split(' ', '\'', '"').Any(word => word.Length >= 16 && secret.Contains(word[..16], StringComparison.Ordinal)))
            return "";
        return plain.Length <= 200 ? plain : plain[..200];
    }

    private static TimeSpan Pause(int tries, TimeSpan first)
    {
        var most = Math.Min(first.TotalMilliseconds * Math.Pow(2, Math.Min(tries, 10)), LongestPause.TotalMilliseconds);
        return TimeSpan.FromMilliseconds(RandomNumberGenerator.GetInt32(1, (int)most + 1));
    }
}
