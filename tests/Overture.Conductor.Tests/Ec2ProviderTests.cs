using System.Collections.Immutable;
using System.IO.Compression;
using System.Text;
using Amazon.Runtime;
using Overture.Conductor.Launch;
using Overture.Conductor.Providers.Ec2;
using Overture.Conductor.Providers;
using Overture.Conductor.V1;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>The provider's suite on the double, in each dialect.</summary>
public abstract class Ec2DoubleSuite(string dialect) : ProviderSuite, IAsyncLifetime
{
    private Ec2Double cloud = null!;
    private Ec2Provider provider = null!;

    internal override IProvider Provider => provider;

    internal override LaunchSpec Spec => Ec2ProviderTests.Spec();

    internal override int Starts(CertName name) => cloud.Of(name.ToString());

    public async Task InitializeAsync()
    {
        cloud = await Ec2Double.Start(dialect);
        provider = Ec2ProviderTests.Open(cloud.Url, dialect);
    }

    public async Task DisposeAsync()
    {
        provider.Dispose();
        await cloud.DisposeAsync();
    }

    [Fact]
    public async Task Start_AtAFurtherPlace_IsFoundByItsNameAndEnded()
    {
        var (name, spec) = (TestIds.New().CertName(), Places);
        Assert.Empty(provider.Check(spec));
        var place = provider.Places(spec)[1];
        var started = await provider.Start(name, place, "#cloud-config\n", again: false, default);
        Assert.Equal(started, await provider.Start(name, place, "#cloud-config\n", again: true, default));
        Assert.Equal((name.ToString(), started.InstanceId), Assert.Single((await provider.Inventory(default))
            .Select(l => (l.Name, l.Seen.InstanceId))));
        Assert.Equal(started.InstanceId, (await provider.Find(name, default)).InstanceId);
        await provider.Stop(name, "", default, default);
        Assert.True((await provider.Look(name, started.InstanceId, default)).IsGone);
        // Nor is it started at another place then.
        Assert.Equal(NotStarted.Ended, (await Assert.ThrowsAsync<ProviderException>(
            () => provider.Start(name, provider.Places(spec)[0], "#cloud-config\n", again: true, default))).Means);
        Assert.Equal(1, cloud.Launched);
    }

    [Fact]
    public async Task Start_NoRoom_SaysThatAnotherPlaceMayHaveSome()
    {
        cloud.Full["subnet-0a0a0a0a"] = "InsufficientInstanceCapacity";
        var (name, places) = (TestIds.New().CertName(), provider.Places(Places));
        var full = await Assert.ThrowsAsync<ProviderException>(() =>
            provider.Start(name, places[0], "#cloud-config\n", again: false, default));
        Assert.Equal((NotStarted.Nothing, true, "InsufficientInstanceCapacity"), (full.Means, full.Elsewhere, full.Code));
        Assert.NotEmpty((await provider.Start(name, places[1], "#cloud-config\n", again: true, default)).InstanceId);
    }

    [Fact]
    public async Task Image_ByName_IsTheNewest()
    {
        cloud.Images.Enqueue(new("ami-1", "debian-13-a", "111111111111", "2026-01-01T00:00:00.000Z"));
        cloud.Images.Enqueue(new("ami-2", "debian-13-b", "111111111111", "2026-02-01T00:00:00.000Z"));
        Assert.Equal("ami-2", await provider.Image(Ec2ProviderTests.Spec(s => (s.Image, s.Ec2) = ("",
            new Ec2Settings { Image = new Ec2Image { Name = "debian-13-*", Owner = "111111111111" } })), default));
    }

