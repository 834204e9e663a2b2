using System.Globalization;
using System.Text.RegularExpressions;
using Overture.TestSupport;

namespace Overture.EndToEnd.Tests;

/// <summary>
/// A page of docs/ whose commands are run as they stand: its blocks `sh run`, in one shell from the first to the last, or to the block
/// `sh started`, which is what another terminal is to have meanwhile. Each line of a block `txt output` must be in what the block before it
/// printed.
/// </summary>
internal sealed partial class Tutorial
{
    private sealed record Block(string Kind, string Text);

    private readonly string page;
    private readonly List<List<Block>> parts = [[]];

    /// <param name="page">"docs/tutorials/01-first-instance.md".</param>
    public Tutorial(string page)
    {
        this.page = page;
        foreach (Match fence in Fence().Matches(File.ReadAllText(RepositoryPaths.File(page))))
        {
            if (fence.Groups["kind"].Value == "sh started")
                parts.Add([]);
            else
                parts[^1].Add(new(fence.Groups["kind"].Value, fence.Groups["text"].Value));
        }
    }

    /// <summary>Runs a part, as root with the host's /etc/puppet replaced: the test fails with all that was printed.</summary>
    /// <param name="part">0: up to `sh started`.</param>
    /// <param name="host">Where it is run.</param>
    /// <param name="limit">For all of it.</param>
    public async Task<string> Run(int part, TutorialHost host, TimeSpan limit)
    {
        var script = "exec 2>&1\nset -euo pipefail\n" + string.Concat(parts[part].Select((block, i) =>
            block.Kind == "sh run" ? $"echo '@@ {i}'\n{host.Adapted(block.Text)}" : ""));
        File.WriteAllText(Path.Combine(host.Directory, "page.sh"), script);
        var ran = await Shell.Run("unshare",
            ["--mount", "--propagation", "private", "bash", "-c", "mount --bind \"$0\" /etc/puppet && exec bash page.sh", host.Puppet],
            host.Environment, directory: host.Directory, limit: limit);
        Assert.True(ran.ExitCode == 0, $"{page}: exit code {ran.ExitCode}\n{ran.Output}{ran.Errors}");
        var printed = Marker().Split(ran.Output);
        var said = "";
        var run = 0;
        foreach (var block in parts[part])
        {
            if (block.Kind == "sh run")
                said = printed[++run];
            foreach (var line in block.Kind == "txt output" ? block.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries) : [])
            {
                Assert.True(said.Contains(line, StringComparison.OrdinalIgnoreCase),
                    $"{page}: '{line}' is not in what was printed:\n{said}");
            }
        }
        return ran.Output;
    }

    [GeneratedRegex("^```(?<kind>[a-z]+(?: [a-z]+)?)\n(?<text>.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();

    [GeneratedRegex("^@@ [0-9]+\n", RegexOptions.Multiline)]
    private static partial Regex Marker();
}

/// <summary>
/// A directory with what a checkout has that pages name (artifacts, eng, examples, .overture), and an /etc/puppet of its own, so that they
/// can be run on any host and with other ports.
/// </summary>
internal sealed class TutorialHost : IDisposable
{
    private readonly TempDirectory directory = new();
    private readonly int offset;

    /// <param name="checkout">One that is built.</param>
    /// <param name="offset">Of the ports, beyond the standard ones; pages have those of ./run, 10000.</param>
    /// <param name="home">OVERTURE_HOME; null: a new one.</param>
    /// <param name="certname">Of the node whose /etc/puppet it is.</param>
    public TutorialHost(string checkout, int offset, string? home, string certname)
    {
        this.offset = offset;
        foreach (var folder in (string[])["examples", "etc-puppet"])
            System.IO.Directory.CreateDirectory(directory.File(folder));
        foreach (var folder in (string[])["artifacts", "eng"])
            File.CreateSymbolicLink(directory.File(folder), Path.Combine(checkout, folder));
        if (home is not null)
            File.CreateSymbolicLink(directory.File(".overture"), home);
        foreach (var example in System.IO.Directory.GetFiles(Path.Combine(checkout, "examples"), "*.yaml"))
        {
            // Of a home that lies elsewhere, the Conductor's bucket has another name than the example's.
            File.WriteAllText(directory.File($"examples/{Path.GetFileName(example)}"),
                Adapted(File.ReadAllText(example)).Replace("bucket: file:.overture/objects\n", "", StringComparison.Ordinal));
        }
        File.WriteAllText(Path.Combine(Puppet, "puppet.conf"),
            string.Concat(((string[])["vardir", "ssldir", "publicdir", "rundir", "logdir"]).Select(d => $"{d} = {directory.File(d)}\n")
                .Prepend($"[main]\ncertname = {certname}\nkeylength = 2048\n")));
    }

    public string Directory => directory.Path;

    /// <summary>What is /etc/puppet there.</summary>
    public string Puppet => directory.File("etc-puppet");

    /// <summary>Nothing of this test's own.</summary>
    public Dictionary<string, string?> Environment { get; } = new()
    {
        ["OVERTURE_HOME"] = null, ["OVERTURE_CLI_CONFIG"] = null, ["NO_COLOR"] = "1",
    };

    /// <summary>With the ports of this host.</summary>
    public string Adapted(string text) => new[] { 7001, 7002, 7003, 8140, 8141 }.Aggregate(text, (t, port) => t.Replace(
        (port + 10000).ToString(CultureInfo.InvariantCulture), (port + offset).ToString(CultureInfo.InvariantCulture),
        StringComparison.Ordinal));

    public void Dispose() => directory.Dispose();
}
