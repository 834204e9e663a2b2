using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Overture.Conductor.Webhooks;
using Overture.Platform.Options;
using Overture.Platform.Tls;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>What may be configured as a webhook, and what it then sends.</summary>
public sealed class WebhookOptionsTests : IDisposable
{
    private readonly TempDirectory directory = new();

    public WebhookOptionsTests() => File.WriteAllText(Secret, "0123456789abcdef01234567\n");

    private string Secret => directory.File("secret");

    public void Dispose() => directory.Dispose();

    [Theory]
    [InlineData("https://hooks.example.com/a?b=c", "")]
    [InlineData("http://127.0.0.1:9000/x", "")]
    [InlineData("http://[::1]:9000/x", "")]
    [InlineData("http://hooks.example.com/", "must be https://, or http:// of a loopback address (127.0.0.1)")]
    [InlineData("http://localhost/", "must be https://, or http:// of a loopback address (127.0.0.1)")]
    [InlineData("https://jo:secret@hooks.example.com/", "must be https://HOST[:PORT]/PATH, without a user")]
    [InlineData("https://169.254.169.254/latest", "must not be an address of the metadata service, or another that is link-local")]
    [InlineData("https://[::ffff:169.254.169.254]/", "must not be an address of the metadata service, or another that is link-local")]
    [InlineData("https://[fd00:ec2::254]/", "must not be an address of the metadata service, or another that is link-local")]
    [InlineData("file:///etc/passwd", "must be https://, or http:// of a loopback address (127.0.0.1)")]
    public void Url_IsOfAReceiver(string url, string problem) =>
        Assert.Equal(problem, Problems(new() { Url = url, SecretFile = Secret }).GetValueOrDefault("webhooks.chat.url", ""));

    [Fact]
    public void EverythingWrong_IsNamed()
    {
        File.WriteAllText(directory.File("short"), "short\n");
        var found = Problems(new()
        {
            Url = "https://a/", UrlFile = "/none", SecretFile = directory.File("short"), Types = ["condition.stall"], Selector = "a b",
            Template = "{\"text\": {{certname}}}", Timeout = TimeSpan.Zero, GiveUpAfter = TimeSpan.Zero, MaxDeadLetters = 0,
            TlsRoots = "/none",
        });
        Assert.Equal(["giveUpAfter", "maxDeadLetters", "secretFile", "template", "timeout", "tlsRoots", "types", "url", "urlFile"],
            found.Keys.Select(k => k["webhooks.chat.".Length..]).Order(StringComparer.Ordinal));
        Assert.Equal("must be JSON, with {{fields}} inside strings alone", found["webhooks.chat.template"]);
        Assert.DoesNotContain(found.Values, v => v.Contains("short\n", StringComparison.Ordinal));
        Assert.StartsWith("names {{who}}, which is no field",
            Problems(new() { Template = "{\"a\": \"{{who}}\"}" })["webhooks.chat.template"], StringComparison.Ordinal);
        foreach (var (template, problem) in new (string, string)[]
        {
            ("""{"a": {{cursor}}}""", "must be JSON"), ("""{"a": {{label.n}}}""", "must be JSON"), ("""{"a": "{{a b}}"}""", "has {{ that"),
        })
        {
            Assert.StartsWith(problem, Problems(new() { Template = template })["webhooks.chat.template"], StringComparison.Ordinal);
        }
        Assert.Equal("must be set", Problems(new() { Url = "https://a/" })["webhooks.chat.secretFile"]);
    }

    [Fact]
    public void File_IsRead()
    {
        using var world = new ConductorFixture();
        var tls = world.Pki.Files("conductor");
        File.WriteAllText(directory.File("conductor.yaml"), $$"""
            bucket: "file:{{directory.File("objects")}}"
            tls: { certificate: "{{tls.Certificate}}", key: "{{tls.Key}}", roots: "{{tls.Roots}}" }
            launch: { signingKey: "{{world.Pki.LaunchSigningKey}}", tokenKey: "{{world.Pki.LaunchTokenKey}}", caBundle: "{{world.Ca.BundleFile}}" }
            reports: { listen: "" }
            registry: { endpoint: "127.0.0.1:6379" }
            events: { keep: 3d }
            webhooks:
              tickets: { url: "https://tickets.example.com/overture", secretFile: "{{Secret}}", types: [condition, certificate.refused], giveUpAfter: 6h }

            """);
        var options = OptionsFile.Load<ConductorOptions>("conductor", directory.File("conductor.yaml"));
        Assert.Equal((TimeSpan.FromDays(3), TimeSpan.FromHours(6), 2),
            (options.Events.Keep, options.Webhooks["tickets"].GiveUpAfter, options.Webhooks["tickets"].Types.Count));
    }