    // Whatever a rule allows, the server takes.
    [Fact]
    public async Task Start_AllThatIsAllowedHere_IsTaken()
    {
        var (name, spec) = (TestIds.New().CertName(), Ec2ProviderTests.Spec(s => s.Ec2 = new Ec2Settings
        {
            SubnetIds = { "subnet-0a0a0a0a", "subnet-0b0b0b0b" }, InstanceTypes = { "t3.small" }, Spot = true, InstanceProfile = "web",
            SpotFallback = SpotFallback.OnDemand, KeyName = "admin", PublicAddress = true, Tags = { ["team"] = "web" },
            BlockDevices = { new BlockDevice { DeviceName = "/dev/xvda", VolumeSize = 8 } },
        }));
        var refused = provider.Check(spec).Select(p => p.Field).ToHashSet();
        if (refused.Contains("ec2.spot"))
            (spec.Ec2.Spot, spec.Ec2.SpotFallback) = (false, SpotFallback.Unspecified);
        if (refused.Contains("ec2.instance_profile"))
            spec.Ec2.InstanceProfile = "";
        Assert.Empty(provider.Check(spec));
        var started = await provider.Start(name, provider.Places(spec)[^1], "#cloud-config\n", again: true, default);
        Assert.Null(await provider.Console(name, started.InstanceId, default));
        Assert.Single(await provider.Inventory(default));
    }

    private static LaunchSpec Places =>
        Ec2ProviderTests.Spec(s => s.Ec2 = new Ec2Settings { SubnetIds = { "subnet-0a0a0a0a", "subnet-0b0b0b0b" } });
}

public sealed class Ec2AwsTests() : Ec2DoubleSuite("aws");

public sealed class Ec2EucalyptusTests() : Ec2DoubleSuite("eucalyptus");

public sealed class Ec2OpenStackTests() : Ec2DoubleSuite("ec2api");

public sealed class Ec2SpinifexTests() : Ec2DoubleSuite("spinifex");

/// <summary>What the suite does not ask: lost answers, throttling, clouds that list late, and what is sent.</summary>
public sealed class Ec2ProviderTests : IAsyncLifetime
{
    private readonly CertName name = TestIds.New().CertName();
    private Ec2Double cloud = null!;
    private Ec2Provider provider = null!;

    public async Task InitializeAsync()
    {
        cloud = await Ec2Double.Start();
        provider = Open(cloud.Url, "aws");
    }

    public async Task DisposeAsync()
    {
        provider.Dispose();
        await cloud.DisposeAsync();
    }

    [Fact]
    public async Task Start_AnswerLost_IsTheSameInstanceByItsToken()
    {
        cloud.ListedLate = 10;
        cloud.LoseNextLaunch = true;
        var started = await Start();
        Assert.Equal(1, cloud.Launched);
        Assert.Equal(started, await Start());
        Assert.Equal(1, cloud.Launched);
    }

    // The answer is lost and the next try has no key: what the first one began is not known.
    [Fact]
    public async Task Start_AnswerLostAndThenNoKey_IsUnclear()
    {
        using var there = Open(cloud.Url, "aws", new KeyForTwo());
        cloud.LoseNextLaunch = true;
        var lost = await Assert.ThrowsAsync<ProviderException>(() => there.Start(name, Spec(), "#cloud-config\n", again: false, default));
        Assert.Equal((NotStarted.Unclear, 1), (lost.Means, cloud.Launched));
        Assert.Contains("no AWS credentials", lost.Message, StringComparison.Ordinal);
    }

    private sealed class KeyForTwo : AWSCredentials
    {
        private int asked;

        public override ImmutableCredentials GetCredentials() => Interlocked.Increment(ref asked) <= 2
            ? new ImmutableCredentials("key", "secret", null) : throw new AmazonClientException("the host's role is away");
    }

    [Fact]
    public async Task T94_SameStartByTwoConductors200Times_IsOneInstance()
    {
        using var other = Open(cloud.Url, "aws");
        cloud.ListedLate = 3;
        var started = await Task.WhenAll(Enumerable.Range(0, 200)
            .Select(i => (i % 2 == 0 ? provider : other).Start(name, Spec(), "#cloud-config\n", again: true, default)));
        Assert.Single(started.Select(s => s.InstanceId).Distinct());
        Assert.Equal(1, cloud.Launched);
    }

