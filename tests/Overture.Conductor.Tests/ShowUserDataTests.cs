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
        timezone: Europe/Vienna
        runcmd:
        - curl -H "Authorization; Tuesday6" https://example.com
        - [mysql, "-pTuesday7"]
        - "PIN=4711001 enroll"
        bootcmd:
        - "echo Tuesday8 > /etc/psk"
        landscape:
          client:
            registration_key: "Tuesday9"
            computer_title: "Tuesday10"
        apt:
          sources:
            ours: { source: "deb https://me:Tuesday11@deb.example.com/Tuesday12/?key=Tuesday13 stable main" }
        wireguard:
          interfaces:
          - { name: wg0, config_path: /etc/wg0.conf, content: "PrivateKey = Tuesday14" }
        mounts: [["//nas/x", /mnt, cifs, "username=a,password=Tuesday15"]]
        """;

    // What the schema of cloud-init does not know, or not with such values: the mask takes any document.
    private const string Further = """
        authkey: "Tuesday1"
        psk: 4711002
        pin: 4711003
        switch: true
        chpasswd: { users: [{ name: Tuesday2, password: 4711004 }] }
        write_files:
        - path: /etc/shown
          source: { uri: "https://Tuesday3@files.example.com/Tuesday4", headers: { Authorization: "Tuesday5", name: "Tuesday6" } }
        """;

    [Fact]
    public void Value_IsMasked_UnlessItsKeyIsKnownToBeHarmless()
    {
        var spec = ConductorFixture.Spec(s =>
        {
            s.CloudConfig = Further;
            s.Scripts.Add("#!/usr/bin/env -S KEY=Tuesday7 sh\nexit\n");
            s.Puppet.Agent = new() { Settings = new() { Main = { ["http_proxy_password"] = "Tuesday8", ["runtimeout"] = "61m" } } };
        });
        var shown = $"{SecretMask.On(spec)}";
        string[] kept = ["authkey", "psk", "/etc/shown", "files.example.com", "Authorization", "#!/usr/bin/env", "http_proxy_password",
            "61m"];
        Assert.All(kept, k => Assert.Contains(k, shown, StringComparison.Ordinal));
        foreach (var secret in new[] { "Tuesday", "4711", "true" })
            Assert.DoesNotContain(secret, SecretMask.On(spec).CloudConfig, StringComparison.Ordinal);
        Assert.DoesNotContain("Tuesday", shown, StringComparison.Ordinal);
    }

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
        string[] kept = [certname, "ssh-rsa AAAA shown", "/etc/app.conf", "htop", "#!/bin/sh", SecretMask.Text, "puppet.example.com",
            "Europe/Vienna", "registration_key", "deb https://********@deb.example.com/******** stable main",
            "/var/lib/cloud/instance/overture/agent"];
        Assert.All(kept, k => Assert.Contains(k, shown, StringComparison.Ordinal));
        Assert.Contains("Tuesday1", given, StringComparison.Ordinal);
        Assert.DoesNotContain("Tuesday", shown, StringComparison.Ordinal);
        Assert.DoesNotContain("4711", shown, StringComparison.Ordinal);
        var token = host.Get<Instances.LaunchKeys>().Token("r1", Platform.Records.CertName.Parse(certname));
        Assert.Contains(token, given, StringComparison.Ordinal);
        Assert.DoesNotContain(token, shown, StringComparison.Ordinal);
        Assert.Equal(StatusCode.PermissionDenied, (await Assert.ThrowsAsync<RpcException>(async () =>
            await host.As("viewer").GetUserDataAsync(new() { Certname = certname }))).StatusCode);
        Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(async () =>
            await host.As("operator").GetUserDataAsync(new() { Certname = $"{TestIds.New().CertName()}" }))).StatusCode);
    }
}
