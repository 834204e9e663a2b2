using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Classifier.Tests;

/// <summary>
/// examples/control-repo, compiled by this host's Puppet: Hiera goes by what CertAuthority signed into the node's certificate, and not by
/// what the node says of itself.
/// </summary>
[Trait("Category", "integration")]
public sealed class ControlRepoTests : IDisposable
{
    private const string Role = "1.3.6.1.4.1.34380.1.1.13", Stage = "1.3.6.1.4.1.34380.1.1.12";
    private readonly TempDirectory home = new();

    public void Dispose() => home.Dispose();

    [Theory]
    // r10k's folder of a branch is the definition's environment.
    [InlineData("production", "web", "production", "a web server: web-1.example.com, 4 workers")]
    [InlineData("feature_login", "web", "", "a web server: web-1.example.com, 1 workers")]
    // Without the grant's extensions the hierarchy falls through; its facts claim pp_role=database.
    [InlineData("production", "", "", "a node of ours: web-1.example.com, 1 workers")]
    [InlineData("production", "database", "", "a database server: web-1.example.com, 1 workers")]
    public async Task Compile_ExtensionsOfTheGrant_DecideWhatHieraGives(string environment, string role, string stage, string expected)
    {
        Assert.True(PuppetNames.IsEnvironment(environment));
        var place = home.File($"environments/{environment}");
        Directory.CreateDirectory(Path.GetDirectoryName(place)!);
        (await Shell.Run("cp", "-R", RepositoryPaths.File("examples/control-repo"), place)).Ok();
        await File.WriteAllTextAsync(Path.Combine(place, "data/role/database.yaml"), "profile::base::greeting: a database server\n");
        await File.WriteAllTextAsync(home.File("node.pem"), Certificate((Role, role), (Stage, stage)));

        var ran = await Shell.Run("ruby", RepositoryPaths.File("tests/Overture.Classifier.Tests/compile.rb"), home.File("environments"),
            environment, "web-1.example.com", home.File("node.pem"), "role::web", home.File("state"));

        Assert.Equal($"/etc/motd.d/overture\t{expected}\n", ran.Ok());
    }

    // A branch's folder by r10k's own correction; Puppet knows no other environments, and keeps these two for itself.
    [Theory, InlineData("feature-login"), InlineData("feature/login"), InlineData("main"), InlineData("master")]
    public void Environment_NameOfABranchThatIsNone_IsRefused(string branch) => Assert.False(PuppetNames.IsEnvironment(branch));

    private static string Certificate(params (string Oid, string Value)[] extensions)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=web-1.example.com", key, HashAlgorithmName.SHA256);
        foreach (var (oid, value) in extensions.Where(e => e.Value.Length > 0))
        {
            var text = new AsnWriter(AsnEncodingRules.DER);
            text.WriteCharacterString(UniversalTagNumber.UTF8String, value);
            request.CertificateExtensions.Add(new X509Extension(oid, text.Encode(), critical: false));
        }
        var now = TimeProvider.System.GetUtcNow();
        using var made = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        return made.ExportCertificatePem();
    }
}