    [Theory]
    [InlineData(503, "RequestLimitExceeded")]
    [InlineData(500, "InternalError")]
    [InlineData(500, "InsufficientInstanceCapacity")]
    public async Task Start_CloudSaysLater_IsAskedAgain(int status, string code)
    {
        cloud.Instead.Enqueue((status, Ec2Double.Error(code)));
        await Start();
        Assert.Equal(1, cloud.Launched);
    }

    [Theory]
    [InlineData(400, "InvalidParameterValue", "correct the launch spec")]
    [InlineData(400, "VcpuLimitExceeded", "A limit of the account")]
    [InlineData(403, "UnauthorizedOperation", "allow the action")]
    [InlineData(401, "AuthFailure", "refuses the Conductor's credentials")]
    public async Task Start_CloudSaysNo_IsToldAtOnceWithTheNextStep(int status, string code, string step)
    {
        cloud.Instead.Enqueue((status, Ec2Double.Error(code)));
        var refused = await Assert.ThrowsAsync<ProviderException>(Start);
        Assert.Contains(code, refused.Message, StringComparison.Ordinal);
        Assert.Contains(step, refused.Message, StringComparison.Ordinal);
        Assert.Single(cloud.Calls);
        Assert.Equal(0, cloud.Launched);
    }

    /// <summary>
    /// Review, point 13: the cloud's own answer to a name whose instance was ended, where the instance is not listed any more.
    /// </summary>
    [Fact]
    public async Task P13_IdempotentInstanceTerminated_WasEndedAtTheCloudAndIsFinal()
    {
        cloud.Instead.Enqueue((400, Ec2Double.Error("IdempotentInstanceTerminated")));
        var refused = await Assert.ThrowsAsync<ProviderException>(Start);
        Assert.Contains("was terminated at the cloud", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("launch spec", refused.Message, StringComparison.Ordinal);
        Assert.True(refused.Final);
        cloud.Instead.Enqueue((500, Ec2Double.Error("VcpuLimitExceeded")));
        Assert.False((await Assert.ThrowsAsync<ProviderException>(Start)).Final);
    }

    [Fact]
    public async Task Start_OtherUserDataWithTheSameName_IsAMismatchAndNoSecondInstance()
    {
        cloud.ListedLate = 10;
        await Start();
        var refused = await Assert.ThrowsAsync<ProviderException>(() =>
            provider.Start(name, Spec(), "#cloud-config\nother: 1\n", again: true, default));
        Assert.Contains("IdempotentParameterMismatch", refused.Message, StringComparison.Ordinal);
        Assert.Equal(1, cloud.Launched);
    }

    [Fact]
    public async Task Start_EndedAtTheCloud_IsNeverStartedAgain()
    {
        await Start();
        cloud.Kill(name.ToString());
        Assert.Contains("launched once", (await Assert.ThrowsAsync<ProviderException>(Start)).Message, StringComparison.Ordinal);
        cloud.ListedLate = 10;
        Assert.Equal(1, cloud.Launched);
        Assert.True((await provider.Look(name, "", default)).IsGone);
        Assert.Equal((true, "terminated"), Assert.Single((await provider.Inventory(default)).Select(l => (l.Seen.IsGone, l.Seen.Phase))));
    }

    [Fact]
    public async Task T89_CloudThatSendsElsewhere_IsNotFollowed()
    {
        cloud.Instead.Enqueue((307, ""));
        Assert.Contains("Http307", (await Assert.ThrowsAsync<ProviderException>(Start)).Message, StringComparison.Ordinal);
        Assert.Single(cloud.Calls);
    }

    [Fact]
    public async Task Stop_NotListedYet_WaitsUntilItIsOldEnough()
    {
        cloud.ListedLate = 2;
        var id = (await Start()).InstanceId;
        var now = TimeProvider.System.GetUtcNow();
        // Neither by its mark nor by its id: it may come.
        await Assert.ThrowsAsync<ProviderException>(() => provider.Stop(name, "", now, default));
        cloud.ListedLate = 0;
        await Eventually.True(async () => (await provider.Look(name, "", default)).State == Sighting.Running, "it is listed");
        await provider.Stop(name, id, now, default);
        Assert.True((await provider.Look(name, "", default)).IsGone);
        // Gone for long: the cloud does not know the id any more.
        await provider.Stop(name, "i-0123456789abcdef0", now.AddMinutes(-11), default);
        await Assert.ThrowsAsync<ProviderException>(() => provider.Stop(TestIds.New().CertName(), "i-0123456789abcdef0", now, default));
    }

    [Fact]
    public async Task Console_OfATypeWithoutLatest_IsTheCopy()
    {
        var id = (await Start()).InstanceId;
        Assert.Null(await provider.Console(name, id, default));
        cloud.Console = "booting\r\n";
        cloud.Instead.Enqueue((400, Ec2Double.Error("UnsupportedOperation")));
        Assert.Equal("booting\r\n", await provider.Console(name, id, default));
        Assert.False(cloud.Calls.Last().ContainsKey("Latest"));
    }

    [Fact]
    public async Task Start_Request_CarriesWhatTheCloudIsToDo()
    {
        var big = "#cloud-config\n# " + new string('x', 14_000) + "\n";
        await provider.Start(name, Spec(s => s.Ec2 = new Ec2Settings
        {
            SubnetId = "subnet-0a1b2c3d", SecurityGroupIds = { "sg-0a1b2c3d", "sg-0a1b2c3e" }, PublicAddress = false,
            InstanceProfile = "web", Spot = true, SpotMaxPrice = "0.05", Tags = { ["team"] = "web" },
        }), big, again: true, default);
        var sent = cloud.Calls.Single(c => c["Action"] == "RunInstances").ToImmutableDictionary();
        foreach (var (field, value) in new[]
        {
            ("MinCount", "1"), ("MaxCount", "1"), ("ClientToken", name.ToString()), ("MetadataOptions.HttpTokens", "required"),
            ("MetadataOptions.HttpPutResponseHopLimit", "1"),
            ("NetworkInterface.1.SubnetId", "subnet-0a1b2c3d"), ("NetworkInterface.1.SecurityGroupId.2", "sg-0a1b2c3e"),
            ("NetworkInterface.1.AssociatePublicIpAddress", "false"),
            ("IamInstanceProfile.Name", "web"), ("InstanceMarketOptions.SpotOptions.MaxPrice", "0.05"),
            ("InstanceInitiatedShutdownBehavior", "terminate"),
        })
        {
            Assert.Equal(value, sent.GetValueOrDefault(field));
        }
        Assert.DoesNotContain(sent.Keys, k => k is "KeyName" or "SubnetId" or "SecurityGroupId.1");
        Assert.Contains(sent, f => f.Key.StartsWith("TagSpecification.1.Tag.", StringComparison.Ordinal) && f.Value == Ec2Tags.CertName);
        using var packed = new GZipStream(new MemoryStream(Convert.FromBase64String(sent["UserData"])), CompressionMode.Decompress);
        Assert.Equal(big, await new StreamReader(packed, Encoding.UTF8).ReadToEndAsync());
    }

    [Fact]
    public void Check_EverythingWrong_NamesEveryField()
    {
        var problems = provider.Check(Spec(s =>
        {
            s.Image = "host";
            s.InstanceType = "";
            s.Ec2 = new Ec2Settings
            {
                SubnetId = "net", SecurityGroupIds = { "default" }, KeyName = "ключ", SpotMaxPrice = "cheap",
                BlockDevices = { new BlockDevice { DeviceName = "x y", VolumeSize = -1, VolumeType = "GP 3" } },
                Tags = { ["overture:certname"] = "evil" },
            };
        })).Select(p => p.Field).ToHashSet();
        Assert.Equal(["ec2.block_devices.device_name", "ec2.block_devices.volume_size", "ec2.block_devices.volume_type", "ec2.key_name",
            "ec2.security_group_ids", "ec2.spot_max_price", "ec2.subnet_id",
            "ec2.tags.overture:certname", "image", "instance_type"], problems.Order(StringComparer.Ordinal));
        using var strict = Open(cloud.Url, "eucalyptus");
        Assert.Contains(strict.Check(Spec(s => s.Ec2 = new Ec2Settings { Spot = true })), p => p.Field == "ec2.spot");
        Assert.Empty(provider.Check(Spec()));
    }

    [Fact]
    public async Task MarksPutOnSomebodyElsesInstance_AreNoReasonToEndOrAdoptIt()
    {
        var theirs = cloud.Forge(name.ToString(), Deployment);
        Assert.Empty(await provider.Inventory(default));
        Assert.True((await provider.Look(name, "", default)).IsGone);
        await provider.Stop(name, "", default, default);
        Assert.NotEqual(theirs, (await Start()).InstanceId);
        await provider.Stop(name, "", default, default);
        Assert.True(cloud.Runs(theirs));
    }

    [Fact]
    public async Task MarksTakenOff_ItIsStillThereByItsId()
    {
        var id = (await Start()).InstanceId;
        cloud.Unmark(name.ToString());
        Assert.True((await provider.Look(name, "", default)).IsGone);
        Assert.Equal(Sighting.Running, (await provider.Look(name, id, default)).State);
    }

    [Fact]
    public async Task KilledBeforeItsMark_IsFoundByItsToken()
    {
        await using var strict = await Ec2Double.Start("ec2api");
        using var openstack = Open(strict.Url, "ec2api");
        var id = (await openstack.Start(name, Spec(), "#cloud-config\n", again: true, default)).InstanceId;
        strict.Unmark(name.ToString());
        Assert.Equal(id, (await openstack.Start(name, Spec(), "#cloud-config\n", again: true, default)).InstanceId);
        Assert.Single(await openstack.Inventory(default));
        strict.Unmark(name.ToString());
        await openstack.Stop(name, "", default, default);
        Assert.False(strict.Runs(id));
    }

    [Fact]
    public async Task Inventory_AnswerThatIsNoList_IsNoEmptyList()
    {
        cloud.Instead.Enqueue((200, "<html><body>welcome</body></html>"));
        Assert.Contains("not a list of instances", (await Assert.ThrowsAsync<ProviderException>(() => provider.Inventory(default))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_ServerThatTellsTheUserDataBack_IsNotRepeated()
    {
        var data = "#cloud-config\nsecret: " + new string('s', 40) + "\n";
        var copied = Convert.ToBase64String(Encoding.UTF8.GetBytes(data));
        cloud.Instead.Enqueue((200, "<DescribeInstancesResponse><reservationSet/></DescribeInstancesResponse>"));
        cloud.Instead.Enqueue((200,
            "<DescribeImagesResponse><imagesSet><item><imageState>available</imageState></item></imagesSet></DescribeImagesResponse>"));
        cloud.Instead.Enqueue((400,
            $"<Response><Errors><Error><Code>InvalidParameterValue</Code><Message>bad value "
                + $"{copied}</Message></Error></Errors></Response>"));
        var refused = await Assert.ThrowsAsync<ProviderException>(() => provider.Start(name, Spec(), data, again: true, default));
        Assert.Contains("InvalidParameterValue", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(copied[..16], refused.Message, StringComparison.Ordinal);
    }

    internal const string Deployment = "test";

    internal static LaunchSpec Spec(Action<LaunchSpec>? change = null)
    {
        var spec = ConductorFixture.Spec(s => (s.Provider, s.Image, s.InstanceType) = ("ec2", "ami-0123456789abcdef0", "t3.micro"));
        change?.Invoke(spec);
        return spec;
    }

    internal static Ec2Provider Open(string url, string dialect, AWSCredentials? credentials = null) => new(
        new Ec2Options { Endpoint = url, Region = "us-east-1", Dialect = dialect, LaunchesPerSecond = 100,
            Budget = TimeSpan.FromSeconds(20) }, Deployment, TimeProvider.System, credentials ?? new BasicAWSCredentials("key", "secret"));

    private Task<Started> Start() => provider.Start(name, Spec(), "#cloud-config\n", again: true, default);
}
