using System.Diagnostics;
using System.Security.Cryptography;
using Overture.Conductor.V1;
using Overture.TestSupport;

namespace Overture.Cli.Tests;

/// <summary>A real sshd on loopback, with a host key of its own and one client key that may log in as root.</summary>
internal sealed class Sshd : IAsyncDisposable
{
    private readonly TempDirectory directory = new();
    private Process? process;

    public int Port { get; } = FreePort.Next();
    public string ClientKey => directory.File("client");
    public SshHostKey HostKey { get; private set; } = null!;

    public static async Task<Sshd> Start()
    {
        var sshd = new Sshd();
        foreach (var key in new[] { "host", "client" })
            (await Shell.Run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", sshd.directory.File(key))).Ok();
        var parts = (await File.ReadAllTextAsync(sshd.directory.File("host.pub"))).Split(' ');
        sshd.HostKey = new SshHostKey { Type = parts[0], Key = parts[1],
            Fingerprint = "SHA256:" + Convert.ToBase64String(SHA256.HashData(Convert.FromBase64String(parts[1]))).TrimEnd('=') };
        await File.WriteAllTextAsync(sshd.directory.File("config"),
            $"""
            ListenAddress 127.0.0.1:{sshd.Port}
            HostKey {sshd.directory.File("host")}
            AuthorizedKeysFile {sshd.directory.File("client.pub")}
            StrictModes no
            UsePAM no
            PasswordAuthentication no
            PermitRootLogin prohibit-password
            PidFile none

            """);
        Directory.CreateDirectory("/run/sshd"); // where it drops its privileges; a package's own start makes it
        sshd.process = Process.Start(new ProcessStartInfo("/usr/sbin/sshd",
            ["-D", "-e", "-f", sshd.directory.File("config")]) { RedirectStandardError = true })!;
        sshd.process.ErrorDataReceived += (_, _) => { };
        sshd.process.BeginErrorReadLine();
        await Eventually.True(async () => (await Shell.Run("ssh-keyscan", "-T", "1", "-p", $"{sshd.Port}", "127.0.0.1")).Output.Length > 0,
            "sshd answers");
        return sshd;
    }

    public async ValueTask DisposeAsync()
    {
        if (process is { HasExited: false })
        {
            process.Kill();
            await process.WaitForExitAsync();
        }
        process?.Dispose();
        directory.Dispose();
    }
}
