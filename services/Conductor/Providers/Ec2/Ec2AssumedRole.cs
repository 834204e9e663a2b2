using System.Globalization;
using System.Text;
using System.Xml.Linq;
using Amazon.Runtime;
using Amazon.Runtime.Credentials;
using Overture.Platform.Tls;

namespace Overture.Conductor.Providers.Ec2;

/// <summary>
/// The key of a role in another account (STS AssumeRole), asked for again some minutes before it ends. It lives in memory alone; no
/// redirect is followed (T89), and no error holds what was sent or answered.
/// </summary>
internal sealed class Ec2AssumedRole : RefreshingAWSCredentials
{
    private static readonly TimeSpan Early = TimeSpan.FromMinutes(5), TryTimeout = TimeSpan.FromSeconds(10);
    private readonly Ec2Options options;
    private readonly Ec2AccountOptions role;
    private readonly string session;
    private readonly AWSCredentials? own;
    private readonly TimeProvider clock;
    private readonly Uri url;
    private readonly HttpClient http;

    /// <param name="options">Of the site: region, CAs and URL of STS.</param>
    /// <param name="role">To take on.</param>
    /// <param name="deployment">In the session's name, which the other account's log shows.</param>
    /// <param name="own">The key to ask with; null: as every AWS tool finds it.</param>
    /// <param name="clock">Of the signature.</param>
    public Ec2AssumedRole(Ec2Options options, Ec2AccountOptions role, string deployment, AWSCredentials? own, TimeProvider clock)
    {
        (this.options, this.role, this.own, this.clock) = (options, role, own, clock);
        session = "overture-" + string.Concat(deployment.Where(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.').Take(40));
        url = options.StsUrl;
        http = new HttpClient(OutboundHandler.To(url, options.TlsRoots)) { Timeout = TryTimeout, MaxResponseContentBufferSize = 64 * 1024 };
        PreemptExpiryTime = Early;
    }

    protected override void Dispose(bool disposing)
    {
        http.Dispose();
        base.Dispose(disposing);
    }

    protected override CredentialsRefreshState GenerateNewCredentials() => GenerateNewCredentialsAsync().GetAwaiter().GetResult();

    /// <exception cref="Ec2Exception">STS refused, or gave no usable answer.</exception>
    protected override async Task<CredentialsRefreshState> GenerateNewCredentialsAsync()
    {
        (string, string)[] fields = [("Action", "AssumeRole"), ("Version", "2011-06-15"), ("RoleArn", role.RoleArn),
            ("RoleSessionName", session), ("ExternalId", role.ExternalId)];
        var body = Ec2Form.Encode(fields.Where(f => f.Item2.Length > 0).Select(f => KeyValuePair.Create(f.Item1, f.Item2)));
        var key = await (own ?? DefaultAWSCredentialsIdentityResolver.GetCredentials(null)).GetCredentialsAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)) };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", Ec2Signature.ContentType);
        foreach (var (name, value) in Ec2Signature.Headers(key, options.Region, url, body, clock.GetUtcNow(), service: "sts"))
            request.Headers.TryAddWithoutValidation(name, value);
        try
        {
            using var answer = await http.SendAsync(request);
            var text = Encoding.UTF8.GetString(await answer.Content.ReadAsByteArrayAsync());
            return answer.IsSuccessStatusCode && Ec2Answer.Read(text) is { } read && State(read) is { } state ? state
                : throw (answer.IsSuccessStatusCode ? Refused("NoXml", 0)
                    : Refused(Ec2Answer.Code(text, (int)answer.StatusCode), (int)answer.StatusCode));
        }
        catch (Exception e) when (e is HttpRequestException or IOException or TaskCanceledException)
        {
            throw Refused(e.GetType().Name, 0);
        }
    }

    // What passes is asked for again by the call that needs the key.
    private Ec2Exception Refused(string code, int status) =>
        Ec2Errors.Judge(code, status) is { Action: Ec2Action.Retry or Ec2Action.SlowDown } passes
        ? new(code, passes, $"AssumeRole of {role.RoleArn}: {code}. {passes.Sentence}")
        : new(code, new Ec2Verdict(Ec2Action.Credentials, ""),
            $"AssumeRole of {role.RoleArn}: {code}. Check that the role trusts the Conductor's key, and externalId");

    private static CredentialsRefreshState? State(XElement answer)
    {
        string Of(string name) => answer.DescendantsAndSelf().FirstOrDefault(e => e.Name.LocalName == name)?.Value.Trim() ?? "";
        return Of("AccessKeyId").Length > 0 && Of("SecretAccessKey").Length > 0 && Of("SessionToken").Length > 0
            && DateTimeOffset.TryParse(Of("Expiration"), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var end)
            ? new CredentialsRefreshState(new ImmutableCredentials(Of("AccessKeyId"), Of("SecretAccessKey"), Of("SessionToken")),
                end.UtcDateTime)
            : null;
    }
}
