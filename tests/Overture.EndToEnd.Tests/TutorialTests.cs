using Overture.TestSupport;

namespace Overture.EndToEnd.Tests;

/// <summary>What pages tell a reader to type, typed: on the stack of ./run.</summary>
[Collection(nameof(StackCollection))]
[Trait("Category", "e2e")]
public sealed class TutorialTests(Stack stack)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(8);

    [Fact]
    public async Task FirstInstance_AsThePageSays_IsLaunchedExplainedAndEnded()
    {
        var before = await Names();
        try
        {
            await Run("docs/tutorials/01-first-instance.md");
        }
        finally
        {
            // A page that broke off has ended nothing.
            foreach (var left in (await Names()).Except(before))
                await stack.Overture("instance", "terminate", left);
        }
    }

    // Its profile stays: profiles are not deleted, and no other test is of one.
    [Fact]
    public Task Everyday_AsThePageSays_Works() => Run("docs/how-to/everyday.md");

    // Of pages that are looked up more than read through, the blocks that a reader may type as they stand: the shell is in a checkout, with
    // the command line on its PATH.
    [Theory]
    [InlineData("docs/cli.md")]
    [InlineData("docs/events.md")]
    [InlineData("docs/operations.md")]
    public async Task Reference_AsThePageSays_Works(string page)
    {
        using var host = Host("reader.example.com");
        host.Environment["PATH"] = $"{Path.Combine(host.Directory, "artifacts/cli")}:{Environment.GetEnvironmentVariable("PATH")}";
        await new Tutorial(page).Run(0, host, Limit);
    }

    [Fact]
    public async Task FromForeman_AsThePageSays_HostIsClassifiedComparedAndSigned()
    {
        using var host = Host("web-1.example.com");
        // Foreman's node.rb, with an answer as Foreman 3 gives it.
        var hook = Path.Combine(host.Puppet, "node.rb");
        await File.WriteAllTextAsync(hook, $"""
            #!/bin/sh
            [ "$1" = web-1.example.com ] || exit 1
            cat <<'YAML'
            ---
            classes:
              login_allowed:
                user: demo
                key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINtt4PIqY7HTf2gh/WO+4GTjN9GTIyFiMVe7/a8ZpmvE demo@example
            parameters:
              puppetmaster: puppet.example.com
              puppet_ca_server: puppet.example.com
              domainname: Example
              foreman_domain_description: Example
              hostgroup: Web
              foreman_hostgroup: Web
              root_pw: "$5$salt$hash"
              foreman_config_groups: []
              foreman_env: production
              owner_name: Admin User
              owner_email: root@example.com
              site: berlin
              ssh_authorized_keys: []
              foreman_users: {"{}"}
            environment: production
            YAML

            """);
        File.SetUnixFileMode(hook, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        try
        {
            var said = await new Tutorial("docs/tutorials/04-from-foreman.md").Run(0, host, Limit);
            Assert.DoesNotContain("root_pw", said, StringComparison.Ordinal);
            Assert.Contains("site: berlin", said, StringComparison.Ordinal);
        }
        finally
        {
            await stack.Overture("instance", "terminate", "web-1.example.com");
        }
    }

    private async Task Run(string page)
    {
        using var host = Host("reader.example.com");
        await new Tutorial(page).Run(0, host, Limit);
    }

    private async Task<string[]> Names() =>
        (await stack.Overture("instance", "list", "-o", "name")).Ok().Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private TutorialHost Host(string certname) => new(stack.Checkout, Stack.Port(0), stack.Home, certname);
}
