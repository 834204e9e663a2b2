using Overture.CertAuthority.V1;
using Overture.Cli.Output;
using Overture.Platform.Certificates;
using Overture.Platform.Records;

namespace Overture.Cli.Hooks;

/// <summary>
/// overture-autosign CERTNAME &lt; csr.pem: Puppet's policy autosign (docs/puppet-contracts.md §4). Exit 0 signs; anything else leaves the
/// request pending. Reads stdin to its end whatever happens: puppetserver answers 500 when a policy closes it early (SERVER-1116). Started
/// by
/// <see cref="AutosignLauncher"/> alone.
/// </summary>
internal static class AutosignHook
{
    private const int Kept = 64 * 1024;
    private const string Name = "overture-autosign";
    private static readonly string[] ConfigDirectories = ["/etc/puppet", "/etc/puppetlabs/puppet"];

    public static Task<int> Run(string[] args)
    {
        var began = TimeProvider.System.GetTimestamp();
        if (HookArguments.AsksForHelp(args))
            return Help(began);
        return Decide(args, args is ["--replay", ..] ? Task.FromResult<string?>(null) : Task.Run(Drain), began);
    }

    /// <summary>The binary under the hook's name: without its x bit it would sign every request, so it signs none with it either.</summary>
    public static async Task<int> Refuse(string[] args)
    {
        var began = TimeProvider.System.GetTimestamp();
        if (HookArguments.AsksForHelp(args))
            return await Help(began);
        var reading = args is ["--replay", ..] ? Task.FromResult<string?>(null) : Task.Run(Drain);
        Printer.Say(
            $"{Name}: this is the overture binary and not its launcher, so it signs nothing: a puppetserver that may not execute it "
                + "would read it as a list of names "
            + "that matches every name; next: overture hook install /usr/bin/overture-autosign");
        await Drained(reading, began);
        return ExitCodes.Config;
    }

    // puppetserver, for a request with that name, has its stdin read to the end as ever; a person at a terminal has nothing to send.
    private static async Task<int> Help(long began)
    {
        var exit = HookHelp.Print(Name);
        if (Console.IsInputRedirected)
            await Drained(Task.Run(Drain), began);
        return exit;
    }

    private static async Task<int> Decide(string[] args, Task<string?> reading, long began)
    {
        var exit = await HookCall.Run(Name, args, async (call, config) =>
        {
            if (call.Replay is { } look)
                Warn(look);
            var csr = call.Replay is null ? await Whole(reading) : FromFile(call.Arguments.Request);
            call.Replay?.Step($"request {call.Arguments.Request}");
            var request = new AuthorizeCertificateRequestRequest
            {
                Certname = call.Arguments.Certname,
                CsrPem = csr ?? throw Failure.Usage($"the request has more than {Kept / 1024} KiB"),
            };
            var answer = await call.Ask(config, "certAuthority", config.CertAuthority,
                "overture.certauthority.v1.CertAuthorityService/AuthorizeCertificateRequest", request,
                    AuthorizeCertificateRequestResponse.Parser);
            call.Replay?.Step($"answer: {answer.Decision?.Outcome} {answer.Decision?.Reason}");
            if (answer.Decision?.Outcome == "sign")
                return ExitCodes.Ok;
            throw new Failure(ExitCodes.Failed, answer.Decision is { } d
                ? $"{d.Outcome}: {d.Sentence}" : "no decision") { Reason = answer.Decision?.Reason ?? "" };
        });
        if (args.Length > 0 && args[0] == "--replay")
            return exit;
        await Drained(reading, began);
        return exit;
    }

    // Also after a failure that never looked at it; a sender that does not stop within the limit is cut off.
    private static async Task Drained(Task<string?> reading, long began)
    {
        var left = HookCall.Limit - TimeProvider.System.GetElapsedTime(began);
        if (left > TimeSpan.Zero)
            await Task.WhenAny(reading, Task.Delay(left));
    }

    // What beside this hook would sign, where a person looks on who can read it.
    private static void Warn(Replay replay)
    {
        foreach (var directory in ConfigDirectories.Where(Directory.Exists))
        {
            try
            {
                foreach (var finding in AutosignSetting.Findings(directory))
                    replay.Step($"warning: {finding}");
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                replay.Step($"warning: {e.Message}");
            }
        }
    }

    private static async Task<string?> Whole(Task<string?> reading)
    {
        try
        {
            return await reading;
        }
        catch (NotUtf8Exception e)
        {
            throw new Failure(ExitCodes.Failed, $"the request {e.Message}");
        }
    }

    private static string? FromFile(string file) => YamlFile.Text(file, ExitCodes.Usage) is { Length: <= Kept } text ? text : null;

    /// <returns>The text, or null where it was longer than a request can be.</returns>
    /// <exception cref="NotUtf8Exception">To be refused: PEM is ASCII.</exception>
    private static string? Drain()
    {
        using var stdin = Console.OpenStandardInput();
        var kept = new byte[Kept];
        var length = 0;
        var rest = new byte[16 * 1024];
        var tooLong = false;
        while (true)
        {
            var read = length < Kept ? stdin.Read(kept, length, Kept - length) : stdin.Read(rest);
            if (read == 0)
                return tooLong ? null : Utf8Text.Read(kept.AsSpan(0, length));
            if (length < Kept)
                length += read;
            else
                tooLong = true;
        }
    }
}
