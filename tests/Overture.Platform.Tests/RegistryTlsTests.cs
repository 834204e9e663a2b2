using Overture.Platform.Registry;
using Overture.TestSupport;

namespace Overture.Platform.Tests;

/// <summary>A real redis-server that speaks TLS alone, with certificates of a throw-away CA.</summary>
[Trait("Category", "integration")]
public sealed class RegistryTlsTests : IAsyncLifetime
{
    private const string Password = "a-password-nobody-may-read";
    private readonly TestPuppetCa ca = new();
    private readonly TempDirectory files = new();
    private readonly LoggedLines<RegistryConnection> log = new();
    private RedisServer redis = null!;
    private RegistryConnection? connection;

    public async Task InitializeAsync()
    {
        await File.WriteAllTextAsync(files.File("password"), Password + "\n");
        await Serve("localhost");
    }

    public async Task DisposeAsync()
    {
        if (connection is not null)
            await connection.StopAsync(default);
        connection?.Dispose();
        await redis.DisposeAsync();
        ca.Dispose();
        files.Dispose();
    }

    [Fact]
    public async Task Connect_CertificateOfOurRootsForTheHost_Works()
    {
        await Connect(ca.BundleFile);
        await Eventually.True(() => connection!.Healthy, "the registry is connected");
        Assert.DoesNotContain(log.Said, l => l.Contains("registry.tls_refused", StringComparison.Ordinal));
        NoSecret();
    }

    [Fact]
    public async Task Connect_CertificateForAnotherHost_IsRefusedAndSaysSo()
    {
        await redis.DisposeAsync();
        await Serve("redis.example.com");
        await Connect(ca.BundleFile);
        await Refused("it is not for localhost");
    }

    [Fact]
    public async Task Connect_CertificateOfAForeignCa_IsRefusedAndSaysSo()
    {
        using var other = new TestPuppetCa();
        await Connect(other.BundleFile);
        await Refused("registry.tlsRoots do not vouch for it (");
    }

    [Fact]
    public async Task Connect_NoRootsNamed_TheSystemsAreAsked()
    {
        await Connect("");
        await Refused("the system's CAs do not vouch for it (");
    }

    [Fact]
    public async Task Connect_WithoutTls_IsNotServed()
    {
        await Connect("", tls: false);
        await Eventually.True(() => log.Said.Any(l => l.StartsWith("registry.unavailable", StringComparison.Ordinal)), "that is logged");
        Assert.False(connection!.Healthy);
        NoSecret();
    }

    private async Task Serve(string host)
    {
        var (certificate, key) = ca.IssuePem(host, host);
        redis = await RedisServer.StartTls(certificate + "\n" + ca.BundlePem, key, Password);
    }

    private async Task Connect(string roots, bool tls = true)
    {
        connection = new RegistryConnection(
            new RegistryOptions { Endpoint = $"localhost:{redis.Port}", Tls = tls, TlsRoots = roots,
            PasswordFile = files.File("password") }, new RegistryKeys(""), new RegistryRights("classifier", ""), TimeProvider.System, log);
        await connection.StartAsync(default);
    }

    private async Task Refused(string why)
    {
        await Eventually.True(() => log.Said.Any(l => l.Contains("registry.tls_refused", StringComparison.Ordinal)),
            "the refusal is logged");
        Assert.Contains(log.Said, l => l.Contains($"localhost:{redis.Port}: its certificate is refused: {why}", StringComparison.Ordinal));
        Assert.False(connection!.Healthy);
        NoSecret();
    }

    private void NoSecret() => Assert.DoesNotContain(log.Said, l => l.Contains(Password, StringComparison.Ordinal));
}
