using System.Diagnostics;
using System.Text.RegularExpressions;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>The real agent: Debian's Puppet.</summary>
[Collection(CaCollection.Name), Trait("Category", "integration")]
public sealed class PuppetAgentTests(CaHouse house) : IAsyncLifetime
{
    private readonly TempDirectory node = new();
    private RunningCa ca = null!;

    public async Task InitializeAsync() => ca = await house.Start("puppet");

    public async Task DisposeAsync()
    {
        await ca.DisposeAsync();
        node.Dispose();
    }

    [Fact]
    public async Task SslBootstrap_WithToken_TakesFourRequestsAndLessThanFiveSeconds()
    {
        var instance = await house.Launch();
        await WriteToken(instance.Token);
        var started = Stopwatch.GetTimestamp();

        var (exit, output) = await Puppet(instance.Name.ToString(), "bootstrap");

        var took = Stopwatch.GetElapsedTime(started);
        Assert.True(exit == 0, output);
        Assert.Contains("Completed SSL initialization", output, StringComparison.Ordinal);
        Assert.True(took < TimeSpan.FromSeconds(5), $"took {took.TotalSeconds:0.0} s");
        Assert.Equal(
            [
                "\"GET /puppet-ca/v1/certificate/ca HTTP/1.1\" 200",
                "\"GET /puppet-ca/v1/certificate_revocation_list/ca HTTP/1.1\" 200",
                $"\"PUT /puppet-ca/v1/certificate_request/{instance.Name} HTTP/1.1\" 200",
                $"\"GET /puppet-ca/v1/certificate/{instance.Name} HTTP/1.1\" 200",
            ],
            ca.AccessLog.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => Regex.Match(l, "^127\\.0\\.0\\.1 - - \\[\\d\\d/[A-Z][a-z]{2}/\\d{4}:\\d\\d:\\d\\d:\\d\\d \\+0000\\] (\".*\" \\d+) (\\d+|-)$").Groups[1].Value));
    }

    [Fact]
    public async Task SslVerify_AfterBootstrap_IsContentWithChainAndRevocationLists()
    {
        var instance = await house.Launch();
        await WriteToken(instance.Token);
        var (exit, output) = await Puppet(instance.Name.ToString(), "bootstrap");
        Assert.True(exit == 0, output);

        (exit, output) = await Puppet(instance.Name.ToString(), "verify");

        Assert.True(exit == 0, output);
        Assert.Contains("Verified client certificate", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task SslBootstrap_WrongToken_EndsWithoutCertificate()
    {
        var instance = await house.Launch();
        await WriteToken("notthetoken");

        var (exit, output) = await Puppet(instance.Name.ToString(), "bootstrap");

        Assert.Equal(1, exit);
        Assert.Contains("403", output, StringComparison.Ordinal);
        Assert.Null(await ca.Certificate(instance.Name));
    }

    private async Task WriteToken(string token)
    {
        Directory.CreateDirectory(node.File("conf"));
        await File.WriteAllTextAsync(node.File("conf/csr_attributes.yaml"), $"custom_attributes:\n  1.2.840.113549.1.9.7: {token}\n");
    }

    private Task<(int, string)> Puppet(string certname, string action) => Tool.Run("puppet", "ssl", action,
        "--confdir", node.File("conf"), "--vardir", node.File("var"), "--ssldir", node.File("ssl"), "--certname", certname,
        "--ca_server", "localhost", "--ca_port", $"{ca.ApiPort}", "--keylength", "2048", "--waitforcert", "0", "--color", "false");
}
