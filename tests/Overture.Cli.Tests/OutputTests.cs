using Overture.Conductor.V1;
using Overture.TestSupport;

namespace Overture.Cli.Tests;

/// <summary>-o name, wide and jsonpath, --no-headers, --utc: what every verb has.</summary>
[Collection(OvertureCollection.Name)]
[Trait("Category", "integration")]
public sealed class OutputTests(OvertureFixture overture)
{
    private readonly string profile = $"p-{Guid.CreateVersion7()}";

    [Fact]
    public async Task Name_OfInstances_IsOneCertnameALine()
    {
        var names = Three();
        Assert.Equal(names, Lines(await List("-o", "name")));
        Assert.Equal(["bad", "web"], Lines(await overture.Run("profile", "list", "-o", "name")));
        Assert.Equal([names[0]], Lines(await overture.Run("instance", "show", names[0], "-o", "name")));
        Assert.Equal("", (await overture.Run("instance", "list", "--profile", "none-has-it", "-o", "name")).Exit(0).Output);
    }

    [Fact]
    public async Task Name_OfALaunch_IsWhatWasLaunched()
    {
        var names = Lines(await overture.Run("launch", "-c", RepositoryPaths.File("examples/start_instance.yaml"), "--count", "2", "-o",
            "name"));
        Assert.Equal(2, names.Length);
        Assert.All(names, n => Assert.True(Guid.TryParse(n, out _), n));
    }

    [Theory]
    [InlineData("{.instances[*].certname}", "{0} {1} {2}\n")]
    [InlineData("{range .instances[*]}{.certname}{\"\\n\"}{end}", "{0}\n{1}\n{2}\n")]
    [InlineData("{range $.instances[1:]}{@.certname},{end}", "{1},{2},\n")]
    [InlineData("first: {.instances[0].certname}", "first: {0}\n")]
    [InlineData("{.instances[-1].certname}", "{2}\n")]
    [InlineData("{.instances[0,2].certname}", "{0} {2}\n")]
    [InlineData("{.instances[0]['certname','provider']}", "{0} local\n")]
    [InlineData("{.instances[?(@.state==\"INSTANCE_STATE_RUNNING\")].certname}", "{1}\n")]
    [InlineData("{.instances[?(@.state!=\"INSTANCE_STATE_RUNNING\")].certname}", "{0} {2}\n")]
    [InlineData("{.instances[?(@.labels.team)].certname}", "")]
    [InlineData("{.instances[?(@.protected==false)].provider}", "local local local\n")]
    [InlineData("{..certname}", "{0} {1} {2}\n")]
    [InlineData("{.instances[0].states[0].state}{\" \"}{.instances[0].protected}", "INSTANCE_STATE_REQUESTED false\n")]
    [InlineData("{.instances[0].labels}", "{ }\n")]
    [InlineData("{.nothing.at.all}", "")]
    public async Task JsonPath_Template_IsEvaluated(string template, string expected)
    {
        var names = Three(InstanceState.Running);
        var wanted = names.Select((n, i) => (n, i)).Aggregate(expected, (t, n) => t.Replace($"{{{n.i}}}", n.n, StringComparison.Ordinal));
        Assert.Equal(wanted, (await List("-o", $"jsonpath={template}")).Exit(0).Output);
    }

    [Theory]
    [InlineData("{.instances[*.certname}", "character 14: '.' where ] is expected")]
    [InlineData("{.instances[0]", "character 15: a } is missing")]
    [InlineData("{.a}{range .b[*]}{.c}", "character 5: the {range} that begins here has no {end}")]
    [InlineData("{.a}{end}", "character 5: {end} without a {range}")]
    [InlineData("{.a[?(@.b==)]}", "character 12: must be @.key")]
    [InlineData("{.a[x]}", "character 5: must be *, a number")]
    [InlineData("{\"open}", "character 2: the \" that begins here is not closed")]
    [InlineData("{a}", "character 2: 'a' begins no path; a path begins with a dot")]
    [InlineData("{.a[1:5:0]}", "character 5: the step of a slice must be 1 or more")]
    [InlineData("certname", "did you mean {.certname}?")]
    [InlineData("", "there is no {…} in it")]
    public async Task JsonPath_Wrong_NamesThePositionBeforeAnythingIsDone(string template, string message)
    {
        var before = overture.Conductor.Launches.Count;
        (await overture.Run("launch", "-c", RepositoryPaths.File("examples/start_instance.yaml"), "-o", $"jsonpath={template}")).Exit(2)
            .Says("error: -o jsonpath=: ").Says(message);
        Assert.Equal(before, overture.Conductor.Launches.Count);
    }

    [Fact]
    public async Task Wide_HasFurtherColumns()
    {
        string[] usual = ["NAME", "PROVIDER", "IMAGE", "TYPE", "VERSION", "PROBLEMS"];
        Assert.Equal(usual, Headings(await overture.Run("profile", "list")));
        string[] wide = [.. usual[..4], "PUPPETSERVER", "ROLE", .. usual[4..]];
        Assert.Equal(wide, Headings(await overture.Run("profile", "list", "-o", "wide")));

        static string[] Headings(Ran ran) => Lines(ran)[0].Split(' ', StringSplitOptions.RemoveEmptyEntries);
    }

    [Fact]
    public async Task NoHeaders_LeavesRowsAlone()
    {
        var names = Three();
        Assert.Equal(names, Lines(await List("--no-headers")).Select(l => l.Split(' ')[0]));
        Assert.Equal(4, Lines(await List("-o", "wide")).Length);
    }

    [Fact]
    public async Task Times_AreOfTheZoneOrUtc()
    {
        var name = Three()[0];
        var at = overture.Conductor.Created(name);
        var zone = new Dictionary<string, string?> { ["TZ"] = "Asia/Kolkata" };
        var there = (await overture.Run(["instance", "show", name], zone)).Exit(0).Output;
        Assert.Contains(at.ToOffset(TimeSpan.FromMinutes(330)).ToString("yyyy-MM-dd'T'HH:mm:ss.fff'+05:30'"), there,
            StringComparison.Ordinal);
        var utc = (await overture.Run(["instance", "show", name, "--utc"], zone)).Exit(0).Output;
        Assert.Contains(at.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'"), utc, StringComparison.Ordinal);
        Assert.DoesNotContain("+05:30", utc, StringComparison.Ordinal);
    }

    private Task<Ran> List(params string[] more) => overture.Run(["instance", "list", "--profile", profile, .. more]);

    // In the order of the list.
    private List<string> Three(InstanceState second = InstanceState.Converged)
    {
        var names = Enumerable.Range(0, 3).Select(_ => $"{Guid.CreateVersion7()}").Order(StringComparer.Ordinal).ToList();
        foreach (var (i, name) in names.Index())
            overture.Conductor.Add(name, i == 1 ? second : InstanceState.Converged, profile: profile);
        return names;
    }

    private static string[] Lines(Ran ran) => ran.Exit(0).Output.TrimEnd('\n').Split('\n');
}
