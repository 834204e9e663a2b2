using System.Text.Json;
using Google.Protobuf.Reflection;
using Overture.Conductor.V1;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>The examples of docs/integrations.md, run against a real Conductor.</summary>
[Trait("Category", "integration")]
public sealed class IntegrationExamplesTests : IAsyncLifetime
{
    private const string Parameter = "/overture/user-data/" + LifecycleClouds.Instance;
    private static readonly string Examples = RepositoryPaths.File("examples");
    private static readonly string Spec = Path.Combine(Examples, "curl/spec.json");

    private readonly ConductorFixture world = new();
    private readonly TempDirectory scratch = new();
    private readonly LifecycleClouds clouds = new();
    private ConductorHost host = null!;

    public async Task InitializeAsync()
    {
        world.Pki.Issue("terraform", Platform.Tls.Role.Operator, "profile=web");
        host = await ConductorHost.Start(world, new() { Provider = new FakeProvider() }, o => o with { Json = true });
    }

    public async Task DisposeAsync()
    {
        await clouds.DisposeAsync();
        await host.DisposeAsync();
        world.Dispose();
        scratch.Dispose();
    }

    [Fact]
    public async Task Curl_RegistersAndReadsTheState()
    {
        var spec = await File.ReadAllTextAsync(Spec);
        var first = (await Run("curl/bootstrap.sh", ["web-1", scratch.File("user-data")], spec)).Ok().Split(' ');
        Assert.Equal("INSTANCE_STATE_LAUNCHING", first[1].Trim());
        Assert.StartsWith("#cloud-config", await File.ReadAllTextAsync(scratch.File("user-data")), StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(scratch.File("user-data")));
        // Again: the same instance.
        Assert.Equal(first, (await Run("curl/bootstrap.sh", ["web-1", scratch.File("user-data")], spec)).Ok().Split(' '));
        var refused = await Run("curl/bootstrap.sh", ["web-2", scratch.File("none")], "{\"profile\": \"web\"}");
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("INVALID_FIELD", refused.Errors, StringComparison.Ordinal);
        Assert.False(File.Exists(scratch.File("none")));
        Assert.Equal("terraform (operator)", (await host.As("viewer").GetInstanceAsync(new() { Certname = first[0] })).Instance.LaunchedBy);
    }

    /// <summary>The external data source's protocol: a JSON object of strings in, one out; an error is a line and an exit code.</summary>
    [Fact]
    public async Task Terraform_ScriptSpeaksTheExternalDataSourcesProtocol()
    {
        var query = JsonSerializer.Serialize(new { request_id = "terraform-web", spec = await File.ReadAllTextAsync(Spec) });
        var answer = JsonDocument.Parse((await Run("terraform/register.py", [], query)).Ok()).RootElement;
        Assert.Equal(["certname", "user_data"], answer.EnumerateObject().Select(p => p.Name));
        Assert.All(answer.EnumerateObject(), p => Assert.Equal(JsonValueKind.String, p.Value.ValueKind));
        var certname = answer.GetProperty("certname").GetString()!;
        // The next plan.
        Assert.Equal(answer.ToString(), JsonDocument.Parse((await Run("terraform/register.py", [], query)).Ok()).RootElement.ToString());

        var refused = await Run("terraform/register.py", [],
            query.Replace("\\u0022web\\u0022", "\\u0022db\\u0022", StringComparison.Ordinal));
        Assert.Equal(1, refused.ExitCode);
        Assert.StartsWith("overture: ", Assert.Single(refused.Errors.TrimEnd().Split('\n')), StringComparison.Ordinal);

        // No CertAuthority runs here: its part waits, and the Conductor goes on.
        (await Run("terraform/terminate.sh", [certname], timeout: "3")).Ok();
        Assert.Equal(InstanceState.Terminating, (await host.As("viewer").GetInstanceAsync(new() { Certname = certname })).Instance.State);
        Assert.Equal(1, (await Run("terraform/terminate.sh", ["00000000-0000-4000-8000-000000000001"])).ExitCode);
    }

