using Grpc.Core;
using Overture.Conductor.Providers.Ec2;
using Overture.Conductor.V1;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>Images by description and by alias: which one it is, that it stays the same, and that it is shown.</summary>
public sealed class Ec2ImageTests : IAsyncLifetime
{
    private const string Owner = "099720109477", Old = "ami-00000000000000001", New = "ami-00000000000000002";
    private readonly ConductorFixture world = new();
    private Ec2Double cloud = null!;
    private Ec2Provider provider = null!;
    private ConductorHost host = null!;

    public async Task InitializeAsync()
    {
        cloud = await Ec2Double.Start();
        provider = Ec2ProviderTests.Open(cloud.Url, "aws");
        host = await ConductorHost.Start(world, new() { Provider = provider });
        foreach (var image in Images)
            cloud.Images.Enqueue(image);
    }

    public async Task DisposeAsync()
    {
        await host.DisposeAsync();
        provider.Dispose();
        await cloud.DisposeAsync();
        world.Dispose();
    }

    [Fact]
    public async Task ByName_IsTheNewestOfItsOwner_AndARetryStartsTheSame()
    {
        cloud.RefuseLaunches = 1;
        var refused = (await host.As("admin").LaunchInstancesAsync(new() { Spec = ByName() })).Results.Single();
        Assert.Equal(("PROVIDER_FAILED", New), (refused.Reason, refused.Instance.Image));
        cloud.Images.Enqueue(new("ami-00000000000000009", "ubuntu/images/noble-24.04-amd64-server-20991231", Owner,
            "2099-12-31T00:00:00.000Z"));
        Assert.Equal("", (await host.As("admin").RetryInstanceAsync(new() { Certname = refused.Instance.Certname })).Reason);
        Assert.Equal([New, New], cloud.Calls.Where(c => c["Action"] == "RunInstances").Select(c => c["ImageId"]));
    }

    [Fact]
    public async Task ByName_NoneMatches_IsRefusedAtTheFieldAndNothingIsWritten()
    {
        var refused = await Assert.ThrowsAsync<RpcException>(async () => await host.As("admin").LaunchInstancesAsync(
            new() { RequestId = "r1", Spec = ByName(i => i.Architecture = "arm64") }));
        Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
        Assert.Contains($"no available arm64 image of {Owner}", refused.Status.Detail + refused.Trailers, StringComparison.Ordinal);
        Assert.Equal("", (await host.As("admin").LaunchInstancesAsync(new() { RequestId = "r1", Spec = ByName() })).Results.Single()
            .Reason);
    }

    [Fact]
    public async Task Preview_ByName_ShowsTheImage()
    {
        var preview = await host.As("admin").PreviewLaunchAsync(new() { Spec = ByName() });
        Assert.Equal((New, "yes"), (preview.Spec.Image, preview.ProviderVerdict));
        // And may be launched as it is shown.
        Assert.Empty(provider.Check(preview.Spec));
    }

    [Fact]
    public async Task ByName_ServerWithoutFilters_FindsTheSame()
    {
        await using var other = await Ec2Double.Start("spinifex");
        using var there = Ec2ProviderTests.Open(other.Url, "spinifex");
        foreach (var image in Images)
            other.Images.Enqueue(image);
        Assert.Equal(New, await there.Image(ByName(), default));
    }

    // OpenStack's lists everyone's images, whatever owner it is asked for; a project's id is its owner.
    [Fact]
    public async Task ByName_ServerThatIgnoresTheOwner_IsNeverAnothers()
    {
        const string Project = "0a1b2c3d4e5f60718293a4b5c6d7e8f9";
        await using var other = await Ec2Double.Start("ec2api");
        using var there = Ec2ProviderTests.Open(other.Url, "ec2api");
        other.Images.Enqueue(new(Old, "ubuntu/images/noble-24.04", Project, "2026-10-01T08:00:00.000Z"));
        other.Images.Enqueue(new(New, "ubuntu/images/noble-24.04", "ffffffffffffffffffffffffffffffff", "2026-11-20T08:00:00.000Z"));
        other.Images.Enqueue(new(New, "ubuntu/images/noble-24.04", "", "2026-11-21T08:00:00.000Z"));
        var spec = ByName(i => i.Owner = Project);
        Assert.Empty(there.Check(spec));
        Assert.Equal(Old, await there.Image(spec, default));
        Assert.Equal(["ec2.image.owner"], there.Check(ByName(i => i.Owner = "self")).Select(p => p.Field));
        Assert.Equal(["ec2.image.owner"], there.Check(ByName(i => i.Owner = "amazon")).Select(p => p.Field));
    }

