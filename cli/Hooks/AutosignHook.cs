using Overture.CertAuthority.V1;

namespace Overture.Cli.Hooks;

/// <summary>
/// overture-autosign CERTNAME &lt; csr.pem: Puppet's policy autosign (puppet-contracts §4). Exit 0 signs; anything else leaves the request
/// pending. Reads stdin to its end whatever happens: puppetserver answers 500 when a policy closes it early (SERVER-1116).
/// </summary>
internal static class AutosignHook
{
    private const int Kept = 64 * 1024;

    public static Task<int> Run(string[] args)
    {
        var began = TimeProvider.System.GetTimestamp();
        return Decide(args, args is ["--replay", ..] ? Task.FromResult<string?>(null) : Task.Run(Drain), began);
    }

    private static async Task<int> Decide(string[] args, Task<string?> reading, long began)
    {
        var exit = await HookCall.Run("overture-autosign", args, async (call, config) =>
        {
            var csr = call.Replay is null ? await reading : FromFile(call.Arguments.Request);
            call.Replay?.Step($"request {call.Arguments.Request}");
            var request = new AuthorizeCertificateRequestRequest
            {
                Certname = call.Arguments.Certname,
                CsrPem = csr ?? throw Failure.Usage($"the request has more than {Kept / 1024} KiB"),
            };
            var answer = await call.Ask(config, "certAuthority", config.CertAuthority,
                "overture.certauthority.v1.CertAuthorityService/AuthorizeCertificateRequest", request, AuthorizeCertificateRequestResponse.Parser);
            call.Replay?.Step($"answer: {answer.Decision?.Outcome} {answer.Decision?.Reason}");
            if (answer.Decision?.Outcome == "sign")
                return ExitCodes.Ok;
            throw new Failure(ExitCodes.Failed, answer.Decision is { } d ? $"{d.Outcome}: {d.Sentence}" : "no decision") { Reason = answer.Decision?.Reason ?? "" };
        });
        if (args.Length > 0 && args[0] == "--replay")
            return exit;
        // Also after a failure that never looked at it; a sender that does not stop within the limit is cut off.
        var left = HookCall.Limit - TimeProvider.System.GetElapsedTime(began);
        if (left > TimeSpan.Zero)
            await Task.WhenAny(reading, Task.Delay(left));
        return exit;
    }

    private static string? FromFile(string file) => YamlFile.Text(file, ExitCodes.Usage) is { Length: <= Kept } text ? text : null;

    /// <returns>The text, or null where it was longer than a request can be.</returns>
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
                return tooLong ? null : System.Text.Encoding.UTF8.GetString(kept, 0, length);
            if (length < Kept)
                length += read;
            else
                tooLong = true;
        }
    }
}
