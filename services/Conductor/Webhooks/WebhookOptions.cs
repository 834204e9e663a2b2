using System.Net;
using Overture.Conductor.Events;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Tls;

namespace Overture.Conductor.Webhooks;

/// <summary>One receiver of events: where, which, and in which form.</summary>
public sealed record WebhookOptions
{
    /// <summary>https://…, or http:// of a loopback address. Or empty, and <see cref="UrlFile"/> has it.</summary>
    public string Url { get; init; } = "";

    /// <summary>File with the URL, where that is a secret itself, as chat services' are; read at each delivery.</summary>
    public string UrlFile { get; init; } = "";

    /// <summary>
    /// File with the key of the signature, 24 bytes or more as text, or "whsec_" and base64; a second line is the key before, for as long
    /// as the receiver knows no other. Read at each delivery. Required, but with a template.
    /// </summary>
    public string SecretFile { get; init; } = "";

    /// <summary>Types of events, or beginnings of them: "condition", "instance.converged". Empty: all.</summary>
    public IReadOnlyList<string> Types { get; init; } = [];

    /// <summary>Label selector: events of instances whose labels all fit. Empty: all.</summary>
    public string Selector { get; init; } = "";

    /// <summary>Events of instances of this profile. Empty: all.</summary>
    public string Profile { get; init; } = "";

    /// <summary>
    /// JSON that is sent in place of a CloudEvent, with fields of the event in double braces inside its strings: {"text": "{{certname}} is
    /// {{state}}"}. Empty: a CloudEvent.
    /// </summary>
    public string Template { get; init; } = "";

    /// <summary>PEM file of the CAs that sign the receiver's certificate; empty: the system's.</summary>
    public string TlsRoots { get; init; } = "";

    /// <summary>How long one attempt may take. 1 s to 60 s.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long an event is tried, or a receiver may fail, before events become dead letters. 1 s to 3 days.</summary>
    public TimeSpan GiveUpAfter { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Beyond this many dead letters the webhook waits until some are replayed or deleted. 1 to 10000.</summary>
    public int MaxDeadLetters { get; init; } = 1000;

    internal EventFilter Filter => new() { Types_ = { Types }, Selector = Selector, Profile = Profile };

    /// <exception cref="FaultException">The file of the URL has none that may be called.</exception>
    internal Uri Target()
    {
        var text = Url.Length > 0 ? Url : File.ReadAllText(UrlFile).Trim();
        return UrlProblem(text) is { } problem ? throw FaultException.Invalid("url", problem) : new Uri(text);
    }

    internal static bool IsName(string name) =>
        name.Length is > 0 and <= 32 && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-');

    internal IEnumerable<FieldProblem> Problems(string name)
    {
        var path = $"webhooks.{name}";
        if (!IsName(name))
            yield return new("webhooks", $"must have names of 1-32 of [a-z0-9-]; {PrintableText.Of(name)} is none");
        if (Url.Length > 0 == UrlFile.Length > 0)
            yield return new($"{path}.url", "must be set, or urlFile; not both");
        else if (Url.Length > 0 && UrlProblem(Url) is { } wrong)
            yield return new($"{path}.url", wrong);
        if (Url.Length == 0 && UrlInFile() is { } inFile && UrlProblem(inFile) is { } kept)
            yield return new($"{path}.urlFile", kept);
        foreach (var (field, file, needed) in new[] { ("urlFile", UrlFile, false), ("tlsRoots", TlsRoots, false),
            ("secretFile", SecretFile, Template.Length == 0) })
        {
            if ((needed || file.Length > 0) && OptionRules.FileProblem(file) is { } rule)
                yield return new($"{path}.{field}", rule);
        }
        if (SecretFile.Length > 0 && File.Exists(SecretFile) && WebhookSignature.KeysProblem(SecretFile) is { } weak)
            yield return new($"{path}.secretFile", weak);
        if (EventFilterRule.Problem(Filter) is { } filter)
            yield return new($"{path}.{filter.Field["filter.".Length..]}", filter.Rule);
        if (Template.Length > 0 && TemplateBody.Problem(Template) is { } template)
            yield return new($"{path}.template", template);
        if (Timeout < TimeSpan.FromSeconds(1) || Timeout > TimeSpan.FromSeconds(60))
            yield return new($"{path}.timeout", "must be 1s to 60s");
        if (GiveUpAfter < TimeSpan.FromSeconds(1) || GiveUpAfter > TimeSpan.FromDays(3))
            yield return new($"{path}.giveUpAfter", "must be 1s to 3d");
        if (MaxDeadLetters is < 1 or > 10_000)
            yield return new($"{path}.maxDeadLetters", "must be 1-10000");
    }

    // Null: it can't be read, which is another rule's.
    private string? UrlInFile()
    {
        try
        {
            return File.ReadAllText(UrlFile).Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }

    private static string? UrlProblem(string text)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.UserInfo.Length > 0)
            return "must be https://HOST[:PORT]/PATH, without a user";
        var literal = IPAddress.TryParse(url.DnsSafeHost, out var address);
        if (literal && OutboundHandler.IsLinkLocal(address!))
            return "must not be an address of the metadata service, or another that is link-local";
        return url.Scheme == Uri.UriSchemeHttps || (url.Scheme == Uri.UriSchemeHttp && literal && IPAddress.IsLoopback(address!)) ? null
            : "must be https://, or http:// of a loopback address (127.0.0.1)";
    }
}
