using Overture.Conductor.Launch;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>User data with a reporter in it.</summary>
public sealed class ReporterScriptTests
{
    private static readonly CertName Name = CertName.Parse("0f8fad5b-d9cb-469f-a165-70867728950e");
    private static readonly Reporter Reporter = new(new Uri("https://conductor.example.com:8145"), new string('f', 64));

    [Fact]
    public void Render_WithReporter_IsFarBelowTheLimit()
    {
        var text = Render(Bundle(31));
        Assert.Contains("OVERTURE_REPORTER", text, StringComparison.Ordinal);
        Assert.InRange(text.Length, 1, 13 * 1024);
        Assert.Equal(text, Render(Bundle(31)));
    }

    [Fact]
    public void Render_WhereThereIsNoRoomForIt_LeavesItOut()
    {
        var full = $"x: {new string('x', UserData.RoomForUsers - 5)}";
        var text = Render(Bundle(31) + Bundle(31), full);
        Assert.DoesNotContain("OVERTURE_REPORTER", text, StringComparison.Ordinal);
        Assert.InRange(text.Length, UserData.RoomForUsers, UserData.MaxBytes);
    }

    [Fact]
    public void Script_OfAValueThatNoRuleAllows_IsRefused() =>
        Assert.Throws<ArgumentException>(() => (Reporter with { Token = "\"+exit()+\"" }).Script(Name));

    /// <summary>Debian 12's cloud-init 22.4.2 and Debian 13's 25.1, each with its Python.</summary>
    [Theory]
    [InlineData("host")]
    [InlineData("trixie-agent")]
    [Trait("Category", "integration")]
    public async Task Render_WithReporter_PassesSchemaAndPython(string image)
    {
        using var directory = new TempDirectory();
        await using var rooted = image == "host" ? null : await RootedHost.Start(await RootFileSystem.Get(image));
        await Put("user-data", Render(Bundle(12)));
        await Put("reporter", Reporter.Script(Name));
        Assert.Contains("Valid", (await Run("cloud-init", "schema", "--config-file", Path("user-data"))).Ok(), StringComparison.Ordinal);
        (await Run("python3", "-c", $"compile(open('{Path("reporter")}').read(), 'reporter', 'exec')")).Ok();
        Assert.NotEqual(0, (await Run("python3", "-c", $"compile(open('{Path("reporter")}').read() + ' x', 'reporter', 'exec')")).ExitCode);

        string Path(string file) => rooted is null ? directory.File(file) : $"/var/tmp/{file}";
        Task Put(string file, string text) => rooted is null ? File.WriteAllTextAsync(Path(file), text) : rooted.Write(Path(file), text);
        Task<Ran> Run(params string[] command) => rooted is null ? Shell.Run(command[0], command[1..]) : rooted.Run(command);
    }

    /// <summary>What it reads under systemd, and by which file it knows that a run was good.</summary>
    [Fact]
    [Trait("Category", "integration")]
    public async Task Script_UnderSystemd_ReadsTheJournalAndNoSummaryThatWasThereBefore()
    {
        using var directory = new TempDirectory();
        await Program("journalctl", """
            #!/bin/sh
            cat <<'END'
            {"MESSAGE":"Could not request certificate: \u001b[31mrefused","PRIORITY":"3","__REALTIME_TIMESTAMP":"1700000000500000"}
            {"MESSAGE":[119,97,114,110],"PRIORITY":"4","__REALTIME_TIMESTAMP":"1700000001000000"}
            {"MESSAGE":"Skipping run; administratively disabled","PRIORITY":"5","__REALTIME_TIMESTAMP":"1700000001500000"}
            {"MESSAGE":"Starting","__REALTIME_TIMESTAMP":"1700000002000000"}
            END
            """);
        await File.WriteAllTextAsync(directory.File("reporter"), Reporter.Script(Name));
        await File.WriteAllTextAsync(directory.File("probe"), """
            import sys
            text = open(sys.argv[1] + "/reporter").read()
            exec(text[:text.index("\ntry:\n trust")])
            os.path.isdir = lambda p: True
            print(lines())
            HOMES = (sys.argv[1],)
            path = sys.argv[1] + "/last_run_summary.yaml"
            run = "resources:\n  failed: 0\n  failed_to_restart: 0\n  total: 7\n"
            open(path, "w").write(run)
            before = summaries()
            print(good(before))
            open(path + ".new", "w").write(run)
            os.utime(path + ".new", (1, 1))
            os.rename(path + ".new", path)
            print(good(before))
            """);
        var said = (await Shell.Run("sh", "-c", $"PATH={directory.Path}:$PATH exec python3 "
            + $"{directory.File("probe")} {directory.Path}")).Ok();
        Assert.Equal("[(1700000000.5, 'err', 'Could not request certificate: refused'), (1700000001.0, 'warning', 'warn'), "
            + "(1700000001.5, 'err', 'Skipping run; administratively disabled'), (1700000002.0, 'notice', 'Starting')]\nFalse\nTrue\n", said);

        Task Program(string name, string text) => Executable(directory.File(name), text);
    }

