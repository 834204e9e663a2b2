using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.Launch;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>Who waits for whom, where several providers are asked at once.</summary>
public sealed class AskProviderTests
{
    private readonly Platform.Records.Ids ids = TestIds.New();

    [Fact]
    public async Task SlowAccount_HoldsUpItsOwnLaunchesAlone()
    {
        var answer = new TaskCompletionSource();
        var (slow, quick) = (new FakeProvider { BeforeStart = _ => answer.Task }, new FakeProvider { Account = "other" });
        using var ask = new AskProvider(null!, null!, null!, ids, TimeProvider.System); // one place, fresh: nothing is read or written
        var waiting = Enumerable.Range(0, 6).Select(_ => Run(ask, slow)).ToList();
        Assert.NotNull((await Run(ask, quick).WaitAsync(TimeSpan.FromSeconds(60))).Started);
        Assert.All(waiting, w => Assert.False(w.IsCompleted));
        answer.SetResult();
        Assert.All(await Task.WhenAll(waiting), a => Assert.NotNull(a.Started));
    }

    private Task<Asked> Run(AskProvider ask, FakeProvider provider)
    {
        var name = ids.CertName();
        var order = new LaunchOrder(name, LaunchPlan.From(ConductorFixture.Spec(), "file:/x", _ => provider), "jo", "r1", provider, "");
        var record = new LaunchRecord { Certname = name.ToString(), NotBefore = DateTimeOffset.UnixEpoch.ToTimestamp() };
        return ask.Run(order, new Enrollment(name, record, "", "#cloud-config\n", Fresh: true), default);
    }
}
