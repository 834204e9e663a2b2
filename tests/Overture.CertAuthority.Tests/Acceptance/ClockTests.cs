using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Overture.TestSupport;
using Microsoft.Extensions.DependencyInjection;
using Overture.CertAuthority.Revocation;
using Overture.CertAuthority.Signing;

namespace Overture.CertAuthority.Tests.Acceptance;

/// <summary>
/// The real agent 7.23, under faketime, and a CA whose clock goes with it: Puppet 7 keeps its first list of revoked certificates forever,
/// and once that has expired, the agent cannot even fetch another. That is why a list is good for as long as a leaf.
/// </summary>
[Trait("Category", "integration")]
public sealed class ClockTests : IAsyncLifetime
{
    private readonly CaFixture house = new();
    private readonly HurriedClock clock = new();

    public async Task InitializeAsync()
    {
        await house.InitializeAsync();
        // Two replicas whose clocks are years apart would replace each other's lists.
        await house.Ca.DisposeAsync();
    }

    public Task DisposeAsync() => house.DisposeAsync();

    [Fact]
    public async Task FirstList_After200Days_IsStillGood()
    {
        const int days = 200;
        await using var ca = await Start();
        var first = await Leaf(ca);
        using var agent = await Bootstrapped(ca);
        var list = await File.ReadAllTextAsync(agent.File("ssl/crl.pem"));

        await Pass(ca, agent, days);

        // The CA shows another certificate than the first: that one is over after 180 days.
        await Eventually.True(async () => await Leaf(ca) is var now && now.Serial != first.Serial && now.NotAfter > clock.GetUtcNow(),
            "the CA API's own certificate was renewed");
        await Says(agent.Ssl("verify"), 0, "Verified client certificate");
        await Says(agent.Bootstrap(), 0, "Completed SSL initialization");
        // Over TLS, by the list of the first day.
        await Says(agent.Ssl("download_cert"), 0);
        Assert.Equal(list, await File.ReadAllTextAsync(agent.File("ssl/crl.pem")));
    }

    [Fact]
    public async Task FirstList_AfterSixYears_EndsWithTheCertificateAndNotBefore()
    {
        await using var ca = await Start();
        using var agent = await Bootstrapped(ca);
        var list = CrlDocument.Read(
            CrlPem.Split(await File.ReadAllTextAsync(agent.File("ssl/crl.pem")))[0], ca.Services.GetRequiredService<CaSigner>().Ca);
        using var certificate = X509Certificate2.CreateFromPem(await File.ReadAllTextAsync(agent.Certificate));
        Assert.True(list.NextUpdate >= certificate.NotAfter.ToUniversalTime().AddMinutes(-2),
            $"{list.NextUpdate:O} {certificate.NotAfter.ToUniversalTime():O}");

        await Pass(ca, agent, 6 * 365);

        await Says(agent.Ssl("verify"), 1, "expired");
    }

    [Fact]
    public async Task ListOfAWeek_AfterEightDays_CannotHeal()
    {
        await using var ca = await Start(TimeSpan.FromDays(7));
        using var agent = await Bootstrapped(ca);

        await Pass(ca, agent, 8);

        // The CA has a new list that is good for another week...
        await Eventually.True(async () => (await ca.Admin.GetCrlAsync(new())) is var list && CrlDocument.Read(CrlPem.Split(list.CrlPem)[0],
            ca.Services.GetRequiredService<CaSigner>().Ca).NextUpdate > clock.GetUtcNow().AddDays(6), "a fresh list");
        // ...which the agent never sees, neither by itself nor with its refresh setting: its own list bars every connection.
        await Says(agent.Ssl("verify"), 1, "has expired");
        await Says(agent.Bootstrap(), 1, "has expired");
        await Says(agent.Bootstrap("--crl_refresh_interval", "1d"), 1, "has expired");
    }

    [Fact]
    public async Task ListOfAWeek_RefreshedDaily_IsReplacedInTime()
    {
        await using var ca = await Start(TimeSpan.FromDays(7));
        using var agent = await Bootstrapped(ca);
        var first = await File.ReadAllTextAsync(agent.File("ssl/crl.pem"));

        await Pass(ca, agent, 5);
        await Says(agent.Bootstrap("--crl_refresh_interval", "1d"), 0, "Refreshing CRL");
        Assert.NotEqual(first, await File.ReadAllTextAsync(agent.File("ssl/crl.pem")));

        await Pass(ca, agent, 8);
        await Says(agent.Ssl("verify"), 0, "Verified client certificate");
        await Says(agent.Ssl("download_cert"), 0);
    }

    [Fact]
    public async Task ExpiredCertificate_LeavesTheList()
    {
        await using var ca = await Start(leaf: TimeSpan.FromDays(1));
        using var node = await ca.Node();
        await ca.Admin.RevokeCertificateAsync(new() { Certname = node.Name.ToString(), Reason = "a test" });
        Assert.Contains(node.Serial, await Listed(ca));

        // Not because the date says so: because so long has passed.
        clock.Passed = TimeSpan.FromDays(3);

        await Eventually.True(async () => !(await Listed(ca)).Contains(node.Serial), "a list without it");
    }

    private Task<RunningCa> Start(TimeSpan? nextUpdate = null, TimeSpan? leaf = null)
    {
        var options = house.Options("clock") with { Clock = clock };
        // What is shorter than 30 s the hurried clock leaves alone; else each request would have a tenth of a second.
        options = options
            with { PuppetApi = options.PuppetApi with { Limits = options.PuppetApi.Limits with { Request = TimeSpan.FromSeconds(29) } } };
        if (nextUpdate is { } until)
            options = options with { Crl = new() { NextUpdate = until } };
        return RunningCa.Start(house, leaf is { } life ? options with { LeafLife = life } : options);
    }

    private async Task<AgentHost> Bootstrapped(RunningCa ca)
    {
        var agent = AgentHost.Of(ca, await house.Launch());
        await Says(agent.Bootstrap(), 0, "Completed SSL initialization");
        return agent;
    }

    // For both: the agent's host by faketime, the CA by its clock, until it serves a list of that day.
    private async Task Pass(RunningCa ca, AgentHost agent, int days)
    {
        clock.Shift = TimeSpan.FromDays(days);
        agent.Clock = $"+{days}d";
        var begin = clock.GetUtcNow().AddHours(-1);
        await Eventually.True(
            () => ca.Services.GetRequiredService<CrlPublisher>().Current!.MadeAt.ToDateTimeOffset() > begin, "a list of that day");
    }

    private static async Task Says(Task<(int Exit, string Output)> run, int exit, string text = "")
    {
        var (ended, output) = await run;
        Assert.True(ended == exit && output.Contains(text, StringComparison.Ordinal), $"exit code {ended}: {output}");
    }

    private static async Task<IReadOnlySet<string>> Listed(RunningCa ca) =>
        CrlDocument.Read(
            CrlPem.Split((await ca.Admin.GetCrlAsync(new())).CrlPem)[0], ca.Services.GetRequiredService<CaSigner>().Ca)
            .Serials.Select(s => $"{s}").ToHashSet();

    private static async Task<(string Serial, DateTimeOffset NotAfter)> Leaf(RunningCa ca)
    {
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", ca.ApiPort);
        await using var tls = new SslStream(client.GetStream(), false, (_, shown, _, _) => shown is not null);
        await tls.AuthenticateAsClientAsync("localhost");
        using var leaf = X509CertificateLoader.LoadCertificate(tls.RemoteCertificate!.GetRawCertData());
        return (leaf.SerialNumber, leaf.NotAfter.ToUniversalTime());
    }
}
