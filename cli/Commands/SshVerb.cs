using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Overture.Cli.Output;
using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>overture ssh: logs in, and believes no host key but those that the instance's console shows.</summary>
internal sealed class SshVerb : Verb
{
    private readonly Argument<string> name = Names.One();
    private readonly Argument<string[]> rest = new("ARGS")
    {
        Description = "For ssh: its options, or a command",
        Arity = ArgumentArity.ZeroOrMore,
    };
    private readonly Option<string?> user = new("-l", "--user") { Description = "Log in as (ssh's own default)", HelpName = "USER" };
    private readonly Option<int> port = new("-p", "--port")
    {
        Description = "Port of sshd",
        HelpName = "PORT",
        DefaultValueFactory = _ => 22,
    };
    private readonly Option<string?> address = new("--address")
    {
        Description = "Address, instead of the one the provider reports",
        HelpName = "HOST",
    };

    public SshVerb() : base("ssh", "Log in to an instance, its host key pinned to what its console shows",
        "overture ssh 4f1c", "overture ssh 4f1c --user admin -- uptime", "overture ssh 4f1c -- -i ~/.ssh/web -L 8080:localhost:80")
    {
        Arguments.Add(name);
        Arguments.Add(rest);
        Options.Add(user);
        Options.Add(port);
        Options.Add(address);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        // 1. the host keys on the console
        var certname = await Names.Resolve(session, session.Parse.GetRequiredValue(name), cancel);
        var console = await session.Conductor((c, o) => c.GetConsoleAsync(new() { Certname = certname }, o), cancel);
        HostKeys.Demand(console, certname);
        var host = session.Parse.GetValue(address) ?? console.Addresses.FirstOrDefault()
            ?? throw new Failure(ExitCodes.Conflict, $"the provider reports no address of {certname}", "give one: --address HOST");
        // ssh would take it for an option.
        if (host.StartsWith('-'))
            throw new Failure(ExitCodes.Conflict, $"'{Printable.Line(host)}' is not an address", "give one: --address HOST");
        var at = session.Parse.GetValue(port);
        // 2. only fingerprints: whatever the host shows must be among them
        if (console.HostKeys.All(k => k.Key.Length == 0))
            console = await Scanned(console, certname, host, at, cancel);
        // 3. ssh, with those keys and no others
        var pinned = Path.Combine(Path.GetTempPath(), $"overture-known-hosts-{RandomNumberGenerator.GetHexString(16, lowercase: true)}");
        try
        {
            await WritePrivate(pinned, HostKeys.KnownHosts(console, [certname]), cancel);
            return await Ssh(pinned, certname, host, at, session, cancel);
        }
        finally
        {
            File.Delete(pinned);
        }
    }

    private async Task<int> Ssh(string pinned, string certname, string host, int at, Session session, CancellationToken cancel)
    {
        List<string> arguments =
        [
            "-o", $"UserKnownHostsFile=\"{pinned.Replace("%", "%%", StringComparison.Ordinal)}\"", "-o", "GlobalKnownHostsFile=/dev/null",
            "-o", "StrictHostKeyChecking=yes", "-o", "UpdateHostKeys=no",
            "-o", $"HostKeyAlias={certname}", "-o", "CheckHostIP=no",
            // What else could vouch for a host, or reach another one: a user's own configuration must not.
            "-o", "IgnoreUnknown=KnownHostsCommand", "-o", "KnownHostsCommand=none", "-o", "VerifyHostKeyDNS=no", "-o", "ControlPath=none",
                "-p", at.ToString(CultureInfo.InvariantCulture),
        ];
        if (session.Parse.GetValue(user) is { } login)
            arguments.AddRange(["-l", login]);
        // ssh's own options may follow the host, as may a command.
        arguments.Add(host);
        arguments.AddRange(session.Parse.GetValue(rest) ?? []);
        // Its terminal is ours, and so is Ctrl-C: in a session ssh has it typed, before one both end.
        using var ssh = Started(new ProcessStartInfo("ssh", arguments));
        try
        {
            await ssh.WaitForExitAsync(cancel);
        }
        catch (OperationCanceledException)
        {
            // A signal for us alone (SIGTERM): it must not outlive the file with its keys.
            ssh.Kill();
            await ssh.WaitForExitAsync(CancellationToken.None);
            throw;
        }
        return ssh.ExitCode;
    }

    private static async Task<GetConsoleResponse> Scanned(GetConsoleResponse console, string certname, string host, int at,
        CancellationToken cancel)
    {
        var wanted = console.HostKeys.Select(k => k.Fingerprint).ToHashSet(StringComparer.Ordinal);
        var start = new ProcessStartInfo("ssh-keyscan", ["-T", "10", "-p", at.ToString(CultureInfo.InvariantCulture), "--", host]) {
            RedirectStandardOutput = true, RedirectStandardError = true };
        using var scan = Started(start);
        var errors = scan.StandardError.ReadToEndAsync(cancel);
        var lines = await scan.StandardOutput.ReadToEndAsync(cancel);
        await errors;
        await scan.WaitForExitAsync(cancel);
        var shown = lines.Split('\n').Where(l => !l.StartsWith('#')).Select(l => l.Split(' ')).Where(p => p.Length >= 3)
            .Select(p => new SshHostKey { Type = p[1], Key = p[2], Fingerprint = FingerprintOf(p[2]) }).ToList();
        if (shown.Count == 0)
            throw new Failure(ExitCodes.Unavailable, $"no sshd answers at {host}:{at}", "is it up, and does a firewall let you through?");
        var genuine = shown.Where(k => wanted.Contains(k.Fingerprint)).ToList();
        if (genuine.Count == 0)
        {
            throw new Failure(ExitCodes.Denied,
                $"{host} shows other host keys than the console of {certname}: the connection may be intercepted",
                $"compare: overture instance console {certname} --fingerprints");
        }
        return new GetConsoleResponse { HostKeys = { genuine }, Addresses = { console.Addresses } };
    }

    private static Process Started(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new Failure(ExitCodes.Config, $"{start.FileName} can't be started: {e.Message}", "apt-get install openssh-client");
        }
    }

    private static string FingerprintOf(string key)
    {
        var blob = new byte[key.Length];
        return Convert.TryFromBase64String(key, blob, out var length)
            ? "SHA256:" + Convert.ToBase64String(SHA256.HashData(blob.AsSpan(0, length))).TrimEnd('=') : "";
    }

    private static async Task WritePrivate(string path, IEnumerable<string> lines, CancellationToken cancel)
    {
        await using var file = new FileStream(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite });
        await file.WriteAsync(Encoding.ASCII.GetBytes(string.Concat(lines.Select(l => l + "\n"))), cancel);
    }
}
