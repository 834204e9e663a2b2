using Overture.Conductor.V1;
using Overture.TestSupport;

namespace Overture.Cli.Tests;

[Collection(OvertureCollection.Name)]
[Trait("Category", "integration")]
public sealed class LaunchFileTests(OvertureFixture overture)
{
    [Theory]
    [InlineData("provider: local\nimgae: host\n", ":2: imgae is unknown; is image meant?")]
    [InlineData("puppet:\n  server: a\n  sever: b\n", ":3: puppet.sever is unknown")]
    [InlineData("puppet:\n  serverport: 70000\n", ":2: puppet.serverport must be a port")]
    [InlineData("node:\n  class: {}\n", ":2: node.class is unknown")]
    [InlineData("node:\n  parameters:\n    n: 9007199254740993\n", ":3: node.parameters.n 9007199254740993 exceeds 2^53")]
    [InlineData("node:\n  parameters:\n    n: 99999999999999999999999\n", ":3: node.parameters.n 99999999999999999999999 exceeds 2^53")]
    [InlineData("provider: local\nprovider: ec2\n", ":2: has the key 'provider' twice")]
    [InlineData("labels: &a {x: y}\n", ":1: uses an anchor")]
    [InlineData("labels: {x: !!binary eA==}\n", ":1: uses the tag")]
    [InlineData("provider: local\n---\nprovider: ec2\n", ":2: holds more than one document")]
    [InlineData("dns_alt_names: web\n", ":1: dns_alt_names must be a list")]
    [InlineData("provider: [local]\n", ":1: provider must be a text")]
    [InlineData("deadline: soon\n", ":1: deadline must be a duration")]
    [InlineData("ttl: 8\n", ":1: ttl must be a duration")]
    [InlineData("protected: yes\n", ":1: protected must be true or false")]
    [InlineData("deadlines: {boot: 5m}\n", ":1: deadlines.boot is unknown")]
    [InlineData("imgae: a\nttl: x\n", ":2: ttl must be a duration")]
    [InlineData("certname: node-%i\n", ":1: certname is not chosen here")]
    [InlineData("cloud_config: {ssh_pwauth: no}\n", "which cloud-init reads as true or false")]
    [InlineData("- provider\n", "must be a mapping")]
    [InlineData("", "is empty")]
    [InlineData("provider: \"local\n", ":")]
    public async Task File_Wrong_Is2WithItsLine(string yaml, string told)
    {
        using var directory = new TempDirectory();
        var file = directory.File("spec.yaml");
        await File.WriteAllTextAsync(file, yaml);
        var ran = (await overture.Run("launch", "-c", file)).Exit(2).Says($"error: {file}:").Says(told);
        Assert.Equal("", ran.Output);
    }

    [Fact]
    public async Task File_WrongHereAndThere_NamesAllAtOnceByLine()
    {
        using var directory = new TempDirectory();
        var file = directory.File("spec.yaml");
        await File.WriteAllTextAsync(file, "ttl: soon\nimgae: host\nprotcted: true\n");
        var errors = (await overture.Run("launch", "-c", file)).Exit(2).Says($"error: {file}").Errors;
        // The last is the Conductor's.
        Assert.All([":1: ttl must be a duration", ":2: imgae is unknown; is image meant?", ":3: protcted is unknown; is protected meant?",
            "puppet.server must be"], part => Assert.Contains(part, errors, StringComparison.Ordinal));
        Assert.Single(errors.Split("imgae")[1..]);
        // A Conductor that is away takes nothing from what is known here.
        (await overture.Run(["launch", "-c", file], new() { ["OVERTURE_CLI_CONFIG"] = "/nonexistent/cli.yaml" })).Exit(2)
            .Says(":1: ttl must be");
    }

    [Fact]
    public async Task File_DeeplyNested_IsRefusedNotACrash()
    {
        using var directory = new TempDirectory();
        await File.WriteAllTextAsync(directory.File("spec.yaml"),
            "node: {parameters: " + string.Concat(Enumerable.Repeat("{a: ", 20_000)) + "1" + new string('}', 20_000) + "}\n");
        (await overture.Run("launch", "-c", directory.File("spec.yaml"))).Exit(2).Says("32 levels");
    }

