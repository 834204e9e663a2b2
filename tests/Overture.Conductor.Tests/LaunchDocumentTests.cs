using Google.Protobuf;
using Overture.Conductor.Specs;
using Overture.Conductor.V1;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>start_instance.yaml to a spec: every key, every mistake by line.</summary>
public sealed class LaunchDocumentTests
{
    private const string Everything = """
        bucket: file:/srv/objects
        provider: ec2
        image: 12.10
        instance_type: t3.small
        puppet: {server: puppet.example.com, serverport: 8140, ca_server: ca.example.com, ca_port: 8141,
          agent: {flavour: openvox8, version: 8.21, repository: {apt: a, yum: b, key: c}, key_type: ec, runinterval: 30m, splay: 5m,
            report: false, settings: {main: {a: 1}, agent: {b: 2}, user: {c: 3}}}}
        node:
          classes: [ntp, "ssh::server"]
          parameters: {mode: 0777, answer: yes, ratio: 1.5, really: true, nothing: ~}
          environment: production
        labels: {yes: no, port: 0777}
        extensions: {pp_role: web}
        dns_alt_names: [a.example.com]
        profile: web
        role: puppetserver
        attestation: provider
        deadline: 90m
        ec2:
          subnet_id: subnet-1
          subnet_ids: [subnet-2]
          instance_types: [t3.large]
          image: {name: "debian-13-*", owner: 136693071363, architecture: arm64}
          account: prod
          region: eu-west-1
          spot_fallback: on-demand
          security_group_ids: [sg-1, sg-2]
          instance_profile: web
          key_name: admin
          spot: true
          spot_max_price: 0.05
          block_devices:
            - {device_name: /dev/xvda, volume_size: 20, volume_type: gp3, encrypted: true}
          public_address: false
          availability_zone: eu-central-1a
          tags: {team: 7}
        ttl: 8h
        cloud_config:
          packages: [jq]
          write_files:
            - {path: /etc/motd, permissions: "0644", content: "hello\n"}
        scripts:
          - |
            #!/bin/sh
            echo hello
        deadlines: {running: 5m, csr: 10m, converged: 2h}
        protected: true
        """;

    [Fact]
    public void Read_EveryKey_ArrivesAsWritten()
    {
        var document = LaunchDocument.Read(Everything);
        Assert.Empty(document.Problems);
        var spec = document.Spec;
        // No field of the contract is without a key.
        Assert.Empty(Unset(spec).Concat(Unset(spec.Ec2)).Concat(Unset(spec.Ec2.BlockDevices[0])).Concat(Unset(spec.Ec2.Image))
            .Concat(Unset(spec.Puppet)).Concat(Unset(spec.Node)).Concat(Unset(spec.Deadlines)).Concat(Unset(spec.Puppet.Agent))
            .Concat(Unset(spec.Puppet.Agent.Repository)).Concat(Unset(spec.Puppet.Agent.Settings)));
        Assert.Equal(("12.10", "0777", "no", "0.05", "7"),
            (spec.Image, spec.Labels["port"], spec.Labels["yes"], spec.Ec2.SpotMaxPrice, spec.Ec2.Tags["team"]));
        Assert.Equal(("yes", "0777", 1.5),
            (spec.Node.Parameters.Fields["answer"].StringValue, spec.Node.Parameters.Fields["mode"].StringValue,
                spec.Node.Parameters.Fields["ratio"].NumberValue));
        Assert.Equal((Attestation.Provider, 28_800L, 5400L), (spec.Attestation, spec.Ttl.Seconds, spec.Deadline.Seconds));
        Assert.Equal((300L, 600L, 7200L), (spec.Deadlines.Running.Seconds, spec.Deadlines.Csr.Seconds, spec.Deadlines.Converged.Seconds));
        Assert.Equal(["#!/bin/sh\necho hello\n"], spec.Scripts);
        Assert.Equal("hello\n", UserDataTree.Of(spec.CloudConfig).Text("write_files", "0", "content"));
        Assert.True(spec.Ec2.HasPublicAddress);
        Assert.Equal((SpotFallback.OnDemand, "136693071363"), (spec.Ec2.SpotFallback, spec.Ec2.Image.Owner));
    }

    [Fact]
    public void Read_CloudConfigAsText_IsThatText() =>
        Assert.Equal("#cloud-config\npackages: [jq]\n",
            LaunchDocument.Read("cloud_config: |\n  #cloud-config\n  packages: [jq]\n").Spec.CloudConfig);

    [Fact]
    public void Read_TheExample_ShowsEveryKeyAndHasNoProblem()
    {
        var text = File.ReadAllText(RepositoryPaths.File("examples/start_instance.yaml"));
        Assert.Empty(LaunchDocument.Read(text).Problems);
        // The keys in comments are keys too.
        var optional = text.Split('\n').SkipWhile(l => !l.StartsWith("# Everything below", StringComparison.Ordinal)).Skip(1)
            .TakeWhile(l => l != "#").Select(l => l[2..]);
        var all = LaunchDocument.Read(text.Replace("\n  # ", "\n  ", StringComparison.Ordinal) + string.Join('\n', optional));
        Assert.Empty(all.Problems);
        Assert.Empty(Unset(all.Spec).Concat(Unset(all.Spec.Ec2)).Concat(Unset(all.Spec.Ec2.BlockDevices[0])).Concat(Unset(all.Spec.Puppet))
            .Concat(Unset(all.Spec.Node)).Concat(Unset(all.Spec.Deadlines)).Concat(Unset(all.Spec.Puppet.Agent)));
        Assert.Equal("#!/bin/sh\necho hello\n", Assert.Single(all.Spec.Scripts));
    }

