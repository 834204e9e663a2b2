using System.Text.RegularExpressions;
using Overture.TestSupport;

namespace Overture.Platform.Tests;

/// <summary>The version is decided in Directory.Build.props; what can't read it there says the same.</summary>
public sealed partial class VersionTests
{
    [Theory]
    [InlineData("CHANGELOG.md", @"^## ([0-9.]+) \(")]
    [InlineData("docker-compose.yml", @"OVERTURE_VERSION:-([0-9.]+)")]
    [InlineData("deploy/puppet/overture/metadata.json", "\"version\": \"([0-9.]+)\"")]
    [InlineData("deploy/images/services.Dockerfile", "ARG VERSION=([0-9.]+)")]
    [InlineData("deploy/k8s/base/conductor.yaml", "overture/conductor:([0-9.]+)")]
    [InlineData("deploy/k8s/overlays/production/kustomization.yaml", "newTag: ([0-9.]+)")]
    [InlineData("deploy/k8s/components/doctor/job.yaml", "overture/conductor:([0-9.]+)")]
    [InlineData("deploy/helm/overture/Chart.yaml", "^version: ([0-9.]+)")]
    [InlineData("deploy/helm/overture/Chart.yaml", "^appVersion: ([0-9.]+)")]
    [InlineData("deploy/helm/overture/production.yaml", "tag: ([0-9.]+)")]
    public void Version_OfAFile_IsThatOfTheBuild(string file, string pattern)
    {
        var version = Version().Match(File.ReadAllText(RepositoryPaths.File("Directory.Build.props"))).Groups[1].Value;
        var found = Regex.Matches(File.ReadAllText(RepositoryPaths.File(file)), pattern, RegexOptions.Multiline);
        Assert.NotEmpty(found);
        Assert.Equal(version, found[0].Groups[1].Value);
    }

    [GeneratedRegex("<Version>(.*)</Version>")]
    private static partial Regex Version();
}
