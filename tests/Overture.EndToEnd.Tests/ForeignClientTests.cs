using System.Text.Json.Nodes;
using Overture.TestSupport;

namespace Overture.EndToEnd.Tests;

/// <summary>Users come with grpcurl-like tools and generated clients, not with our command line.</summary>
[Collection(nameof(StackCollection))]
[Trait("Category", "e2e")]
public sealed class ForeignClientTests(Stack stack)
{
    private static readonly string[] Served = ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection", "overture.conductor.v1.ConductorService"];
    private static readonly string Buf = RepositoryPaths.File("artifacts/npm/node_modules/.bin/buf");

    [Fact]
    public async Task BufCurl_Operator_ListsServicesAndLaunches()
    {
        var services = (await Curl("operator", "--list-services", Url(""))).Ok();
        Assert.Equal(Served, services.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal));

        var body = $$$"""
            {"spec": {"bucket": "file:{{{stack.Home}}}/objects", "provider": "local", "image": "host",
              "puppet": {"server": "localhost", "serverport": {{{Stack.Port(8140)}}}, "caServer": "localhost", "caPort": {{{Stack.Port(8141)}}}},
              "node": {"classes": {"login_allowed": {"user": "guest", "key": "ssh-ed25519 AAAA"} } } }, "count": 1}
            """;
        var launched = JsonNode.Parse((await Curl("operator", "-d", body, Url("/overture.conductor.v1.ConductorService/LaunchInstances")))
            .Ok())!;
        await Converges(launched["results"]![0]!["instance"]!["certname"]!.GetValue<string>());
    }

    [Fact]
    public async Task BufCurl_BadSpec_NamesEachField()
    {
        var ran = await Curl("operator", "-d", """{"spec": {"provider": "moon", "deadline": "1s"}, "count": 1000}""",
            Url("/overture.conductor.v1.ConductorService/LaunchInstances"));
        Assert.NotEqual(0, ran.ExitCode);
        foreach (var field in new[] { "count", "spec.provider", "spec.puppet.server", "spec.deadline" })
            Assert.Contains(field, Detail<Google.Rpc.BadRequest>(ran).FieldViolations.Select(v => v.Field));
    }

    [Fact]
    public async Task BufCurl_Viewer_MayNotReflectNorLaunch()
    {
        Assert.Contains("permission_denied", (await Curl("viewer", "--list-services", Url(""))).Errors, StringComparison.Ordinal);
        var launch = await Curl("viewer", "--schema", RepositoryPaths.File("protos"), "-d", "{}",
            Url("/overture.conductor.v1.ConductorService/LaunchInstances"));
        Assert.Contains("permission_denied", launch.Errors, StringComparison.Ordinal);
        Assert.Equal("ROLE_MISSING", Detail<Google.Rpc.ErrorInfo>(launch).Reason);
    }

    [Fact]
    public async Task PythonGrpcio_GeneratedClient_ListsServicesAndLaunches()
    {
        using var generated = new TempDirectory();
        Directory.CreateDirectory(generated.File("grpc_reflection_v1"));
        var protos = RepositoryPaths.File("protos");
        string[] files = ["google/api/http.proto", "google/api/annotations.proto", "overture/roles.proto",
            "overture/conductor/v1/conductor.proto", "overture/records/v1/launch.proto", "overture/records/v1/node.proto"];
        (await Protoc(protos, generated.Path, files)).Ok();
        (await Protoc(RepositoryPaths.File("tests/Overture.EndToEnd.Tests/foreign"), generated.File("grpc_reflection_v1"),
            ["reflection.proto"])).Ok();
        // protoc's Python imports siblings by their top-level name.
        var stub = generated.File("grpc_reflection_v1/reflection_pb2_grpc.py");
        await File.WriteAllTextAsync(stub, (await File.ReadAllTextAsync(stub))
            .Replace("import reflection_pb2", "from grpc_reflection_v1 import reflection_pb2", StringComparison.Ordinal));

        var ran = await Shell.Run("/usr/bin/python3", [
            RepositoryPaths.File("tests/Overture.EndToEnd.Tests/foreign/client.py"), generated.Path, $"localhost:{Stack.Port(7001)}",
            .. Pki("operator"), $"file:{stack.Home}/objects", $"{Stack.Port(8140)}", $"{Stack.Port(8141)}"], null);
        var lines = ran.Ok().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(Served, lines[..^1].Order(StringComparer.Ordinal));
        await Converges(lines[^1]);
    }

    // As buf prints an error: its details in base64.
    private static T Detail<T>(Ran ran) where T : Google.Protobuf.IMessage<T>, new()
    {
        var empty = new T();
        var detail = JsonNode.Parse(ran.Errors)!["details"]!.AsArray()
            .Single(d => d!["type"]!.GetValue<string>() == empty.Descriptor.FullName)!;
        var text = detail["value"]!.GetValue<string>();
        empty.MergeFrom(new Google.Protobuf.CodedInputStream(Convert.FromBase64String(text.PadRight((text.Length + 3) / 4 * 4, '='))));
        return empty;
    }

    private Task Converges(string name) =>
        Eventually.True(async () => await stack.State(name) == "INSTANCE_STATE_CONVERGED", $"{name} converges", TimeSpan.FromMinutes(2));

    private Task<Ran> Curl(string party, params string[] arguments)
    {
        var pki = Pki(party);
        return Shell.Run(Buf, ["curl", "--protocol", "grpc", "--cacert", pki[0], "--cert", pki[1], "--key", pki[2], .. arguments], null);
    }

    private string[] Pki(string party) => [$"{stack.Home}/pki/ca.pem", $"{stack.Home}/pki/{party}.pem", $"{stack.Home}/pki/{party}.key"];

    private static string Url(string path) => $"https://localhost:{Stack.Port(7001)}{path}";

    private static Task<Ran> Protoc(string root, string output, string[] files) => Shell.Run("protoc",
        ["-I", root, "-I", "/usr/include", $"--python_out={output}", $"--grpc_python_out={output}",
            "--plugin=protoc-gen-grpc_python=/usr/bin/grpc_python_plugin", .. files], null);
}
