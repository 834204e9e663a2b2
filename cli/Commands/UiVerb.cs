using System.CommandLine;
using System.ComponentModel;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Overture.Cli.Output;
using Overture.Platform.Tls;
using Option = System.CommandLine.Option;

namespace Overture.Cli.Commands;

/// <summary>
/// overture ui: signs that the console may act for this person for a while, hands that to it, and opens the one-time link it answers with.
/// </summary>
internal sealed class UiVerb : Verb
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(15), Least = TimeSpan.FromMinutes(1);
    private static readonly string[] Desktops = ["DISPLAY", "WAYLAND_DISPLAY"];

    private readonly Option<bool> print = new("--print") { Description = "Print the link and open no browser" };
    private readonly Option<TimeSpan?> life = Durations.Of("--for", "How long the console may act for you, 8h at most (8h)", "1h");

    public UiVerb() : base("ui", "Open the console in a browser, signed in as you", "overture ui", "overture ui --print --for 1h")
    {
        foreach (var option in new Option[] { print, life })
            Options.Add(option);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var lasting = session.Parse.GetValue(life) ?? DelegationStatement.Longest;
        if (lasting < Least || lasting > DelegationStatement.Longest)
            throw Failure.Usage("--for must be 1m to 8h");
        var (config, address) = (session.Config, session.Config.Console);
        // 1. Which console it is: its certificate, of the internal PKI and of that role, is named in what is signed.
        byte[] console = [];
        using var handler = MutualTls.Handler(config, address, "console", session.Clock);
        var judge = handler.SslOptions.RemoteCertificateValidationCallback!;
        handler.SslOptions.RemoteCertificateValidationCallback = (sender, certificate, chain, errors) =>
        {
            if (!judge(sender, certificate, chain, errors) || certificate is not X509Certificate2 shown)
                return false;
            console = shown.GetCertHash(HashAlgorithmName.SHA256);
            return true;
        };
        using var http = new HttpClient(handler) { BaseAddress = new Uri($"https://{address}"), Timeout = Limit };
        await Ask(http, address, new HttpRequestMessage(HttpMethod.Get, "/session"), cancel);
        // 2. The statement. The key stays here.
        using var person = X509Certificate2.CreateFromPemFile(config.Certificate, config.Key);
        var statement = DelegationStatement.Sign(person, console, session.Clock.GetUtcNow() + lasting,
            RandomNumberGenerator.GetBytes(DelegationStatement.NonceLength));
        using var body = new ByteArrayContent(statement.ToByteArray());
        body.Headers.ContentType = new MediaTypeHeaderValue("application/x-protobuf");
        var answer = await Ask(http, address, new HttpRequestMessage(HttpMethod.Post, "/session") { Content = body }, cancel);
        // 3. The link: for a browser, or for the person.
        var link = ConsoleLink.Read(answer.GetProperty("link").GetString() ?? "", address) ?? throw new Failure(ExitCodes.Unavailable,
            $"the console answers with a link that is not https://{address}/enter/TOKEN, so it is neither opened nor shown",
            "url of the console's options must be https:// and what the key console of the configuration names") { Code = "UNAVAILABLE" };
        var shownLink = new Struct { Fields = { ["link"] = Value.ForString(link.AbsoluteUri),
            ["person"] = Value.ForString(answer.GetProperty("person").GetString() ?? ""),
            ["seconds"] = Value.ForNumber(answer.GetProperty("seconds").GetInt32()) } };
        var opened = !session.Parse.GetValue(print) && !Console.IsOutputRedirected && Opens(link);
        session.Printer.Answer(shownLink, _ => Printer.Document(link.AbsoluteUri));
        Printer.Say($"{(opened ? "a browser was asked to open it" : "open it in a browser")}; it works once, within a minute");
        return ExitCodes.Ok;
    }

    private static async Task<JsonElement> Ask(HttpClient http, string address, HttpRequestMessage request, CancellationToken cancel)
    {
        try
        {
            using (request)
            {
                using var response = await http.SendAsync(request, cancel);
                using var document = JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync(cancel));
                if (response.StatusCode == HttpStatusCode.ServiceUnavailable)
                {
                    throw new Failure(ExitCodes.Unavailable, $"the console at {address} can't take it now: {Why(document.RootElement)}",
                        "try again in a minute") { Code = "UNAVAILABLE" };
                }
                return response.IsSuccessStatusCode ? document.RootElement.Clone() : throw Refused(document.RootElement, address);
            }
        }
        catch (Exception e) when ((e is HttpRequestException or JsonException
            || (e is OperationCanceledException && !cancel.IsCancellationRequested)))
        {
            throw new Failure(ExitCodes.Unavailable, $"the console at {address} does not answer: {Innermost(e).Message}",
                "does it run? its address is the key console of the configuration") { Code = "UNAVAILABLE" };
        }
    }

    private static Failure Refused(JsonElement answer, string address)
    {
        return new Failure(ExitCodes.Denied, $"the console at {address} refuses: {Why(answer)}",
            "use a person's certificate, or one of the roles admin, operator and viewer (tls.certificate)")
        {
            Code = "PERMISSION_DENIED", Reason = answer.TryGetProperty("reason", out var reason) ? reason.GetString() ?? "" : "",
        };
    }

    private static string Why(JsonElement answer) =>
        answer.TryGetProperty("error", out var error) ? error.GetString() ?? "" : "it gives no reason";

    private static Exception Innermost(Exception e) => e.InnerException is { } inner ? Innermost(inner) : e;

    // Where there is a desktop. Everyone on this machine may read the program's command line: it has a file's name, not the link.
    private static bool Opens(Uri link)
    {
        if (!Desktops.Any(v => Environment.GetEnvironmentVariable(v) is { Length: > 0 }))
            return false;
        try
        {
            using var browser = Process.Start(new ProcessStartInfo("xdg-open",
                [ConsoleLink.WritePage(link, ConsoleLink.Directory)]) { RedirectStandardError = true,
                RedirectStandardOutput = true });
            return browser is not null;
        }
        catch (Exception e) when (e is Win32Exception or IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
