using Overture.CertAuthority.PuppetApi;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests.Acceptance;

/// <summary>How a real agent gets its certificate: docs/puppet-contracts.md §10, rows 5-8 and 10.</summary>
[Collection(AgentCollection.Name), Trait("Category", "integration")]
public sealed class BootstrapRows(CaFixture house) : IAsyncLifetime
{
    private RunningCa ca = null!;

    public async Task InitializeAsync() => ca = await house.Start("puppet");

    public async Task DisposeAsync() => await ca.DisposeAsync();

    [Fact]
    public async Task Row05_VerifyAndShow_AreContent()
    {
        using var agent = AgentHost.Of(ca, await house.Launch());
        await Content(agent.Bootstrap(), "Completed SSL initialization");

        await Content(agent.Ssl("verify"), "Verified client certificate");
        await Content(agent.Ssl("show"),
            "Version: 3", $"CN={agent.Certname}\n", $"DNS:{agent.Certname}", "X509v3 Key Usage: critical",
            "X509v3 Extended Key Usage: critical", "X509v3 Basic Constraints: critical",
            "X509v3 Authority Key Identifier", "X509v3 Subject Key Identifier", "Netscape Comment");
    }

    [Fact]
    public async Task Row06_UnknownName_WaitsAndIsListed()
    {
        using var admin = await AdminHost.Create(ca);
        using var agent = new AgentHost(ca, "row06.example.org");

        var (exit, output) = await agent.Bootstrap();

        Assert.Equal(1, exit);
        Assert.Contains("has not been signed yet", output, StringComparison.Ordinal);
        await Content(admin.Ca("list"), "row06.example.org");
    }

    [Fact]
    public async Task Row07_SignedWhileTheAgentWaits_HasItWithinTwoPolls()
    {
        using var admin = await AdminHost.Create(ca);
        using var agent = new AgentHost(ca, "row07.example.org");
        var waiting = agent.Bootstrap("--waitforcert", "2", "--maxwaitforcert", "240");
        await Eventually.True(() => Requests().Any(IsPoll), "the agent asks for its certificate");

        await admin.Define(agent.Certname);
        await Content(admin.Ca("sign", "--certname", agent.Certname), "Successfully signed certificate request for row07.example.org");
        var before = Requests().Count(IsPoll);

        await Content(waiting, "Completed SSL initialization");
        Assert.InRange(Requests().Count(IsPoll) - before, 0, 2);

        bool IsPoll(string line) => line.Contains($"GET /puppet-ca/v1/certificate/{agent.Certname} ", StringComparison.Ordinal);
    }

    [Fact]
    public async Task Row07_RegisteredWhileTheAgentWaits_HasItWithinTwoPolls()
    {
        var name = house.NewName().ToString();
        using var agent = new AgentHost(ca, name);
        // A name like a launched one that no one launched (yet): 403, and the agent comes again.
        var waiting = agent.Bootstrap("--waitforcert", "2", "--maxwaitforcert", "240");
        await Eventually.True(() => Requests().Any(IsRequest), "the agent has asked");
        Assert.Contains(" 403 ", Requests().First(IsRequest), StringComparison.Ordinal);

        await house.Launch(l => l.Attestation = Attestation.Registry, name);
        var before = Requests().Count(IsRequest);

        await Content(waiting, "Completed SSL initialization");
        Assert.InRange(Requests().Count(IsRequest) - before, 0, 2);

        bool IsRequest(string line) => line.Contains($"PUT /puppet-ca/v1/certificate_request/{name} ", StringComparison.Ordinal);
    }

    [Fact]
    public async Task Row08_WaitingAgentAgain_SameKey_IsOneRequest()
    {
        using var agent = new AgentHost(ca, "row08.example.org");
        for (var time = 0; time < 2; time++)
        {
            var (exit, output) = await agent.Bootstrap();
            Assert.Equal(1, exit);
            Assert.Contains("has not been signed yet", output, StringComparison.Ordinal);
        }
        Assert.DoesNotContain(Requests(), l => l.Contains("\" 5", StringComparison.Ordinal));
        Assert.Single(await house.Keys(ObjectKeys.HeldRequestsOf(CertName.Parse(agent.Certname))));
    }

    [Fact]
    public async Task Row10_CaFingerprint_RightIsVerified_WrongIsRefused()
    {
        var fingerprint = (await Tool.Run("sha256sum", house.BundleFile)).Output.Split(' ')[0];
        using var right = AgentHost.Of(ca, await house.Launch());
        await Content(right.Bootstrap("--ca_fingerprint", fingerprint), "Verified CA bundle", "Completed SSL initialization");

        using var wrong = AgentHost.Of(ca, await house.Launch());
        var (exit, output) = await wrong.Bootstrap("--ca_fingerprint", new string('0', 64));
        Assert.Equal(1, exit);
        Assert.Contains("did not match", output, StringComparison.Ordinal);
        Assert.Null(await ca.Certificate(CertName.Parse(wrong.Certname)));
    }

    private string[] Requests() => ca.AccessLog.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private static async Task Content(Task<(int Exit, string Output)> run, params string[] says)
    {
        var (exit, output) = await run;
        Assert.True(exit == 0, output);
        // Ruby writes "CN = x" with one OpenSSL and "CN=x" with another.
        Assert.All(says, s => Assert.Contains(s, output.Replace("CN = ", "CN=", StringComparison.Ordinal), StringComparison.Ordinal));
    }
}
