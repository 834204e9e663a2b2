using Grpc.Core;
using Overture.Conductor.Launch;
using Overture.Conductor.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>GetUserData: what cloud-init was given, without what is secret.</summary>
[Trait("Category", "integration")]
public sealed class ShowUserDataTests
{
    private const string CloudConfig = """
        chpasswd:
          expire: false
          list: "root:Tuesday1"
        ssh_keys:
          rsa_private: "Tuesday2"
          rsa_public: "ssh-rsa AAAA shown"
        write_files:
        - path: /etc/app.conf
          content: "key=Tuesday3"
        users:
        - name: shown
          hashed_passwd: "Tuesday4"
        packages: [htop]
        """;

    [Fact]
    public async Task UserData_IsShownAsItWasGiven_WithEachSecretMasked()
    {
        using var world = new ConductorFixture();
        var provider = new FakeProvider();
        await using var host = await ConductorHost.Start(world, new() { Provider = provider });
        var request = new LaunchInstancesRequest
        {
            RequestId = "r1", Spec = ConductorFixture.Spec(s =>
            {
                s.CloudConfig = CloudConfig;
                s.Scripts.Add("#!/bin/sh\ncurl -u me:Tuesday5 https://example.com\n");
            }),
        };
        var certname = Assert.Single((await host.As("operator").LaunchInstancesAsync(request)).Results).Instance.Certname;
        var given = provider.Asked.Single().UserData;
        var shown = (await host.As("operator").GetUserDataAsync(new() { Certname = certname })).UserData;
        foreach (var kept in new[] { certname, "ssh-rsa AAAA shown", "/etc/app.conf", "htop", "#!/bin/sh", SecretMask.Text, "puppet.example.com" })
            Assert.Contains(kept, shown, StringComparison.Ordinal);
        Assert.Contains("Tuesday1", given, StringComparison.Ordinal);
        Assert.DoesNotContain("Tuesday", shown, StringComparison.Ordinal);
        var token = host.Get<Instances.LaunchKeys>().Token("r1", Platform.Records.CertName.Parse(certname));
        Assert.Contains(token, given, StringComparison.Ordinal);
        Assert.DoesNotContain(token, shown, StringComparison.Ordinal);
        Assert.Equal(StatusCode.PermissionDenied, (await Assert.ThrowsAsync<RpcException>(async () =>
            await host.As("viewer").GetUserDataAsync(new() { Certname = certname }))).StatusCode);
        Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(async () =>
            await host.As("operator").GetUserDataAsync(new() { Certname = $"{TestIds.New().CertName()}" }))).StatusCode);
    }
}
