using Grpc.Core;
using Overture.Conductor.Instances;
using Overture.Conductor.Providers;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>ExplainInstance and SummarizeCauses as a viewer calls them.</summary>
[Trait("Category", "integration")]
public sealed class ExplainTests
{
    [Fact]
    public async Task Explain_ConsoleThatShowsTheCause_NamesItBeforeAnyDeadline()
    {
        using var world = new ConductorFixture();
        var provider = new FakeProvider { ConsoleText = "cloud-init: Datasource DataSourceNone\nlogin:" };
        await using var host = await ConductorHost.Start(world, new() { Provider = provider });
        var name = await Launch(host);
        var answer = await Explain(host, name);
        Assert.Equal("DATASOURCE_MISSING", Assert.Single(answer.Causes).Reason);
        Assert.Equal(("console", "cloud-init: Datasource DataSourceNone"),
            (answer.Causes[0].Proofs[0].Source, answer.Causes[0].Proofs[0].Text));
        Assert.False(answer.Ready);
        Assert.Equal("It is not ready: cloud-init found no source of user data.", answer.Verdict);
        Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(() => Explain(host, $"{TestIds.New().CertName()}")))
            .StatusCode);
    }

    [Fact]
    public async Task Explain_TokenOnTheConsole_IsMasked()
    {
        using var world = new ConductorFixture();
        var provider = new FakeProvider();
        await using var host = await ConductorHost.Start(world, new() { Provider = provider });
        var name = await Launch(host);
        var data = provider.Asked.Single().UserData;
        var token = System.Text.RegularExpressions.Regex.Match(data, @"1\.2\.840\.113549\.1\.9\.7[^:]*:\s*\W*([A-Za-z0-9_-]{20,})")
            .Groups[1].Value;
        Assert.NotEmpty(token);
        provider.ConsoleText = $"cloud-init: No space left on device {token}";
        Assert.Equal("cloud-init: No space left on device ********", (await Explain(host, name)).Causes.Single().Proofs.Single().Text);
    }

    [Fact]
    public async Task Explain_ConsoleThatDoesNotAnswer_IsSaidAndKeepsNobodyWaiting()
    {
        using var world = new ConductorFixture();
        var provider = new FakeProvider { BeforeConsole = cancel => Task.Delay(Timeout.Infinite, cancel) };
        await using var host = await ConductorHost.Start(world, new() { Provider = provider });
        var answer = await Explain(host, await Launch(host));
        Assert.Equal("Its console was not read: the provider did not answer within 4 s.", Assert.Single(answer.Unknown));
        Assert.Empty(answer.Causes);
    }

    [Fact]
    public async Task Explain_WordsOfTheStoreThatAreOlder_DoNotHideNewerOnes()
    {
        await using var world = new FirstBootWorld();
        await world.Start();
        var name = await world.Register();
        await world.Say(name, "Could not request certificate: Connection refused - connect(2)");
        var older = (await world.Store.Get(ObjectKeys.FirstBoot(name), default))!;
        await world.Say(name, "Could not request certificate: getaddrinfo: Name or service not known");
        var newer = (await world.Store.Get(ObjectKeys.FirstBoot(name), default))!;
        await world.Store.PutIfMatch(ObjectKeys.FirstBoot(name), older.Body, newer.ETag, default);
        Assert.Equal("NAME_UNRESOLVED", (await Explain(world.Host, $"{name}")).Causes[0].Reason);
        Assert.Equal("NAME_UNRESOLVED", (await world.Host.As("viewer").SummarizeCausesAsync(new())).Causes.Single().Reason);
    }

    [Fact]
    public async Task Explain_OfOneThatConvergesMeanwhile_SaysNothingOfItsBoot()
    {
        await using var world = new FirstBootWorld();
        await world.Start();
        var name = await world.Register();
        await world.Say(name, "Could not request certificate: Connection refused - connect(2)");
        var reads = 0;
        world.Store.BeforeGet = async key =>
        {
            if (key != ObjectKeys.FirstBoot(name) || Interlocked.Increment(ref reads) != 1)
                return;
            await world.Host.Get<InstanceEventStore>().Write(name, new InstanceFact { Event = InstanceEvents.Converged }, default);
            await world.Host.Get<InstanceTable>().Refold(name, default);
        };
        Assert.Empty((await Explain(world.Host, $"{name}")).Causes);
        Assert.NotEqual(0, reads);
    }

    [Fact]
    public async Task Causes_OfAFleet_AreCountedWorstFirst()
    {
        using var world = new ConductorFixture();
        var provider = new FakeProvider();
        await using var host = await ConductorHost.Start(world, new() { Provider = provider });
        await Launch(host);
        provider.Refusal = new ProviderException("A limit of the account is reached (VcpuLimitExceeded)");
        var (first, second) = (await Launch(host), await Launch(host));
        var answer = await host.As("viewer").SummarizeCausesAsync(new());
        Assert.Equal((3, 2), (answer.Total, answer.Broken));
        var cause = Assert.Single(answer.Causes);
        Assert.Equal(("CLOUD_QUOTA", ConditionType.LaunchFailed, 2), (cause.Reason, cause.Type, cause.Count));
        Assert.Equal(new[] { first, second }.Order(StringComparer.Ordinal), cause.Certnames.Order(StringComparer.Ordinal));
        Assert.Contains($"overture instance retry {first}", (await Explain(host, first)).Causes.Single().Next, StringComparison.Ordinal);
        Assert.Equal(0, (await host.As("viewer").SummarizeCausesAsync(new() { Filter = new() { Prefix = "ffffffffff" } })).Total);
    }

    private static async Task<ExplainInstanceResponse> Explain(ConductorHost host, string name) =>
        await host.As("viewer").ExplainInstanceAsync(new() { Certname = name });

    private static async Task<string> Launch(ConductorHost host) =>
        (await host.As("admin").LaunchInstancesAsync(new() { Spec = ConductorFixture.Spec() })).Results.Single().Instance.Certname;
}