    [Theory]
    [InlineData("provider: local\nimgae: host\n", 2, "imgae", "is unknown; is image meant?")]
    [InlineData("puppet:\n  server: a\n  sever: b\n", 3, "puppet.sever", "is unknown; is server meant?")]
    [InlineData("puppet:\n  serverport: 70000\n", 2, "puppet.serverport", "must be a port")]
    [InlineData("puppet: [a]\n", 1, "puppet", "must be a mapping")]
    [InlineData("node:\n  class: {}\n", 2, "node.class", "is unknown")]
    [InlineData("node:\n  parameters:\n    n: 9007199254740993\n", 3, "node.parameters.n", "exceeds 2^53")]
    [InlineData("node:\n  parameters:\n    n: [99999999999999999999999]\n", 3, "node.parameters.n[0]", "exceeds 2^53")]
    [InlineData("labels:\n  a: 1\n  b: [c]\n", 3, "labels.b", "must be a text")]
    [InlineData("dns_alt_names: web\n", 1, "dns_alt_names", "must be a list")]
    [InlineData("provider: [local]\n", 1, "provider", "must be a text")]
    [InlineData("deadline: soon\n", 1, "deadline", "must be a duration")]
    [InlineData("ttl: 8\n", 1, "ttl", "must be a duration")]
    [InlineData("deadlines:\n  csr: x\n", 2, "deadlines.csr", "must be a duration")]
    [InlineData("deadlines:\n  boot: 1m\n", 2, "deadlines.boot", "is unknown")]
    [InlineData("protected: yes\n", 1, "protected", "must be true or false")]
    [InlineData("protected: \"true\"\n", 1, "protected", "must be true or false")]
    [InlineData("attestation: none\n", 1, "attestation", "must be registry")]
    [InlineData("ec2:\n  spot_fallback: reserved\n", 2, "ec2.spot_fallback", "must be on-demand")]
    [InlineData("ec2:\n  image:\n    newest: true\n", 3, "ec2.image.newest", "is unknown")]
    [InlineData("ec2:\n  subnet: a\n", 2, "ec2.subnet", "is unknown")]
    [InlineData("ec2:\n  block_devices:\n    - device_name: a\n    - size: 1\n", 4, "ec2.block_devices[1].size", "is unknown")]
    [InlineData("ec2:\n  block_devices:\n    - volume_size: 0\n", 3, "ec2.block_devices[0].volume_size", "must be 1 to 16384")]
    [InlineData("scripts:\n  - a: b\n", 2, "scripts[0]", "must be a text")]
    [InlineData("cloud_config: [a]\n", 1, "cloud_config", "must be a mapping, or the text of one")]
    [InlineData("cloud_config:\n  ssh_pwauth: no\n", 2, "cloud_config.ssh_pwauth", "which cloud-init reads as true or false")]
    [InlineData("certname: web-%i\n", 1, "certname", "every instance gets a random certname")]
    [InlineData("puppet:\n  certname: '%f'\n", 2, "puppet.certname", "every instance gets a random certname")]
    [InlineData("puppet:\n  conf:\n    agent:\n      certname: a\n", 4, "puppet.conf.agent.certname", "register --certname")]
    [InlineData("puppet:\n  agent:\n    x: node-%i\n", 3, "puppet.agent.x", "overture instance list")]
    [InlineData("puppet:\n  server: '%i.example.com'\n", 2, "puppet.server", "random certname")]
    [InlineData("provider: local\nprovider: ec2\n", 2, "", "the key 'provider' twice")]
    [InlineData("labels: &a {x: y}\n", 1, "", "uses an anchor")]
    [InlineData("labels: {x: !!binary eA==}\n", 1, "", "uses the tag")]
    [InlineData("provider: local\n---\nprovider: ec2\n", 2, "", "more than one document")]
    [InlineData("- provider\n", 1, "", "must be a mapping")]
    [InlineData("", 0, "", "is empty")]
    public void Read_Wrong_IsToldOnceByLineAndField(string yaml, int line, string field, string rule)
    {
        var problem = Assert.Single(LaunchDocument.Read(yaml).Problems);
        Assert.Equal((line, field), (problem.Line, problem.Field));
        Assert.Contains(rule, problem.Rule, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_ManyMistakes_TellsEach() =>
        Assert.Equal(["imgae", "ttl", "puppet.sever"],
            LaunchDocument.Read("imgae: a\nttl: x\npuppet:\n  sever: b\n").Problems.Select(p => p.Field));

    private static IEnumerable<string> Unset(IMessage message) => message.Descriptor.Fields.InDeclarationOrder()
        .Where(f => f.HasPresence ? !f.Accessor.HasValue(message)
            : f.Accessor.GetValue(message) is "" or 0 or false or System.Collections.ICollection { Count: 0 } or Attestation.Unspecified)
        .Select(f => f.Name);
}
