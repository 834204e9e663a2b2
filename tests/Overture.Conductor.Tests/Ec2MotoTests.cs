using System.Collections.Immutable;
using System.IO.Compression;
using System.Text;
using Amazon.Runtime;
using Overture.Conductor.Providers;
using Overture.Conductor.Providers.Ec2;
using Overture.Conductor.V1;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>The same on moto_server, which checks signature and policy.</summary>
[Trait("Category", "integration")]
public sealed class Ec2MotoTests : ProviderSuite, IAsyncLifetime
{
    // One that moto knows from the start.
    private const string Image = "ami-785db401";
    private MotoServer moto = null!;
    private Ec2Provider provider = null!;

    internal override IProvider Provider => provider;

    internal override LaunchSpec Spec => Ec2ProviderTests.Spec(s => s.Image = Image);

    // moto ignores client tokens, so what it has is what was asked for.
    internal override int Starts(CertName name) => provider.Inventory(default).Result.Count(l => l.Name == name.ToString());

    public async Task InitializeAsync()
    {
        moto = await MotoServer.Start();
        provider = Open(moto.SecretKey);
    }

    public async Task DisposeAsync()
    {
        provider.Dispose();
        await moto.DisposeAsync();
    }

    [Fact]
    public async Task Unfit_RightOrWrongSecret_SaysWhich()
    {
        Assert.Null(await provider.CheckReady(default));
        using var wrong = Open("wrong");
        var why = await wrong.CheckReady(default);
        Assert.Contains("refuses the Conductor's credentials", why, StringComparison.Ordinal);
        Assert.DoesNotContain("wrong", why, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_Everything_IsUnderstood()
    {
        var name = TestIds.New().CertName();
        var started = await provider.Start(name, Ec2ProviderTests.Spec(s =>
        {
            s.Image = Image;
            s.Profile = "web";
            s.Ec2 = new Ec2Settings { Tags = { ["team"] = "a b+c~é*/&=" },
                BlockDevices = { new BlockDevice { DeviceName = "/dev/xvda", VolumeSize = 8, Encrypted = true } } };
        }), "#cloud-config\n", again: true, default);
        Assert.StartsWith("i-", started.InstanceId, StringComparison.Ordinal);
        var listed = Assert.Single(await provider.Inventory(default));
        Assert.Equal((name.ToString(), started.InstanceId), (listed.Name, listed.Seen.InstanceId));
        Assert.NotEmpty(listed.Seen.Addresses);
        Assert.NotNull(listed.Since);
        Assert.NotNull(await provider.Console(name, started.InstanceId, default));
        await provider.Stop(name, started.InstanceId, default, default);
        Assert.All(await provider.Inventory(default), l => Assert.True(l.Seen.IsGone));
    }

    [Fact]
    public async Task Start_NameThatWasMadeAMomentAgo_IsOneCallAfterTheFirst()
    {
        await using var cloud = await Ec2Double.Start();
        using var fast = Ec2ProviderTests.Open(cloud.Url, "aws");
        foreach (var again in new[] { false, false, true })
            await fast.Start(TestIds.New().CertName(), Ec2ProviderTests.Spec(), "#cloud-config\n", again, default);
        Assert.Equal(["DescribeImages", "RunInstances", "RunInstances", "DescribeInstances", "RunInstances"],
            cloud.Calls.Select(c => c["Action"]));
    }

    [Fact]
    public async Task PolicyOfTheDocs_IsEnoughForALaunchAndItsEnd()
    {
        var page = await File.ReadAllTextAsync(RepositoryPaths.File("docs/operations.md"));
        var from = page.IndexOf("```json\n", page.IndexOf("## Instances in an EC2-compatible cloud", StringComparison.Ordinal),
            StringComparison.Ordinal) + "```json\n".Length;
        await moto.Enforce(false);
        var (key, secret) = await moto.MakeKey("conductor", page[from..page.IndexOf("```", from, StringComparison.Ordinal)]);
        await moto.Enforce(true);
        using var conductor = Ec2ProviderTests.Open(moto.Endpoint.AbsoluteUri, "aws", new BasicAWSCredentials(key, secret));
        var name = TestIds.New().CertName();
        var started = await conductor.Start(name, Spec, "#cloud-config\n", again: true, default);
        Assert.NotNull(await conductor.Console(name, started.InstanceId, default));
        await conductor.Stop(name, started.InstanceId, default, default);
        Assert.All(await conductor.Inventory(default), l => Assert.True(l.Seen.IsGone));
    }

    [Fact]
    public async Task Rehearse_PolicyThatAllowsItOrNot_SaysWhich()
    {
        Assert.Equal("yes", (await provider.Rehearse(TestIds.New().CertName(), Spec, "#cloud-config\n", default))?.Text);
        Assert.All(await provider.Inventory(default), l => Assert.True(l.Seen.IsGone));
        await moto.Enforce(false);
        var (key, secret) = await moto.MakeKey("reader",
            """{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ec2:Describe*"],"Resource":"*"}]}""");
        await moto.Enforce(true);
        using var reader = Ec2ProviderTests.Open(moto.Endpoint.AbsoluteUri, "aws", new BasicAWSCredentials(key, secret));
        var verdict = (await reader.Rehearse(TestIds.New().CertName(), Spec, "#cloud-config\n", default))?.Text;
        Assert.StartsWith("no: RunInstances: ", verdict, StringComparison.Ordinal);
        Assert.Contains("not authorized", verdict, StringComparison.OrdinalIgnoreCase);
    }

    // moto gives what a role launches to the role's account, as AWS does.
    [Fact]
    public async Task Role_OfAnotherAccount_LaunchesThere()
    {
        await moto.Enforce(false);
        var options = new Ec2Options
        {
            Endpoint = moto.Endpoint.AbsoluteUri, StsEndpoint = moto.Endpoint.AbsoluteUri, Region = MotoServer.Region,
            LaunchesPerSecond = 100,
            Accounts = new Dictionary<string, Ec2AccountOptions> { ["prod"] = new() { RoleArn = "arn:aws:iam::222222222222:role/overture" } },
        };
        using var other = new Ec2Provider(options, Ec2ProviderTests.Deployment, TimeProvider.System,
            new BasicAWSCredentials(moto.AccessKey, moto.SecretKey), Ec2Sites.Of(options)[1]);
        var name = TestIds.New().CertName();
        await other.Start(name, Spec, "#cloud-config\n", again: true, default);
        Assert.Equal(name.ToString(), Assert.Single(await other.Inventory(default)).Name);
        Assert.Empty(await provider.Inventory(default));
        await other.Stop(name, "", default, default);
        Assert.All(await other.Inventory(default), l => Assert.True(l.Seen.IsGone));
    }

    [Fact]
    public async Task Image_ByName_IsTheNewestThatMotoHas()
    {
        var spec = Ec2ProviderTests.Spec(s => (s.Image, s.Ec2) = ("",
            new Ec2Settings { Image = new Ec2Image { Name = "ubuntu/images/*", Owner = "099720109477" } }));
        Assert.StartsWith("ami-", await provider.Image(spec, default), StringComparison.Ordinal);
        spec.Ec2.Image.Owner = "111111111111";
        Assert.True((await Assert.ThrowsAsync<ProviderException>(() => provider.Image(spec, default))).Final);
    }

    private Ec2Provider Open(string secret) =>
        Ec2ProviderTests.Open(moto.Endpoint.AbsoluteUri, "aws", new BasicAWSCredentials(moto.AccessKey, secret));
}
