using Overture.TestSupport;

namespace Overture.EndToEnd.Tests;

/// <summary>In the puppetserver's way to our node classifier: writes down each call's arguments.</summary>
public sealed class WatchedEnc : IAsyncDisposable
{
    private readonly string binary;
    private readonly string calls;

    private WatchedEnc(Stack stack) => (binary, calls) = (Path.Combine(stack.Home, "puppetserver/bin/overture-enc"),
        Path.Combine(stack.Home, "puppetserver/log/enc-calls"));

    public static async Task<WatchedEnc> Place(Stack stack)
    {
        var watched = new WatchedEnc(stack);
        // The binary knows by its name which hook it is. In the puppetserver's namespace its home is /mnt.
        const string Script = """
            set -e
            install -d -m 0755 "${0%/*}/real"
            mv "$0" "${0%/*}/real/overture-enc"
            printf '#!/bin/sh\necho "$*" >> /mnt/log/enc-calls\nexec /mnt/bin/real/overture-enc "$@"\n' > "$0.new"
            chmod 0755 "$0.new"
            mv "$0.new" "$0"
            """;
        (await Shell.Run("bash", ["-c", Script, watched.binary], null)).Ok();
        return watched;
    }

    /// <summary>Whole command lines that name the node.</summary>
    public IReadOnlyList<string> Of(Registered node) =>
        File.Exists(calls) ? [.. File.ReadAllLines(calls).Where(l => l.Contains(node.Certname, StringComparison.Ordinal))] : [];

    public async ValueTask DisposeAsync() =>
        (await Shell.Run("bash", ["-c", "mv \"${0%/*}/real/overture-enc\" \"$0\"", binary], null)).Ok();
}

/// <summary>overture-enc as a host without a puppetserver uses it: by `puppet apply --node_terminus exec`.</summary>
public sealed class LocalEnc : IDisposable
{
    private readonly TempDirectory home = new();

    public LocalEnc(Stack stack)
    {
        // Puppet splits the command at spaces, and the checkout has one.
        File.CreateSymbolicLink(home.File("overture-enc"), Path.Combine(stack.Checkout, "artifacts/cli/overture"));
        var hooks = Path.Combine(stack.Home, "puppetserver/hooks");
        File.WriteAllText(home.File("hooks.yaml"), File.ReadAllText(Path.Combine(hooks, "hooks.yaml"))
            .Replace("/mnt/hooks", home.Path, StringComparison.Ordinal));
        foreach (var file in new[] { "enc.key", "enc.pem", "ca.pem" })
            File.Copy(Path.Combine(hooks, file), home.File(file));
        WriteTold(home.File("environments/staging"));
    }

    /// <summary>An environment with a class that shows the node classifier's answer.</summary>
    public static void WriteTold(string environment)
    {
        Directory.CreateDirectory(Path.Combine(environment, "modules/told/manifests"));
        File.WriteAllText(Path.Combine(environment, "modules/told/manifests/init.pp"), """
            class told {
              $strings = [$::switch, $::day, $::number].all |$value| { $value =~ String }
              notify { "role=${::role} strings=${strings} switch=${::switch} day=${::day} number=${::number}": }
            }
            """);
    }

    /// <summary>From now on nothing answers.</summary>
    public void Break() => File.WriteAllText(home.File("hooks.yaml"), System.Text.RegularExpressions.Regex.Replace(
        File.ReadAllText(home.File("hooks.yaml")), "localhost:\\d+", $"localhost:{FreePort.Next()}"));

    public Task<Ran> Ask(string certname) => Shell.Run(home.File("overture-enc"), [certname], Environment());

    public Task<Ran> Apply(string certname) => Shell.Run("puppet",
        [
            "apply", "--node_terminus", "exec", "--external_nodes", home.File("overture-enc"), "--certname", certname, "--environmentpath",
            home.File("environments"), "--environment", "staging",
            "--confdir", home.File("c"), "--vardir", home.File("v"), "--publicdir", home.File("v/public"), "--rundir", home.File("v/run"),
            "--logdir", home.File("v/log"), "--color", "false", "-e", "",
        ],
        Environment());

    public void Dispose() => home.Dispose();

    private Dictionary<string, string?> Environment() => new() { ["OVERTURE_HOOKS_CONFIG"] = home.File("hooks.yaml") };
}
