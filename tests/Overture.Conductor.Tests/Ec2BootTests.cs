using Amazon.Runtime;
using Overture.Conductor.Providers;
using Overture.Conductor.Providers.Ec2;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>
/// The provider on a double that boots what it launches, with the real cloud-init, and on which moto judges every request.
/// </summary>
[Trait("Category", "integration")]
public sealed class Ec2BootTests : IAsyncLifetime
{
    private readonly CertName name = TestIds.New().CertName();
    private MotoServer moto = null!;
    private Ec2Double cloud = null!;
    private Ec2Provider provider = null!;

    public async Task InitializeAsync()
    {
        moto = await MotoServer.Start();
        cloud = await Ec2Double.Start(boot: (id, userData) => new BootedInstance(id, userData, []), judge: moto.Endpoint);
        provider = Open(moto.SecretKey);
    }

    public async Task DisposeAsync()
    {
        provider.Dispose();
        await cloud.DisposeAsync();
        await moto.DisposeAsync();
    }

    [Fact]
    public async Task Start_PackedUserData_IsReadByCloudInitAndStopLeavesNothing()
    {
        var booted = await Boot("runcmd: [[echo, it, was, read]]\n# " + new string('x', 14_000) + "\n");
        await Eventually.True(async () => await provider.Console(name, "", default) is { } console
            && console.Contains("\nit was read\n", StringComparison.Ordinal), "cloud-init ran it");
        var id = (await provider.Look(name, "", default)).InstanceId;
        Assert.Equal((Sighting.Running, id),
            ((await provider.Look(name, "", default)).State, (await booted.Inside("cat", "/etc/hostname")).Ok().Trim()));
        Assert.Equal(id, (await Again()).InstanceId);
        Assert.Equal(1, cloud.Launched);

        await provider.Stop(name, id, default, default);
        Assert.True((await provider.Look(name, id, default)).IsGone);
        await booted.End();
        Assert.False(Directory.Exists(booted.Folder));
        Assert.Empty(HostProcesses.With(booted.Folder));
    }

    [Fact]
    public async Task InstanceThatEndsItself_IsTerminatedAtTheCloud()
    {
        var booted = await Boot("runcmd: [[kill, '-TERM', '1']]\n");
        await Eventually.True(async () => (await provider.Look(name, "", default)).IsGone, "it ended");
        Assert.True(booted.HasEnded);
        Assert.Contains("launched once", (await Assert.ThrowsAsync<ProviderException>(Again)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Dispose_OfTheDouble_EndsWhatItBooted()
    {
        var booted = await Boot("");
        Assert.NotEmpty(HostProcesses.With(booted.Folder));
        await cloud.DisposeAsync();
        Assert.Empty(HostProcesses.With(booted.Folder));
        Assert.False(Directory.Exists(booted.Folder));
    }

    [Fact]
    public async Task Start_WrongSecret_IsRefusedAndBootsNothing()
    {
        using var wrong = Open("wrong");
        Assert.Contains("AuthFailure",
            (await Assert.ThrowsAsync<ProviderException>(() =>
                wrong.Start(name, Ec2ProviderTests.Spec(), "#cloud-config\n", again: true, default))).Message, StringComparison.Ordinal);
        Assert.Equal(0, cloud.Launched);
    }

    private Ec2Provider Open(string secret) => Ec2ProviderTests.Open(cloud.Url, "aws", new BasicAWSCredentials(moto.AccessKey, secret));

    private Task<Started> Again() => provider.Start(name, Ec2ProviderTests.Spec(), "#cloud-config\n", again: true, default);

    // Until it runs.
    private async Task<BootedInstance> Boot(string userData)
    {
        var id = (await provider.Start(name, Ec2ProviderTests.Spec(), "#cloud-config\n" + userData, again: true, default)).InstanceId;
        await Eventually.True(async () => (await provider.Look(name, id, default)).State != Sighting.Pending, "it runs");
        return cloud.Booted(id)!;
    }
}
