using System.Diagnostics;
using Overture.TestSupport;
using Xunit.Abstractions;

namespace Overture.CertAuthority.Tests.Acceptance;

/// <summary>
/// docs/puppet-contracts.md §10, row 36: the published overture-autosign, run as puppetserver runs its policy executable (§4).
/// </summary>
[Collection(AcceptanceCollection.Name), Trait("Category", "integration")]
public sealed class AutosignRows(CaFixture house, ITestOutputHelper output) : IDisposable
{
    private readonly TempDirectory files = new();

    /// <summary>What ./test built; a test of something else would prove nothing, so there is no other place.</summary>
    private static string Binary => Environment.GetEnvironmentVariable("OVERTURE_CLI") is { Length: > 0 } named
        ? named
        : RepositoryPaths.File("artifacts/cli/overture");

    public void Dispose() => files.Dispose();

    [Fact]
    public async Task Row36_Autosign_SaysYesToTheRegisteredNameWithItsSecretAlone()
    {
        var right = await house.Launch();
        using var key = CsrBuilder.EcKey();

        var yes = await Autosign($"{right.Name}", right.Csr(key).Pem());
        Assert.Equal((0, "", ""), (yes.ExitCode, yes.Output, yes.Errors));

        var other = await house.Launch();
        using var second = CsrBuilder.EcKey();
        var stranger = $"{house.NewName()}";
        Assert.NotEqual(
            0, (await Autosign($"{other.Name}", new CsrBuilder($"{other.Name}", second).Challenge("notthetoken").Pem())).ExitCode);
        Assert.NotEqual(0, (await Autosign(stranger, new CsrBuilder(stranger, second).Challenge(other.Token).Pem())).ExitCode);
        Assert.NotEqual(0, (await Autosign("row36.example.org", new CsrBuilder("row36.example.org", second).Pem())).ExitCode);
        // All of it is read, or puppetserver would see a broken pipe (Shell.Run does).
        Assert.NotEqual(0, (await Autosign($"{other.Name}", new string('x', 1024 * 1024))).ExitCode);
        // None of these cost the genuine request its token.
        Assert.Equal(0, (await Autosign($"{other.Name}", other.Csr(second).Pem())).ExitCode);
    }

    [Fact]
    public async Task Row36_Autosign_AnswersAtOnce()
    {
        var took = new List<double>();
        for (var run = 0; run < 11; run++)
        {
            var instance = await house.Launch();
            using var key = CsrBuilder.EcKey();
            var pem = instance.Csr(key).Pem();
            var started = Stopwatch.GetTimestamp();
            Assert.Equal(0, (await Autosign($"{instance.Name}", pem)).ExitCode);
            took.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }
        took.Sort();
        output.WriteLine($"overture-autosign: median {took[5]:0} ms, worst {took[^1]:0} ms (100 ms is wanted on a quiet machine)");
        Assert.InRange(took[5], 0, 5_000); // also beside other tests
    }

    private async Task<Ran> Autosign(string certname, string csr)
    {
        if (!File.Exists(files.File("overture-autosign")))
        {
            (await Shell.Run(Binary, "hook", "install", files.File("overture-autosign"))).Ok();
            var tls = house.Pki.Files("autosign");
            await File.WriteAllTextAsync(files.File("hooks.yaml"), $$"""
                certAuthority: localhost:{{house.Ca.GrpcPort}}
                tls: { certificate: "{{tls.Certificate}}", key: "{{tls.Key}}", roots: "{{tls.Roots}}" }
                """);
        }
        return await Shell.Run("/usr/bin/env", ["-i", $"OVERTURE_HOOKS_CONFIG={files.File("hooks.yaml")}", files.File("overture-autosign"),
            certname], null, csr, "/");
    }
}