    [Fact]
    public async Task Terraform_FileIsReadByItsParser_AndAsksForWhatTheScriptGives()
    {
        var json = (await Shell.Run("node", ["-e", """
            require("@cdktf/hcl2json").parse("main.tf", require("fs").readFileSync(process.argv[1], "utf8"))
                .then(r => console.log(JSON.stringify(r)), e => { console.error(e); process.exit(1) })
            """, Path.Combine(Examples, "terraform/main.tf")], null, directory: RepositoryPaths.File("artifacts/npm"))).Ok();
        var external = JsonDocument.Parse(json).RootElement.GetProperty("data").GetProperty("external").GetProperty("overture")[0];
        Assert.Equal(["${path.module}/register.py"], external.GetProperty("program").EnumerateArray().Select(p => p.GetString()));
        Assert.Equal(["request_id", "spec"], external.GetProperty("query").EnumerateObject().Select(p => p.Name).Order());
        Assert.Contains("data.external.overture.result.user_data", json, StringComparison.Ordinal);
        Assert.Contains("data.external.overture.result.certname", json, StringComparison.Ordinal);
        Assert.Contains("/terminate.sh ${self.input.certname}", json, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ansible_RegistersBootsAndWaits()
    {
        var play = await Playbook("web1", $"cp -t {scratch.Path}");
        Assert.Contains("failed=0", play.Ok(), StringComparison.Ordinal);
        var listed = Assert.Single((await host.As("viewer").ListInstancesAsync(new())).Instances);
        Assert.Contains($"{listed.Certname} is INSTANCE_STATE_LAUNCHING", play.Output, StringComparison.Ordinal);
        // The machine had its user data; neither the log nor a file of Ansible's has it any more.
        var given = Assert.Single(Directory.GetFiles(scratch.Path, "*.user-data"));
        var token = (await host.As("terraform").RegisterInstanceAsync(new() { RequestId = "web1",
            Spec = LaunchSpec.Parser.ParseJson(await File.ReadAllTextAsync(Spec)) })).Token;
        Assert.Contains(token, await File.ReadAllTextAsync(given), StringComparison.Ordinal);
        Assert.DoesNotContain(token, play.Output, StringComparison.Ordinal);
        Assert.Equal([], Directory.GetFiles(scratch.File("tmp"), "*.user-data", SearchOption.AllDirectories));
        // Once more, and the same instance.
        (await Playbook("web1", "true")).Ok();
        Assert.Single((await host.As("viewer").ListInstancesAsync(new())).Instances);
    }

    [Fact]
    public async Task Autoscaling_LaunchIsRegistered_AndEndIsTerminated()
    {
        await clouds.Start();
        await clouds.Send("launching.json");
        (await Lifecycle()).Ok();
        var instance = Assert.Single((await host.As("viewer").ListInstancesAsync(new())).Instances);
        Assert.Equal((InstanceState.Launching, LifecycleClouds.Instance), (instance.State, instance.Labels["ec2-instance"]));
        Assert.StartsWith("#cloud-config", await clouds.Parameter(Parameter), StringComparison.Ordinal);
        Assert.Equal([("CONTINUE", LifecycleClouds.Instance)], clouds.Completed);

        // Delivered twice, as queues do: one instance.
        await clouds.Send("launching.json");
        (await Lifecycle()).Ok();
        Assert.Single((await host.As("viewer").ListInstancesAsync(new())).Instances);

        await clouds.Send("terminating.json");
        (await Lifecycle(timeout: "3")).Ok();
        instance = (await host.As("viewer").GetInstanceAsync(new() { Certname = instance.Certname })).Instance;
        Assert.Equal(InstanceState.Terminating, instance.State);
        Assert.Null(await clouds.Parameter(Parameter));
        Assert.Equal(3, clouds.Completed.Count);
    }

    [Fact]
    public async Task Autoscaling_WhatIsRefused_StaysInTheQueue()
    {
        await clouds.Start();
        await clouds.Send("launching.json");
        var spec = scratch.File("other.json");
        await File.WriteAllTextAsync(spec, (await File.ReadAllTextAsync(Spec)).Replace("\"web\"", "\"db\"", StringComparison.Ordinal));
        var ran = await Lifecycle(spec);
        Assert.Equal(1, ran.ExitCode);
        Assert.Contains("SCOPE_MISSING", ran.Errors, StringComparison.Ordinal);
        Assert.Empty(clouds.Completed);
        Assert.Equal(1, await clouds.Waiting());
    }

    [Fact]
    public async Task Autoscaling_Boot_WaitsForItsParameter_AndHasCloudInitDoIt()
    {
        await File.WriteAllTextAsync(scratch.File("cloud-init"), """
            #!/bin/sh
            [ "$1" != query ] || { echo i-0123456789abcdef0; exit; }
            cat "$2" >&2; echo "$@"
            """);
        await File.WriteAllTextAsync(scratch.File("aws"), $$"""
            #!/bin/sh
            [ -e "{{scratch.File("asked")}}" ] || { touch "{{scratch.File("asked")}}"; echo none yet >&2; exit 254; }
            echo "#cloud-config of $5"
            """);
        await File.WriteAllTextAsync(scratch.File("sleep"), "#!/bin/sh\n");
        foreach (var stub in new[] { "aws", "cloud-init", "sleep" })
            File.SetUnixFileMode(scratch.File(stub), UnixFileMode.UserRead | UnixFileMode.UserExecute);
        var ran = await Shell.Run("unshare", ["--mount", "sh", "-c", "mount -t tmpfs none /run && exec sh \"$0\"",
            Path.Combine(Examples, "autoscaling/boot.sh")],
            new Dictionary<string, string?> { ["PATH"] = $"{scratch.Path}:/usr/bin:/bin:/usr/sbin:/sbin" });
        Assert.Equal(new[] { "write_files", "runcmd", "scripts_user" }.Select(m =>
            $"--file /run/overture-user-data single --name {m} --frequency always"), ran.Ok().TrimEnd().Split('\n'));
        Assert.Contains("#cloud-config of /overture/user-data/i-0123456789abcdef0", ran.Errors, StringComparison.Ordinal);
    }

    private Task<Ran> Lifecycle(string? spec = null, string timeout = "60") =>
        Run("autoscaling/lifecycle.py", [clouds.Queue, spec ?? Spec], null, timeout, clouds.Environment);

    private Task<Ran> Playbook(string id, string boot)
    {
        Directory.CreateDirectory(scratch.File("tmp"));
        return Shell.Run("ansible-playbook", [Path.Combine(Examples, "ansible/register.yaml"), "-vv", "-i", "localhost,", "-e",
            JsonSerializer.Serialize(new { request_id = id, spec_file = Spec, boot_command = boot,
                wanted_state = "INSTANCE_STATE_LAUNCHING" })],
            new Dictionary<string, string?>(Variables("60")) { ["TMPDIR"] = scratch.File("tmp"), ["HOME"] = scratch.File("tmp"),
                ["LC_ALL"] = "C.UTF-8" }, limit: TimeSpan.FromMinutes(10));
    }

    private Task<Ran> Run(string example, string[] arguments, string? input = null, string timeout = "60",
        IReadOnlyDictionary<string, string?>? more = null) =>
        Shell.Run(Path.Combine(Examples, example), arguments, new Dictionary<string, string?>(Variables(timeout).Concat(more
            ?? new Dictionary<string, string?>())), input, limit: TimeSpan.FromMinutes(5));

    private Dictionary<string, string?> Variables(string timeout)
    {
        var files = world.Pki.Files("terraform");
        return new()
        {
            ["OVERTURE_URL"] = $"https://localhost:{host.Port}", ["OVERTURE_CERTIFICATE"] = files.Certificate, ["OVERTURE_KEY"] = files.Key,
            ["OVERTURE_ROOTS"] = files.Roots, ["OVERTURE_TIMEOUT"] = timeout,
        };
    }
}
