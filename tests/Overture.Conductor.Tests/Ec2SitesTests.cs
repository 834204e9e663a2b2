using Amazon.Runtime;
using Overture.Conductor.Providers;
using Overture.Conductor.Providers.Ec2;
using Overture.Conductor.V1;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>Several regions and accounts: each launch goes to its own, and so does all that follows it.</summary>
public sealed class Ec2SitesTests : IAsyncLifetime
{
    private const string Role = "arn:aws:iam::222222222222:role/overture";
    private Ec2Double cloud = null!;
    private Ec2Options options = null!;
    private ProviderSet providers = null!;

    public async Task InitializeAsync()
    {
        cloud = await Ec2Double.Start();
        cloud.HasSites = true;
        options = new Ec2Options
        {
            Endpoint = cloud.Url, StsEndpoint = cloud.Url, Region = "us-east-1", Regions = ["eu-west-1"], LaunchesPerSecond = 100,
            Budget = TimeSpan.FromSeconds(20), Account = "main",
            Accounts = new Dictionary<string, Ec2AccountOptions>
                { ["prod"] = new() { RoleArn = Role, ExternalId = "overture-1", Region = "eu-central-1" } },
        };
        providers = Open(options);
    }

    public async Task DisposeAsync()
    {
        Close(providers);
        await cloud.DisposeAsync();
    }

    [Fact]
    public void Of_AccountsAndRegions_HaveLabelsThatStay()
    {
        Assert.Empty((options with { Endpoint = "https://ec2.{region}.example.com" }).Problems("test"));
        Assert.Equal(["main", "main/eu-west-1", "222222222222/eu-central-1", "222222222222/eu-west-1"],
            Ec2Sites.Of(options).Select(s => s.Label));
        // As it was before there were any.
        Assert.Equal("ec2.us-east-1.amazonaws.com/us-east-1", Ec2Sites.Of(new() { Region = "us-east-1" }).Single().Label);
        Assert.Equal(["ec2.accounts", "ec2.accounts.Main!.roleArn", "ec2.accounts.Main!"], (options with
        {
            Account = "Main!", Accounts = new Dictionary<string, Ec2AccountOptions> { ["Main!"] = new() },
            Endpoint = "",
        }).Problems("test").Select(p => p.Field)
            .OrderBy(f => f.Length == 12 ? 0 : f.EndsWith("roleArn", StringComparison.Ordinal) ? 1 : 2));
    }

    [Fact]
    public async Task Launch_InAnotherRegionAndAccount_IsFoundThereAlone()
    {
        var name = TestIds.New().CertName();
        var spec = Spec("prod", "eu-west-1");
        var there = providers.Find(spec)!;
        var id = (await there.Start(name, spec, "#cloud-config\n", again: false, default)).InstanceId;
        Assert.Equal(("ASIA222222222222", "eu-west-1"), cloud.Signed.Select(s => (s.Key, s.Region)).Last());
        Assert.StartsWith("session-", cloud.Signed.Last().Session, StringComparison.Ordinal);
        foreach (var provider in providers.All)
            Assert.Equal(provider == there ? 1 : 0, (await provider.Inventory(default)).Count);
        // The launch record has the account: what it names holds it, whatever else is configured.
        Assert.Same(there, providers.HolderOf("ec2", there.Account, there.Region));
        Assert.Equal(("222222222222/eu-west-1", "eu-west-1"), (there.Account, there.Region));
        Assert.NotNull(await there.Look(name, id, default));
        await there.Stop(name, id, default, default);
        Assert.True((await there.Look(name, id, default)).IsGone);
    }

    // Another region made the default: what runs in the old one is not missing in the new one.
    [Fact]
    public void HolderOf_LabelWhoseRegionIsAnotherNow_IsNone()
    {
        Assert.Equal("main", providers.HolderOf("ec2", "main", "us-east-1")?.Account);
        Assert.Null(providers.HolderOf("ec2", "main", "eu-west-1"));
        Assert.Equal("main", providers.HolderOf("ec2", "main", "")?.Account);
    }

    // Two providers of one label would each take the other's instances for missing.
    [Fact]
    public void Problems_OneLabelTwice_IsRefused()
    {
        var sound = options with { Endpoint = "", StsEndpoint = "" };
        Assert.Empty(sound.Problems("test"));
        Assert.Equal("ec2.accounts", Assert.Single((sound with { Account = "222222222222" }).Problems("test")).Field);
        Assert.Equal("ec2.accounts", Assert.Single((sound with
        {
            Accounts = new Dictionary<string, Ec2AccountOptions> { ["a"] = new() { RoleArn = Role }, ["b"] = new() { RoleArn = Role } },
        }).Problems("test")).Field);
    }

    [Fact]
    public void Problems_OneEndpointForSeveralRegions_IsRefused()
    {
        string[] Fields(string endpoint, string sts = "https://sts.example.com/services/Tokens") =>
            [.. (options with { Endpoint = endpoint, StsEndpoint = sts }).Problems("test").Select(p => p.Field)];
        Assert.Equal(["ec2.endpoint"], Fields("https://cloud.example.com"));
        Assert.Equal(["ec2.endpoint"], Fields("https://cloud.example.com/{region}/"));
        Assert.Empty(Fields("https://{region}.cloud.example.com"));
        Assert.Equal(["ec2.stsEndpoint"], Fields("https://{region}.cloud.example.com", sts: ""));
        Assert.Equal("eu-west-1.cloud.example.com", (options with { Endpoint = "https://{region}.cloud.example.com", Region = "eu-west-1" })
            .Url.Authority);
    }