    /// <summary>
    /// The boot hands it to systemd and waits for nothing; where cloud-init's Python could not run it, nothing is left of it.
    /// </summary>
    [Theory]
    [InlineData("python3", true)]
    [InlineData("/bin/sh", false)]
    [InlineData("/bin/false", false)]
    [Trait("Category", "integration")]
    public async Task Agent_UnderSystemd_StartsTheReporterAsAUnit(string python, bool runs)
    {
        using var directory = new TempDirectory();
        var root = directory.Path;
        await Executable(directory.File("cloud-init"), $"#!{python}\n");
        await Executable(directory.File("systemd-run"), "#!/bin/sh\n"
            + $"while [ $1 != sh ]; do echo \"$1\"; shift; done >{root}/unit\nexec \"$@\"\n");
        Directory.CreateDirectory(directory.File("overture"));
        Directory.CreateDirectory(directory.File("systemd"));
        await File.WriteAllTextAsync(directory.File("overture/agent-reporter"), $"open('{root}/ran', 'w')\n");
        var source = await File.ReadAllTextAsync(RepositoryPaths.File("services/Conductor/Launch/agent.sh"));
        await File.WriteAllTextAsync(directory.File("agent"), "ca() { echo CA; }\n" + source
            .Replace("/var/lib/cloud/instance", root, StringComparison.Ordinal)
            .Replace("/run/systemd/system", $"{root}/systemd", StringComparison.Ordinal));
        (await Shell.Run("sh", "-c", $"PATH={root}:$PATH exec sh {root}/agent reporter")).Ok();
        // No wait, no pipe, no other unit's requirement.
        Assert.Equal("--no-block --collect --unit overture-reporter -p Nice=10", string.Join(' ',
            await File.ReadAllLinesAsync(directory.File("unit"))));
        Assert.Equal((runs, runs, runs), (File.Exists(directory.File("ran")), File.Exists(directory.File("overture/agent-reporter")),
            File.Exists(directory.File("overture/agent-reporter.pem"))));
    }

    private static async Task Executable(string file, string text)
    {
        await File.WriteAllTextAsync(file, text);
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.UserWrite);
    }

    private static string Bundle(int lines) =>
        $"-----BEGIN CERTIFICATE-----\n{string.Concat(Enumerable.Range(0, lines).Select(Entropy))}-----END CERTIFICATE-----\n";

    // As a certificate is: nothing that compresses.
    private static string Entropy(int line) => Convert.ToBase64String(
        System.Security.Cryptography.SHA384.HashData([(byte)line])) + "\n";

    private static string Render(string bundle, string cloudConfig = "")
    {
        var spec = LaunchPlan.From(ConductorFixture.Spec(s => s.Puppet.CaServer = "ca.example.com"), "file:/x", _ => new FakeProvider())
            .Spec;
        spec.CloudConfig = cloudConfig;
        return UserData.Render(Name, spec, "production", new string('a', 52), bundle, reporter: Reporter);
    }
}
