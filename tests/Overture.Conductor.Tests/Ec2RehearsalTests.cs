using Overture.Conductor.Providers;
using Overture.Conductor.Providers.Ec2;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>Asking the cloud about a launch that is not done. On moto: <see cref="Ec2MotoTests"/>.</summary>
public sealed class Ec2RehearsalTests : IAsyncLifetime
{
    private readonly CertName name = TestIds.New().CertName();
    private Ec2Double cloud = null!;
    private Ec2Provider provider = null!;

    public async Task InitializeAsync()
    {
        cloud = await Ec2Double.Start();
        provider = Ec2ProviderTests.Open(cloud.Url, "aws");
    }

    public async Task DisposeAsync()
    {
        provider.Dispose();
        await cloud.DisposeAsync();
    }

    [Fact]
    public async Task Rehearse_Allowed_IsYesAndLaunchesNothing()
    {
        Assert.Equal("yes", (await Rehearse(provider))?.Text);
        var asked = cloud.Calls.Single(c => c["Action"] == "RunInstances");
        Assert.Equal(("true", "1", name.ToString()), (asked["DryRun"], asked["MaxCount"], asked["ClientToken"]));
        Assert.Equal(0, cloud.Launched);
        // Nothing is spent by it: the same name can be launched.
        await provider.Start(name, Ec2ProviderTests.Spec(), "#cloud-config\n", again: true, default);
        Assert.DoesNotContain("DryRun", cloud.Calls.Last(c => c["Action"] == "RunInstances").Keys);
    }

    [Theory]
    [InlineData(403, "UnauthorizedOperation", "no: ", "allow the action")]
    [InlineData(401, "AuthFailure", "no: ", "refuses the Conductor's credentials")]
    [InlineData(400, "InvalidSubnetID.NotFound", "no: ", "correct the launch spec")]
    public async Task Rehearse_CloudSaysNo_IsTheReason(int status, string code, string begin, string step)
    {
        await Rehearse(provider); // the image is known from here on
        cloud.Instead.Enqueue((status, Ec2Double.Error(code)));
        var verdict = (await Rehearse(provider))?.Text;
        Assert.StartsWith(begin, verdict, StringComparison.Ordinal);
        Assert.Contains(code, verdict, StringComparison.Ordinal);
        Assert.Contains(step, verdict, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("eucalyptus")]
    [InlineData("ec2api")]
    public async Task Rehearse_EndpointThatKnowsNoDryRun_IsNotAsked(string dialect)
    {
        await using var strict = await Ec2Double.Start(dialect);
        using var there = Ec2ProviderTests.Open(strict.Url, dialect);
        Assert.Equal("unknown: this endpoint does not support dry runs", (await Rehearse(there))?.Text);
        Assert.Empty(strict.Calls);
    }

    [Fact]
    public async Task Rehearse_EndpointThatLaunchesAllTheSame_IsEndedAgain()
    {
        cloud.IgnoresDryRun = true;
        Assert.StartsWith("unknown: this endpoint ignores DryRun", (await Rehearse(provider))?.Text, StringComparison.Ordinal);
        Assert.Equal(1, cloud.Launched);
        Assert.True((await provider.Look(name, "", default)).IsGone);
    }

    private Task<Rehearsal?> Rehearse(Ec2Provider at) => at.Rehearse(name, Ec2ProviderTests.Spec(), "#cloud-config\n", default);
}
