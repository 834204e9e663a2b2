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
    private static readonly string Examples = RepositoryPaths.File("examples");
    private static readonly string Spec = Path.Combine(Examples, "curl/spec.json");

    private readonly ConductorFixture world = new();
    private readonly TempDirectory scratch = new();
    private ConductorHost host = null!;

    public async Task InitializeAsync()
    {
        world.Pki.Issue("terraform", Platform.Tls.Role.Operator, "profile=web");
        host = await ConductorHost.Start(world, new() { Provider = new FakeProvider() }, o => o with { Json = true });
    }

    public async Task DisposeAsync()
    {
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
        // Over a file that others could read.
        await File.WriteAllTextAsync(scratch.File("open"), "");
        File.SetUnixFileMode(scratch.File("open"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);
        (await Run("curl/bootstrap.sh", ["web-1", scratch.File("open")], spec)).Ok();
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(scratch.File("open")));
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
        // An edited spec is another request, another certname replaces both.
        Assert.Contains("sha256(jsonencode(local.spec))", external.GetProperty("query").GetProperty("request_id").GetString(),
            StringComparison.Ordinal);
        var resources = JsonDocument.Parse(json).RootElement.GetProperty("resource");
        Assert.Contains("certname", resources.GetProperty("terraform_data").GetProperty("end")[0].GetProperty("triggers_replace")
            .ToString(), StringComparison.Ordinal);
        Assert.Contains("terraform_data.end", resources.GetProperty("aws_instance").GetProperty("web")[0].GetProperty("lifecycle")[0]
            .GetProperty("replace_triggered_by").ToString(), StringComparison.Ordinal);
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
        // Nothing more comes of one that ends: the first look is the last.
        (await Run("terraform/terminate.sh", [listed.Certname], timeout: "3")).Ok();
        var ended = await Playbook("web1", "true");
        Assert.Equal(2, ended.ExitCode);
        Assert.Contains("INSTANCE_STATE_TERMINATING", ended.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("FAILED - RETRYING", ended.Output, StringComparison.Ordinal);
    }

    private Task<Ran> Playbook(string id, string boot)
    {
        Directory.CreateDirectory(scratch.File("tmp"));
        return Shell.Run("ansible-playbook", [Path.Combine(Examples, "ansible/register.yaml"), "-vv", "-i", "localhost,", "-e",
            JsonSerializer.Serialize(new { request_id = id, spec_file = Spec, boot_command = boot,
                wanted_state = "INSTANCE_STATE_LAUNCHING" })],
            new Dictionary<string, string?>(Variables("60")) { ["TMPDIR"] = scratch.File("tmp"), ["HOME"] = scratch.File("tmp"),
                ["LC_ALL"] = "C.UTF-8" }, limit: TimeSpan.FromMinutes(10));
    }

    private Task<Ran> Run(string example, string[] arguments, string? input = null, string timeout = "60") =>
        Shell.Run(Path.Combine(Examples, example), arguments, Variables(timeout), input, limit: TimeSpan.FromMinutes(5));

    private IReadOnlyDictionary<string, string?> Variables(string timeout) =>
        LifecycleClouds.Caller(world.Pki.Files("terraform"), host.Port, timeout);
}