    [Fact]
    public async Task ByName_OfAnAlias_IsOneThatTheAnswerSaysIsIts()
    {
        cloud.Images.Enqueue(new("ami-00000000000000008", "ubuntu/images/noble-24.04", "111111111111", "2026-11-01T08:00:00.000Z",
            Alias: "amazon"));
        cloud.Images.Enqueue(new("ami-00000000000000009", "ubuntu/images/noble-24.04", "amazon", "2026-11-02T08:00:00.000Z"));
        Assert.Equal("ami-00000000000000008", await provider.Image(ByName(i => i.Owner = "amazon"), default));
    }

    [Fact]
    public async Task ByAlias_IsLookedUpByTheCloudAndItsIdIsRecorded()
    {
        const string Alias = "resolve:ssm:/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id";
        var spec = Ec2ProviderTests.Spec(s => s.Image = Alias);
        var launched = (await host.As("admin").LaunchInstancesAsync(new() { Spec = spec })).Results.Single();
        Assert.Equal(("", cloud.AliasedImage), (launched.Reason, launched.Instance.Image));
        Assert.Equal(Alias, cloud.Calls.Single(c => c["Action"] == "RunInstances")["ImageId"]);
        using var euca = Ec2ProviderTests.Open(cloud.Url, "eucalyptus");
        Assert.Contains("does not look up", Assert.Single(euca.Check(spec)).Rule, StringComparison.Ordinal);
    }

    [Fact]
    public void Check_DescriptionThatAnybodyCouldMatch_IsRefused()
    {
        string[] Fields(Action<Ec2Image> change, string image = "") =>
            [.. provider.Check(ByName(change, image)).Select(p => p.Field)];
        Assert.Equal(["ec2.image.owner"], Fields(i => i.Owner = ""));
        Assert.Equal(["ec2.image.name"], Fields(i => i.Name = "*"));
        Assert.Equal(["ec2.image.architecture"], Fields(i => i.Architecture = "amd64"));
        Assert.Equal(["image"], Fields(_ => { }, Old));
    }

    private static Ec2Double.Listing[] Images =>
    [
        new(New, "ubuntu/images/noble-24.04-amd64-server-20261120", Owner, "2026-11-20T08:00:00.000Z"),
        new(Old, "ubuntu/images/noble-24.04-amd64-server-20261001", Owner, "2026-10-01T08:00:00.000Z"),
        new("ami-00000000000000003", "ubuntu/images/noble-24.04-amd64-server-20261128", Owner, "2026-11-28T08:00:00.000Z",
            State: "pending"),
        new("ami-00000000000000004", "ubuntu/images/noble-24.04-amd64-server-20261129", "666666666666", "2026-11-29T08:00:00.000Z"),
        new("ami-00000000000000005", "ubuntu/images/noble-24.04-amd64-win-20261129", Owner, "2026-11-29T08:00:00.000Z",
            Platform: "windows"),
        new("ami-00000000000000006", "debian-13-amd64", Owner, "2026-11-29T08:00:00.000Z"),
        new("ami-00000000000000007", "ubuntu/images/noble-24.04-riscv", Owner, "2026-11-29T08:00:00.000Z", "riscv64"),
    ];

    private static LaunchSpec ByName(Action<Ec2Image>? change = null, string image = "") => Ec2ProviderTests.Spec(s =>
    {
        s.Image = image;
        s.Ec2 = new Ec2Settings { Image = new Ec2Image { Name = "ubuntu/images/*24.04*", Owner = Owner } };
        change?.Invoke(s.Ec2.Image);
    });
}
