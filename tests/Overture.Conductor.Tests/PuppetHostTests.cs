using Overture.Conductor.Instances;
using Overture.Platform.PuppetHost;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>How the report listener comes by its certificate, whatever order things start in.</summary>
public sealed class PuppetHostTests : IDisposable
{
    private readonly ConductorFixture world = new();
    private readonly int caPort = FreePort.Next(), reports = FreePort.Next();

    [Fact]
    public async Task Enrolment_CaStartsLater_ListenerOpensByItself()
    {
        await using var host = await Start();
        using var client = world.Ca.Client(world.Ca.Issue("somebody"));
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => client.GetAsync($"https://localhost:{reports}/"));

        await using var ca = await PuppetCaStandIn.Start(world.Ca, caPort);
        await Eventually.True(() => host.Get<PuppetHostCertificate>().Current is not null, "the certificate is there");
        Assert.Equal(System.Net.HttpStatusCode.NotFound, (await client.GetAsync($"https://localhost:{reports}/")).StatusCode);
    }

    [Fact]
    public async Task Enrolment_RegistersItselfLikeAnyNode()
    {
        await using var ca = await PuppetCaStandIn.Start(world.Ca, caPort);
        await using var host = await Start();
        await Eventually.True(() => host.Get<PuppetHostCertificate>().Current is not null, "the certificate is there");
        var name = CertName.Parse(ca.Requests.First());
        var record = (await host.Get<InstanceRecordsReader>().Read(name, default))!.Launch;
        Assert.True(name.IsUuid);
        Assert.Equal(("registered", "conductor", "localhost"), (record.Provider, record.Caller, Assert.Single(record.DnsAltNames)));
        Assert.Equal(64, record.TokenSha256.Length);
    }

    [Fact]
    public async Task Enrolment_RestartBeforeAndAfter_KeepsTheName()
    {
        await using (var refusing = await PuppetCaStandIn.Start(world.Ca, caPort))
        {
            refusing.Refusing = true;
            await using var first = await Start();
            await Eventually.True(() => Directory.Exists(Path.Combine(first.Options.StateDirectory, "puppet-host"))
                && Directory.GetFiles(Path.Combine(first.Options.StateDirectory, "puppet-host"), "*.key").Length == 1, "it tried");
        }
        await using var ca = await PuppetCaStandIn.Start(world.Ca, caPort);
        string certname;
        await using (var second = await Start())
        {
            await Eventually.True(() => second.Get<PuppetHostCertificate>().Current is not null, "the certificate is there");
            certname = Assert.Single(ca.Requests.Distinct());
            Assert.Single(await second.Get<InstanceTable>().Names(default));
        }
        await using var third = await Start();
        Assert.Contains(certname, third.Get<PuppetHostCertificate>().Current!.Subject, StringComparison.Ordinal);
        Assert.Single(ca.Requests.Distinct());
    }

    [Fact]
    public async Task Enrolment_CertificatePastTwoThirds_ComesUnderANewNameAndTheOldServesUntilThen()
    {
        await using var ca = await PuppetCaStandIn.Start(world.Ca, caPort);
        // Issued a day back for an hour ahead: past two thirds from the first moment.
        ca.Life = TimeSpan.FromHours(1);
        await using (var first = await Start())
            await Eventually.True(() => first.Get<PuppetHostCertificate>().Current is not null, "the first certificate is there");
        ca.Life = TimeSpan.FromDays(30);
        await using var second = await Start();
        Assert.NotNull(second.Get<PuppetHostCertificate>().Current);
        await Eventually.True(() => !second.Get<PuppetHostCertificate>().WantsRenewal, "the second certificate is taken");
        Assert.Equal(2, ca.Requests.Distinct().Count());
        Assert.Contains(ca.Requests.Last(), second.Get<PuppetHostCertificate>().Current!.Subject, StringComparison.Ordinal);
        Assert.Single(Directory.GetFiles(Path.Combine(second.Options.StateDirectory, "puppet-host"), "*.key"));
    }

    public void Dispose() => world.Dispose();

    private Task<ConductorHost> Start() => ConductorHost.Start(world, new() { Provider = new FakeProvider() }, o => o with
    {
        Reports = new ReportOptions { Listen = $"127.0.0.1:{reports}", CaPort = caPort },
    });
}