    [Theory]
    [InlineData("169.254.169.254", true)]
    [InlineData("::ffff:169.254.0.1", true)]
    [InlineData("fe80::1", true)]
    [InlineData("fd00:ec2::254", true)]
    [InlineData("100.100.100.200", true)]
    [InlineData("127.0.0.1", false)]
    [InlineData("10.0.0.1", false)]
    [InlineData("2001:db8::1", false)]
    public void MetadataAddresses_AreKnown(string address, bool isOne) =>
        Assert.Equal(isOne, OutboundHandler.IsLinkLocal(IPAddress.Parse(address)));

    [Fact]
    public void Template_StaysJson_WhateverTheEventSays()
    {
        var hostile = new Event
        {
            At = new(), Certname = "a\", \"x\": \"", Message = "line\n\u0001 {{certname}} \\", Labels = { ["team"] = "<b>" },
        };
        var made = JsonNode.Parse(Encoding.UTF8.GetString(TemplateBody.Of(
            """{"text": "{{certname}}|{{ message }}|{{label.team}}|{{label.none}}"}""", hostile)))!;
        Assert.Equal("a\", \"x\": \"|line\n\u0001 {{certname}} \\|<b>|", (string)made["text"]!);
        Assert.Single(made.AsObject());
    }

    // The example of the Standard Webhooks specification.
    [Fact]
    public void Signature_IsThatOfTheStandard_AndOfBothKeysWhileTheyChange()
    {
        File.WriteAllText(Secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
        var signed = WebhookSignature.Of(WebhookSignature.Keys(Secret), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
            """{"test": 2432232314}"""u8);
        Assert.Equal("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", signed);
        File.AppendAllText(Secret, "0123456789abcdef01234567\n");
        Assert.Equal(2, WebhookSignature.Of(WebhookSignature.Keys(Secret), "1", 1, "x"u8).Split(' ').Length);
    }

    // A span would have the URL, which is a chat's secret.
    [Fact]
    public async Task Attempt_IsInNoTrace_AndCarriesNone()
    {
        await using var receiver = await WebhookReceiver.Start();
        var spans = new System.Collections.Concurrent.ConcurrentQueue<string>();
        using var listener = new System.Diagnostics.ActivityListener
        {
            ShouldListenTo = s => s.Name.StartsWith("System.Net.Http", StringComparison.Ordinal),
            Sample = (ref System.Diagnostics.ActivityCreationOptions<System.Diagnostics.ActivityContext> _) =>
                System.Diagnostics.ActivitySamplingResult.AllDataAndRecorded,
            ActivityStarted = a => spans.Enqueue(a.DisplayName + string.Join(' ', a.TagObjects)),
            ActivityStopped = a => spans.Enqueue(a.DisplayName + string.Join(' ', a.TagObjects)),
        };
        System.Diagnostics.ActivitySource.AddActivityListener(listener);
        var secretUrl = receiver.Url + "/T0000/B0000/" + TestIds.New().Unguessable();
        using var world = new ConductorFixture();
        var store = world.OpenStore();
        using var webhook = new Webhook("chat", new() { Url = secretUrl, SecretFile = Secret }, "", new EventIds(store),
            TimeProvider.System);
        var sent = await webhook.Send(new Event { At = new(), Cursor = "1", Type = "overture.instance.signed", Certname = "a" }, default);
        Assert.Equal(DeliveryOutcome.Delivered, sent.Outcome);
        Assert.DoesNotContain(spans, s => s.Contains(secretUrl, StringComparison.Ordinal));
        using var other = new HttpClient();
        await other.PostAsync(receiver.Url + "/seen", new StringContent("{}"));
        Assert.Contains(spans, s => s.Contains("/seen", StringComparison.Ordinal));
    }

    // A file that is being written, or was emptied.
    [Theory]
    [InlineData("")]
    [InlineData("0123456789")]
    public async Task KeysThatAreNone_SendNothing(string text)
    {
        await using var receiver = await WebhookReceiver.Start();
        using var world = new ConductorFixture();
        using var webhook = new Webhook("chat", new() { Url = receiver.Url, SecretFile = Secret }, "", new EventIds(world.OpenStore()),
            TimeProvider.System);
        await File.WriteAllTextAsync(Secret, text);
        var sent = await webhook.Send(new Event { At = new(), Cursor = "1", Type = "overture.instance.signed", Certname = "a" }, default);
        Assert.Equal((DeliveryOutcome.Failed, "secretFile has no key that may be used, and nothing is sent unsigned"),
            (sent.Outcome, sent.Cause));
        Assert.Empty(receiver.All);
        // and an event of which no body can be made is a dead letter
        Assert.Equal(DeliveryOutcome.Refused, (await webhook.Send(new Event { Cursor = "1" }, default)).Outcome);
    }

    private static Dictionary<string, string> Problems(WebhookOptions options) =>
        options.Problems("chat").ToDictionary(p => p.Field, p => p.Rule);
}