    [Fact]
    public async Task Role_TokenServiceWithAPath_IsAskedThere()
    {
        var there = Open(options with { StsEndpoint = $"{cloud.Url}/services/Tokens" });
        Assert.Contains("NoSuchPath", await there.Find(Spec("prod"))!.CheckReady(default), StringComparison.Ordinal);
        Close(there);
    }

    [Fact]
    public async Task Role_TokenServiceFailsForAMoment_IsAskedAgain()
    {
        cloud.Instead.Enqueue((503, Ec2Double.Error("ServiceUnavailable")));
        cloud.Instead.Enqueue((400, Ec2Double.Error("Throttling")));
        Assert.Null(await providers.Find(Spec("prod"))!.CheckReady(default));
        Assert.Equal(3, cloud.Calls.Count(c => c["Action"] == "AssumeRole"));
    }

    [Fact]
    public async Task Role_KeyExpiredBeforeItsTime_IsAnotherOneOnce()
    {
        var there = providers.Find(Spec("prod"))!;
        Assert.Null(await there.CheckReady(default));
        cloud.Instead.Enqueue((400, Ec2Double.Error("ExpiredToken")));
        Assert.Null(await there.CheckReady(default));
        Assert.Equal(2, cloud.Calls.Count(c => c["Action"] == "AssumeRole"));
        // The main account's key is no such one.
        cloud.Instead.Enqueue((400, Ec2Double.Error("ExpiredToken")));
        Assert.Contains("has expired", await providers.Find(Spec())!.CheckReady(default), StringComparison.Ordinal);
    }

    [Fact]
    public void Find_NamesNone_IsTheDefaultOfTheAccount()
    {
        Assert.Equal("main", providers.Find(Spec())!.Account);
        Assert.Equal("222222222222/eu-central-1", providers.Find(Spec("prod"))!.Account);
        Assert.Equal("main/eu-west-1", providers.Find(Spec("", "eu-west-1"))!.Account);
    }

    [Fact]
    public void Check_UnknownAccountOrRegion_IsRefusedWithThoseThatAreAllowed()
    {
        var provider = providers.Find("ec2")!;
        Assert.Empty(provider.Check(Spec("prod", "eu-west-1")));
        var account = Assert.Single(provider.Check(Spec("test")));
        Assert.Equal(("ec2.account", "must be empty or one of prod (option ec2.accounts)"), (account.Field, account.Rule));
        var region = Assert.Single(provider.Check(Spec("prod", "us-east-1")));
        Assert.Equal(("ec2.region", "must be empty or one of eu-central-1, eu-west-1 (option ec2.regions)"), (region.Field, region.Rule));
    }

    [Fact]
    public async Task Role_IsAskedForOnceWhileItIsGood_AndAgainBeforeItEnds()
    {
        var there = providers.Find(Spec("prod"))!;
        for (var i = 0; i < 3; i++)
            Assert.Null(await there.CheckReady(default));
        var asked = Assert.Single(cloud.Calls, c => c["Action"] == "AssumeRole");
        Assert.Equal((Role, "overture-test", "overture-1"), (asked["RoleArn"], asked["RoleSessionName"], asked["ExternalId"]));
        // Good for less than it is renewed before its end: it is another one soon.
        cloud.RoleLife = TimeSpan.FromMinutes(4);
        var fresh = Open(options);
        await Eventually.True(async () => await fresh.Find(Spec("prod"))!.CheckReady(default) is null
            && cloud.Signed.Select(s => s.Session).Where(s => s.Length > 0).Distinct().Count() > 2, "the key is another one");
        Close(fresh);
    }

    [Fact]
    public async Task Role_Refused_SaysWhichAndShowsNoKey()
    {
        var wrong = Open(options with
        {
            Accounts = new Dictionary<string, Ec2AccountOptions> { ["prod"] = new() { RoleArn = Role, ExternalId = "wrong" } },
        });
        var why = await wrong.Find(Spec("prod"))!.CheckReady(default);
        Assert.Contains($"AssumeRole of {Role}: AccessDenied", why, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", why, StringComparison.Ordinal);
        // Another account is none the worse.
        Assert.Null(await wrong.Find(Spec())!.CheckReady(default));
        Close(wrong);
    }

    private static LaunchSpec Spec(string account = "", string region = "") =>
        Ec2ProviderTests.Spec(s => s.Ec2 = new Ec2Settings { Account = account, Region = region });

    private static ProviderSet Open(Ec2Options options) => new(Ec2Sites.Of(options).Select(site =>
        new Ec2Provider(options, Ec2ProviderTests.Deployment, TimeProvider.System, new BasicAWSCredentials("key", "secret"), site))
            .ToList());

    private static void Close(ProviderSet providers)
    {
        foreach (var provider in providers.All.OfType<IDisposable>())
            provider.Dispose();
    }
}
