using Grpc.Core;
using Grpc.Net.Client;
using Overture.Classifier.Documents;
using Overture.Classifier.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Classifier.Tests;

/// <summary>
/// Definitions compared with the code of a real puppetserver when they are saved; by the terminus listener's certificate.
/// </summary>
[Collection(NativeServer.Collection)]
[Trait("Category", "e2e")]
public sealed class PuppetserverCheckTests(NativeServer native) : IAsyncLifetime
{
    private readonly CertName node = TestIds.New().CertName();
    private readonly GrpcChannel channel = native.House.Channel("operator");

    private ClassifierService.ClassifierServiceClient Classifier => new(channel);

    [Theory]
    [InlineData("classes: {login_allowed: {user: demo, key: 'ssh-ed25519 AAAA', noop: true}}", "")]
    [InlineData("classes: {checked: {port: 80}}\nenvironment: staging", "")]
    [InlineData("classes: ['checked::inner']\nenvironment: staging", "")]
    [InlineData("classes: [login_alowed]", "classes.login_alowed: is not a class in the environment production; is login_allowed meant?")]
    [InlineData("classes: {login_allowed: {usr: demo}}",
        "classes.login_allowed.usr: is not a parameter of that class in the environment production; is user meant?")]
    [InlineData("environment: stagign", "environment: stagign, which the puppetserver does not have; is staging meant?")]
    // What the module example has in production is not in staging, and a file there is broken.
    [InlineData("classes: [login_allowed]\nenvironment: staging",
        "classes.login_allowed: is not a class in the environment staging; 1 file there can't be parsed: Syntax error at end of input")]
    public async Task PutNode_Checked_IsTakenOrRefusedByFieldAndRule(string definition, string told)
    {
        if (told.Length > 0)
        {
            await Refused(() => Put(definition), told);
            Assert.Null(await native.House.Store.Get(ObjectKeys.Node(node), default));
        }
        else
        {
            await Put(definition);
        }
        // Unasked, all of them are valid.
        Assert.NotEmpty((await Put(definition, check: false, again: told.Length == 0)).Node.Etag);
    }

    [Fact]
    public async Task PutNode_EnvironmentOfALayerBelow_IsWhatItIsComparedWith()
    {
        await Layers("groups: [{name: here, match: {certname: '" + node + "'}, environment: staging, classes: [absent]}]\n");
        await Refused(() => Put("classes: [login_allowed]\n"), "classes.login_allowed: is not a class in the environment staging");
        // Another layer's mistake is reported by check, and refused where this definition brings that layer into another environment.
        var saved = await Put("classes: [checked]\n");
        await Refused(() => Put("classes: [login_allowed]\nenvironment: production\n", again: true),
            "classes.absent: is not a class in the environment production (by group here)");
        var check = await Classifier.CheckNodeAsync(new CheckNodeRequest { Certname = node.ToString() });
        Assert.Equal("staging", check.Environment);
        var problem = Assert.Single(check.Problems);
        Assert.Equal(("classes.absent", "group here", ObjectKeys.Layers), (problem.Path, problem.Layer, problem.Document));
        Assert.Equal(saved.Node.Etag, (await Classifier.GetNodeAsync(new GetNodeRequest { Certname = node.ToString() })).Node.Etag);
    }

    [Fact]
    public async Task PutLayers_Checked_IsRefusedAndWhatIsStoredStays()
    {
        await Layers("defaults: {classes: [login_allowed]}\n");
        var standing = (await Classifier.GetLayersAsync(new())).Layers;
        await Refused(() => Layers("groups: [{name: web, environment: staging, classes: {checked: {prot: 1}}}]\n", check: true),
            "groups.web.classes.checked.prot: is not a parameter of that class in the environment staging; is port meant?");
        Assert.Equal(standing.Etag, (await Classifier.GetLayersAsync(new())).Layers.Etag);
        await Layers("groups: [{name: web, environment: staging, classes: {checked: {port: 1}}}]\n", check: true);
    }

    [Fact]
    public async Task CheckNode_AfterADeploy_SeesTheNewCodeAtOnce()
    {
        await Put("classes: [deployed_later]\nenvironment: staging\n", check: false);
        Assert.Single((await Classifier.CheckNodeAsync(new CheckNodeRequest { Certname = node.ToString() })).Problems);
        await native.Server.Deploy("staging", "deployed_later", "class deployed_later { }\n");
        Assert.Empty((await Classifier.CheckNodeAsync(new CheckNodeRequest { Certname = node.ToString() })).Problems);
    }

    [Fact]
    public async Task PutNode_PuppetserverFrozen_IsUnavailableAndSavesUnchecked()
    {
        await native.Server.Freeze();
        try
        {
            var refused = await Assert.ThrowsAsync<RpcException>(() => Put("classes: [login_allowed]\n"));
            Assert.Equal((StatusCode.Unavailable, "PUPPETSERVER_UNAVAILABLE"), (refused.StatusCode, RpcDetails.Reason(refused)));
            Assert.Contains("no answer within 10 s", refused.Status.Detail, StringComparison.Ordinal);
            Assert.Null(await native.House.Store.Get(ObjectKeys.Node(node), default));
            await Put("classes: [login_allowed]\n", check: false);
        }
        finally
        {
            await native.Server.Thaw();
        }
        await Put("classes: [login_allowed]\n", again: true);
    }

    [Fact]
    public async Task EnvironmentClasses_OfWhoIsNoReader_AreRefused()
    {
        using var client = native.House.Ca.Client(native.House.Ca.Issue(node.ToString()));
        using var answer = await client.GetAsync(
            new Uri($"https://localhost:{native.Server.Port}/puppet/v3/environment_classes?environment=production"));
        Assert.Equal(System.Net.HttpStatusCode.Forbidden, answer.StatusCode);
    }

    public async Task InitializeAsync()
    {
        await native.Server.Deploy("staging", "checked", "class checked(Integer $port = 80) { class inner { } }\n");
        await native.Server.Deploy("staging", "broken", "class broken { file { \n");
    }

    public async Task DisposeAsync()
    {
        await Layers("{}\n");
        channel.Dispose();
    }

    private async Task<PutNodeResponse> Put(string definition, bool check = true, bool again = false)
    {
        var etag = again ? (await Classifier.GetNodeAsync(new GetNodeRequest { Certname = node.ToString() })).Node.Etag : "";
        return await Classifier.PutNodeAsync(new PutNodeRequest { Certname = node.ToString(), Definition = definition, Etag = etag,
            Reason = "a test", CheckPuppetserver = check, AllowUnregistered = true });
    }

    private async Task Layers(string document, bool check = false) => await Classifier.PutLayersAsync(new PutLayersRequest
    {
        Document = document, Etag = (await Classifier.GetLayersAsync(new())).Layers.Etag, Reason = "a test", CheckPuppetserver = check,
    });

    private static async Task Refused(Func<Task> save, string told)
    {
        var refused = await Assert.ThrowsAsync<RpcException>(save);
        Assert.Equal((StatusCode.InvalidArgument, "PUPPET_CODE_MISSING"), (refused.StatusCode, RpcDetails.Reason(refused)));
        var field = Assert.Single(RpcDetails.Of(refused).Unpack<Google.Rpc.BadRequest>()!.FieldViolations);
        Assert.StartsWith(told, $"{field.Field}: {field.Description}", StringComparison.Ordinal);
    }
}
