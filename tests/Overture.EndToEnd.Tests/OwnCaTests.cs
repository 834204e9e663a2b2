using System.Globalization;
using Overture.TestSupport;

namespace Overture.EndToEnd.Tests;

/// <summary>
/// A real puppetserver that the module configured with `ca => stock`: its own CA signs what the policy executable lets in.
/// </summary>
[Trait("Category", "full")]
public sealed class OwnCaTests : IDisposable
{
    private const string Name = "own-ca.example.org";
    private readonly TempDirectory home = new();
    private readonly string port = FreePort.Next().ToString(CultureInfo.InvariantCulture);

    [Fact]
    public async Task Puppetserver_WithItsOwnCa_SignsByPolicyAndRefusesWhatItRevoked()
    {
        (await Shell.Run(RepositoryPaths.File("eng/puppetserver.sh"),
        [
            "apply", home.File("server"), "certname=localhost", "ca=stock", "dns_alt_names=[localhost]", "autosign=/mnt/bin/policy",
            $"port={port}", "listen=127.0.0.1",
            "report_url=https://localhost/reports", "max_active_instances=1",
        ], null)).Ok();
        // In overture-autosign's place: yes to this one name.
        await File.WriteAllTextAsync(home.File("server/bin/policy"), $"#!/bin/sh\ntest \"$1\" = {Name}\n");
        File.SetUnixFileMode(home.File("server/bin/policy"), (UnixFileMode)0x1ED); // 0755
        using var jvm = CompileServer.Launch(home.File("server"));
        try
        {
            await Eventually.True(async () => jvm.HasExited || (await Curl("status/v1/simple", "-k")).Output == "running",
                "the puppetserver runs", TimeSpan.FromMinutes(4));

            (await Agent(Name)).Ok();
            Assert.NotEqual(0, (await Agent("other.example.org")).ExitCode);
            Assert.True(File.Exists(home.File("server/conf/ca/requests/other.example.org.pem")));

            string[] node = ["--cacert", home.File("agent/s/certs/ca.pem"), "--cert", home.File($"agent/s/certs/{Name}.pem"), "--key",
                home.File($"agent/s/private_keys/{Name}.pem")];
            Assert.Equal("200", (await Curl("puppet/v3/environments", node)).Output[^3..]);
            var server = home.File("server/ssl");
            Assert.Equal("204", (await Curl($"puppet-ca/v1/certificate_status/{Name}", "--cacert", $"{server}/certs/ca.pem", "--cert",
                $"{server}/certs/localhost.pem", "--key", $"{server}/private_keys/localhost.pem",
                "-X", "PUT", "-H", "Content-Type: application/json", "-d", "{\"desired_state\":\"revoked\"}")).Output[^3..]);
            // By its own CRL, which only it refreshes.
            await Eventually.True(async () => (await Curl("puppet/v3/environments", node)).Output[^3..] == "000",
                "the revoked node is refused");
        }
        finally
        {
            jvm.StandardInput.Close();
            await jvm.WaitForExitAsync();
        }
    }

    public void Dispose() => home.Dispose();

    // The status code follows the body, except for the status page.
    private Task<Ran> Curl(string path, params string[] arguments) =>
        Shell.Run("curl", ["-s", "--noproxy", "*", .. arguments, .. (string[])(arguments is ["-k"] ? [] : ["-w", "%{http_code}"]),
            $"https://localhost:{port}/{path}"], null);

    private Task<Ran> Agent(string name) => Shell.Run("puppet",
        [
            "ssl", "bootstrap", "--waitforcert", "0", "--confdir", home.File("agent/c"), "--vardir", home.File("agent/v"), "--ssldir",
            home.File("agent/s"), "--publicdir", home.File("agent/v/public"),
            "--rundir", home.File("agent/v/run"), "--logdir", home.File("agent/v/log"), "--ca_server", "localhost", "--ca_port", port,
            "--certname", name, "--keylength", "2048", "--color", "false",
        ], null);
}
