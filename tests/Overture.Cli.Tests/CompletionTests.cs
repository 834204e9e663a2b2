using System.Net;
using System.Net.Sockets;
using Overture.Conductor.V1;
using Overture.TestSupport;

namespace Overture.Cli.Tests;

/// <summary>What a shell offers: verbs, options and values, and the names that the services and the file of contexts know.</summary>
[Collection(OvertureCollection.Name)]
[Trait("Category", "integration")]
public sealed class CompletionTests(OvertureFixture overture)
{
    // A person waits for it; the process ends itself after 180 ms, and the rest is a machine that is busy with other tests.
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

    [Theory]
    [InlineData("inst", "instance")]
    [InlineData("instance te", "terminate")]
    [InlineData("instances te", "terminate")]
    [InlineData("launch --co", "--config --context --count")]
    [InlineData("instance list --state conv", "converged")]
    [InlineData("instance list --state=conv", "--state=converged")]
    [InlineData("instance list --state = conv", "converged")]
    [InlineData("instance terminate --state running,conv", "running,converged")]
    [InlineData("instance list -o js", "json jsonpath=")]
    [InlineData("instance list --outp", "--output")]
    [InlineData("completion p", "powershell")]
    [InlineData("profile validate web", ":files")]
    [InlineData("launch -c web", ":files")]
    [InlineData("launch -c web.yaml --wai", "--wait")]
    [InlineData("profile show w", "web")]
    [InlineData("launch --profile w", "web")]
    [InlineData("launch --profile=w", "--profile=web")]
    [InlineData("version no", "")]
    [InlineData("no such thing", "")]
    [InlineData("__", "")]
    public async Task Complete_Words_AreThoseThatMayFollow(string typed, string expected)
    {
        var ran = await Offered([.. expected.Split(' ', StringSplitOptions.RemoveEmptyEntries)], [], typed.Split(' '));
        Assert.Equal("", ran.Errors);
    }

    [Fact]
    public async Task Complete_Names_AreThoseOfInstances()
    {
        var begins = TestIds.New().Unguessable()[..13];
        foreach (var end in new[] { "0001", "0002", "0003" })
            overture.Conductor.Add($"{begins}-4000-8000-00000000{end}", profile: "web");
        overture.Conductor.Add($"{begins}-4000-8000-000000000004", InstanceState.Terminated);
        string[] names = [.. new[] { "1", "2", "3" }.Select(i => $"{begins}-4000-8000-00000000000{i}")];
        var ran = await Offered(names, [], "instance", "show", begins);
        Assert.Contains("\tconverged, web\n", ran.Output, StringComparison.Ordinal);
        // For each of several names.
        await Offered(names, [], "instance", "terminate", "other", begins);
        await Offered(names, [], "node", "show", begins);
        await Offered([], [], "node", "show", "other", begins);
    }

    [Fact]
    public async Task Complete_Contexts_AreThoseOfTheFile()
    {
        using var home = new TempDirectory();
        Directory.CreateDirectory(home.File("overture"));
        await File.WriteAllTextAsync(home.File("overture/contexts.yaml"), "contexts: {production: {}, staging: {}}\n");
        var own = new Dictionary<string, string?> { ["XDG_CONFIG_HOME"] = home.Path };
        await Offered(["production"], own, "config", "use-context", "p");
        await Offered(["production", "staging"], own, "instance", "list", "--context", "");
    }

    [Fact]
    public async Task Complete_ServerThatDoesNotAnswer_IsSilentAndSoon()
    {
        // Takes the connection, and says nothing.
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        var file = Path.Combine(overture.Pki.Home, "silent.yaml");
        await File.WriteAllTextAsync(file, overture.Config("admin", ((IPEndPoint)silent.LocalEndpoint).Port));
        var own = new Dictionary<string, string?> { ["OVERTURE_CLI_CONFIG"] = file };
        foreach (var words in new string[][] { ["instance", "show", ""], ["launch", "--profile", ""] })
        {
            var ran = (await Complete(own, words)).Exit(0);
            Assert.Equal(("", ""), (ran.Output, ran.Errors));
            Assert.InRange(ran.Took, TimeSpan.Zero, Soon);
        }
        var none = new Dictionary<string, string?> { ["OVERTURE_CLI_CONFIG"] = "/nonexistent/cli.yaml" };
        var without = (await Complete(none, "instance", "show", "")).Exit(0);
        Assert.Equal(("", ""), (without.Output, without.Errors));
    }

    [Fact]
    public async Task Bash_Script_CompletesWhatIsTyped()
    {
        using var directory = new TempDirectory();
        await File.WriteAllTextAsync(directory.File("overture.bash"), (await overture.Run("completion", "bash")).Exit(0).Output);
        (await Shell.Run("bash", "-n", directory.File("overture.bash"))).Ok();
        overture.Conductor.Add("c0c0c0c0-0000-4000-8000-000000000001");
        // What a service has to be asked for last, and more than once where this machine is busy.
        var asked = await Shell.Run("bash", ["-c", $$"""
            . {{directory.File("overture.bash")}}
            ask() {
                COMP_WORDS=("{{OvertureFixture.Binary}}" "${@:2}")
                COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
                _overture
                echo "${COMPREPLY[*]}"
            }
            ask overture inst
            ask overture instance te
            ask overture launch --co
            ask overture instance list --state = conv
            ask overture launch -c ''
            for attempt in {1..100}; do
                name=$(ask overture instance show c0c0c0)
                [[ -z $name ]] || break
            done
            echo "$name"
            """], new Dictionary<string, string?> { ["OVERTURE_HOME"] = overture.Pki.Home });
        Assert.Equal(["instance", "terminate", "--count --config --context", "converged", "", "c0c0c0c0-0000-4000-8000-000000000001"],
            asked.Ok().Split('\n')[..^1]);
    }

    [Theory]
    [InlineData("zsh", "#compdef overture", "overture")]
    [InlineData("fish", "complete -c overture", "")]
    [InlineData("powershell", "Register-ArgumentCompleter -Native -CommandName overture", "")]
    public async Task OtherShells_AskTheBinary(string shell, string has, string also)
    {
        var script = (await overture.Run("completion", shell)).Exit(0).Output;
        Assert.All([has, also, "__complete", ":files"], part => Assert.Contains(part, script, StringComparison.Ordinal));
    }

    [Fact]
    public async Task PowerShell_EmptyLastWord_GoesApart() =>
        Assert.Equal(["terminate"], Texts(await overture.Run("__complete", "--word=te", "--", "instance")));

    // On a machine that is busy with other tests, a service may be too late once.
    private async Task<Ran> Offered(string[] expected, Dictionary<string, string?> environment, params string[] words)
    {
        var last = await Complete(environment, words);
        for (var attempt = 0; attempt < 100 && !Texts(last.Exit(0)).SequenceEqual(expected); attempt++)
            last = await Complete(environment, words);
        Assert.Equal(expected, Texts(last));
        return last;
    }

    private Task<Ran> Complete(Dictionary<string, string?> environment, params string[] words) =>
        overture.Run(["__complete", "--", .. words], environment);

    private static string[] Texts(Ran ran) =>
        [.. ran.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => l.Split('\t')[0]).Order(StringComparer.Ordinal)];
}