    [Fact]
    public async Task File_Missing_Is2AndNamesIt() => (await overture.Run("launch", "-c", "/nonexistent/spec.yaml")).Exit(2)
        .Says("there is no file /nonexistent/spec.yaml");

    [Fact]
    public async Task File_EveryKindOfValue_ArrivesAsWritten()
    {
        var spec = await Sent("""
            provider: local
            image: 12.04
            instance_type: null
            labels: {yes: no, port: 0777}
            extensions: {pp_role: web}
            dns_alt_names: [a.example.com, b.example.com]
            role: puppetserver
            profile: web
            attestation: source
            deadline: 90m
            node:
              classes: [ntp, "ssh::server"]
              parameters:
                port: 8080
                ratio: 1.5
                mode: 0777
                when: 2010-01-02
                answer: yes
                really: true
                nothing: ~
                big: 9007199254740992
                quoted: "8080"
                list: [1, {a: b}]
                text: "line\nline"
            ttl: 8h
            protected: true
            deadlines: {csr: 10m}
            ec2: {subnet_id: subnet-1, spot: true}
            scripts: ["#!/bin/sh"]
            cloud_config: {packages: [jq, 0777]}
            """);
        Assert.Equal((28_800L, true, 600L, "subnet-1", true),
            (spec.Ttl.Seconds, spec.Protected, spec.Deadlines.Csr.Seconds, spec.Ec2.SubnetId, spec.Ec2.Spot));
        Assert.Equal("#cloud-config\n\"packages\":\n- \"jq\"\n- \"0777\"\n", spec.CloudConfig);
        Assert.Equal(["#!/bin/sh"], spec.Scripts);
        Assert.Equal("12.04", spec.Image);
        Assert.Equal("", spec.InstanceType);
        Assert.Equal("no", spec.Labels["yes"]);
        Assert.Equal("0777", spec.Labels["port"]);
        Assert.Equal("web", spec.Extensions["pp_role"]);
        Assert.Equal(["a.example.com", "b.example.com"], spec.DnsAltNames);
        Assert.Equal(("puppetserver", "web"), (spec.Role, spec.Profile));
        Assert.Equal(Overture.Records.V1.Attestation.Source, spec.Attestation);
        Assert.Equal(5400, spec.Deadline.Seconds);
        Assert.Equal(["ntp", "ssh::server"], spec.Node.Classes.Fields.Keys);
        var p = spec.Node.Parameters.Fields;
        Assert.Equal((8080, 1.5, 9007199254740992), (p["port"].NumberValue, p["ratio"].NumberValue, p["big"].NumberValue));
        Assert.Equal(("0777", "2010-01-02", "yes", "8080", "line\nline"),
            (p["mode"].StringValue, p["when"].StringValue, p["answer"].StringValue, p["quoted"].StringValue, p["text"].StringValue));
        Assert.True(p["really"].BoolValue);
        Assert.Equal(Google.Protobuf.WellKnownTypes.Value.KindOneofCase.NullValue, p["nothing"].KindCase);
        Assert.Equal("b", p["list"].ListValue.Values[1].StructValue.Fields["a"].StringValue);
    }

    [Theory]
    [InlineData("file:.overture/objects", "file:{home}/objects")]
    [InlineData("file:store", "file:{here}/store")]
    [InlineData("file:../store", "file:{above}/store")]
    [InlineData("file:/srv/store", "file:/srv/store")]
    [InlineData("s3://bucket/prefix", "s3://bucket/prefix")]
    public async Task Bucket_Relative_IsSentAbsolute(string written, string sent)
    {
        using var here = new TempDirectory();
        var spec = await Sent($"bucket: {written}\n", here);
        Assert.Equal(sent.Replace("{home}", overture.Pki.Home).Replace("{here}", here.Path)
            .Replace("{above}", Path.GetDirectoryName(here.Path)), spec.Bucket);
    }

    private async Task<LaunchSpec> Sent(string yaml, TempDirectory? here = null)
    {
        using var directory = new TempDirectory();
        var id = $"t-{Guid.CreateVersion7()}";
        await File.WriteAllTextAsync(directory.File("spec.yaml"), yaml);
        (await overture.Run(["launch", "-c", directory.File("spec.yaml"), "--request-id", id], [], directory: here?.Path)).Exit(0);
        return Assert.Single(overture.Conductor.Launches, l => l.RequestId == id).Spec;
    }
}
