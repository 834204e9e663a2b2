using Amazon.Runtime;
using Overture.Conductor.Providers.Ec2;

namespace Overture.Conductor.Tests;

/// <summary>
/// Known answers of Signature Version 4, of key, date and region of AWS's published test suite. AWS's own vectors are of a service named
/// "service"; those for "ec2" were computed by the following, which gives the published signatures of get-vanilla (5fa00fa3…fbf31),
/// post-x-www-form-urlencoded (ff118978…9473a) and post-x-www-form-urlencoded-parameters (1a72ec8f…7a6fe):
/// <code>
/// def sign(method, path, headers, body, secret, date, region, service):
///     names = ";".join(sorted(headers))
/// canonical = "\n".join([method, path, "", "".join(f"{n}:{headers[n]}\n" for n in sorted(headers)), names,
/// hashlib.sha256(body.encode()).hexdigest()])
///     scope = f"{date[:8]}/{region}/{service}/aws4_request"
///     text = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
///     key = ("AWS4" + secret).encode()
///     for part in scope.split("/"):
///         key = hmac.new(key, part.encode(), "sha256").digest()
///     return hmac.new(key, text.encode(), "sha256").hexdigest()
/// </code>
/// </summary>
public sealed class Ec2SignatureTests
{
    private const string Secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", Token = "FwoGZXIvYXdzEXAMPLE/token+of=a=session";
    private const string Describe = "Action=DescribeInstances&Version=2016-11-15",
        Tag = "Action=CreateTags&Version=2015-10-01&ResourceId.1=i-1&Tag.1.Key=team&Tag.1.Value=a+b%2Bc~%C3%A9%2A";
    private static readonly DateTimeOffset At = new(2015, 8, 30, 12, 36, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("https://ec2.us-east-1.amazonaws.com/", Describe, "", "16bec6625521eb1b2a944bb8409fdd5a54007d61862cf7074d07d2e75a3a4950")]
    // Path and port are signed too.
    [InlineData("https://cloud.example.com:8773/services/compute", Tag, "",
        "e2e861064058428a00dd8d41ab2347ef17438ba878dfa017beeb7e97423e108b")]
    [InlineData("https://ec2.us-east-1.amazonaws.com/", Describe, Token,
        "3b1b25f6a497415cbb1caf92e9c71e7b7659c821e364e500d2a3cad72943d435")]
    public void Headers_Request_HaveTheKnownSignature(string url, string body, string token, string signature)
    {
        var credentials = new ImmutableCredentials("AKIDEXAMPLE", Secret, token.Length > 0 ? token : null);
        var headers = Ec2Signature.Headers(credentials, "us-east-1", new Uri(url), body, At)
            .ToDictionary(h => h.Name, h => h.Value, StringComparer.Ordinal);
        var names = token.Length > 0 ? "content-type;host;x-amz-date;x-amz-security-token" : "content-type;host;x-amz-date";
        Assert.Equal($"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/ec2/aws4_request, SignedHeaders={names}, "
            + $"Signature={signature}", headers["Authorization"]);
        Assert.Equal("20150830T123600Z", headers["X-Amz-Date"]);
        Assert.Equal(token, headers.GetValueOrDefault("X-Amz-Security-Token", ""));
    }
}
