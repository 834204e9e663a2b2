using System.Diagnostics;
using System.Text.RegularExpressions;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests.Acceptance;

/// <summary>How a real agent gets its certificate: puppet-contracts §10, rows 4-8 and 10.</summary>
[Collection(AcceptanceCollection.Name), Trait("Category", "integration")]
public sealed class BootstrapRows(CaHouse house) : IAsyncLifetime
{
    private RunningCa ca = null!;

    public async Task InitializeAsync() => ca = await house.Start("puppet");

    public async Task DisposeAsync() => await ca.DisposeAsync();

    [Fact]
    public async Task Row04_Bootstrap_TakesFourRequestsAndLessThanFiveSeconds()
    {
        // It waits for nothing (with a stall of the server it would each time); but Ruby may have to wait for a processor.
        var took = TimeSpan.MaxValue;
        for (var time = 0; time < 4 && took > TimeSpan.FromSeconds(5); time++)
            took = await Bootstrap();
        Assert.True(took < TimeSpan.FromSeconds(5), $"took {took.TotalSeconds:0.0} s");
    }

    private async Task<TimeSpan> Bootstrap()
    {
        var instance = await house.Launch();
        using var agent = AgentHost.Of(ca, instance);
        var before = Requests().Count;
        var started = Stopwatch.GetTimestamp();

        var (exit, output) = await agent.Bootstrap();

        var took = Stopwatch.GetElapsedTime(started);
        Assert.True(exit == 0, output);
        Assert.Contains("Completed SSL initialization", output, StringComparison.Ordinal);
        Assert.Equal(
            [
                "\"GET /puppet-ca/v1/certificate/ca HTTP/1.1\" 200",
                "\"GET /puppet-ca/v1/certificate_revocation_list/ca HTTP/1.1\" 200",
                $"\"PUT /puppet-ca/v1/certificate_request/{instance.Name} HTTP/1.1\" 200",
                $"\"GET /puppet-ca/v1/certificate/{instance.Name} HTTP/1.1\" 200",
            ],
            Requests().Skip(before).Select(l => Regex.Match(l, "^127\\.0\\.0\\.1 - - \\[\\d\\d/[A-Z][a-z]{2}/\\d{4}:\\d\\d:\\d\\d:\\d\\d \\+0000\\] (\".*\" \\d+) (\\d+|-)$").Groups[1].Value));
        return took;
    }

    [Fact]
    public async Task Row05_VerifyAndShow_AreContent()
    {
        using var agent = AgentHost.Of(ca, await house.Launch());
        await Content(agent.Bootstrap(), "Completed SSL initialization");

        await Content(agent.Ssl("verify"), "Verified client certificate");
        await Content(agent.Ssl("show"),
            "Version: 3", $"CN={agent.Certname}\n", $"DNS:{agent.Certname}", "X509v3 Key Usage: critical", "X509v3 Extended Key Usage: critical", "X509v3 Basic Constraints: critical",
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
        var waiting = agent.Bootstrap("--waitforcert", "2", "--maxwaitforcert", "50");
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
        // A name like a launched one that nobody launched (yet): 403, and the agent comes again.
        var waiting = agent.Bootstrap("--waitforcert", "2", "--maxwaitforcert", "50");
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

    private List<string> Requests()
    {
        return File.Exists(ca.Options.PuppetApi.AccessLog) ? [.. ca.AccessLog.Split('\n', StringSplitOptions.RemoveEmptyEntries)] : [];
    }

    private static async Task Content(Task<(int Exit, string Output)> run, params string[] says)
    {
        var (exit, output) = await run;
        Assert.True(exit == 0, output);
        // Ruby writes "CN = x" with one OpenSSL and "CN=x" with another.
        Assert.All(says, s => Assert.Contains(s, output.Replace("CN = ", "CN=", StringComparison.Ordinal), StringComparison.Ordinal));
    }
}
