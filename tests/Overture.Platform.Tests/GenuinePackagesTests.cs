using Overture.TestSupport;

namespace Overture.Platform.Tests;

/// <summary>The one property that drops the contract projects.</summary>
[Trait("Category", "integration")]
public sealed class GenuinePackagesTests
{
    [Theory]
    [InlineData("true", "Grpc.AspNetCore,Grpc.Core.Api,Grpc.Net.Common", 0)]
    [InlineData("false", "Grpc.AspNetCore.Server", 2)]
    public async Task UseGrpcContractPackages_Evaluated_ReferencesOneOrTheOther(string value, string packages, int projects)
    {
        var evaluated = System.Text.Json.Nodes.JsonNode.Parse((await Shell.Run("dotnet", [
            "msbuild", RepositoryPaths.File("services/Conductor/Overture.Conductor.csproj"), $"-p:UseGrpcContractPackages={value}", "-getItem:PackageReference,ProjectReference"], null)).Ok())!["Items"]!;
        var platform = System.Text.Json.Nodes.JsonNode.Parse((await Shell.Run("dotnet", [
            "msbuild", RepositoryPaths.File("services/Platform/Overture.Platform.csproj"), $"-p:UseGrpcContractPackages={value}", "-getItem:PackageReference,ProjectReference"], null)).Ok())!["Items"]!;
        Assert.Equal(packages, string.Join(',', Names(platform, "PackageReference").Where(n => n.StartsWith("Grpc.", StringComparison.Ordinal))));
        foreach (var items in new[] { evaluated, platform })
            Assert.Equal(projects, Names(items, "ProjectReference").Count(n => n.Contains("/compat/", StringComparison.Ordinal)));
    }

    private static List<string> Names(System.Text.Json.Nodes.JsonNode items, string kind) =>
        items[kind]!.AsArray().Select(i => i!["Identity"]!.GetValue<string>()).Order(StringComparer.Ordinal).ToList();
}
