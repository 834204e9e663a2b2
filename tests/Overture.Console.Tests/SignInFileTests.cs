using Overture.TestSupport;

namespace Overture.Console.Tests;

/// <summary>What ./run --sign-in writes for the console and for the services (eng/configure.sh).</summary>
[Trait("Category", "integration")]
public sealed class SignInFileTests
{
    // Scopes as a list below, and a title of two lines: what belongs to a key goes with it.
    private const string SignIn = """
        openIdConnect:
          issuer: https://id.example.com
          clientSecretFile: "/etc/overture/client-secret"
          scopes:
            - email
            - groups
          title: >
            Example
            Inc.
          clientId: overture-console
          scopes:
          - email
          grants:
            10-admins:
              group: admins
              role: admin
              scope: [profile=web]

        """;

    [Fact]
    public async Task Services_HaveTheBlock_LessWhatIsTheConsolesAlone()
    {
        using var home = new TempDirectory();
        var file = home.File("sign-in.yaml");
        await File.WriteAllTextAsync(file, SignIn);
        (await Shell.Run("bash", ["-euc", ". \"$root/eng/ports.sh\"; . \"$root/eng/configure.sh\"; configure"],
            new Dictionary<string, string?> { ["root"] = RepositoryPaths.Root, ["home"] = home.Path, ["sign_in"] = file })).Ok();
        foreach (var service in new[] { "conductor", "certauthority", "classifier" })
        {
            Assert.EndsWith("""
                openIdConnect:
                  issuer: https://id.example.com
                  clientId: overture-console
                  grants:
                    10-admins:
                      group: admins
                      role: admin
                      scope: [profile=web]

                """, await File.ReadAllTextAsync(home.File($"etc/{service}.yaml")), StringComparison.Ordinal);
        }
        Assert.EndsWith(SignIn, await File.ReadAllTextAsync(home.File("etc/console.yaml")), StringComparison.Ordinal);
    }
}
