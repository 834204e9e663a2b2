using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Tls;
using Overture.TestSupport;

namespace Overture.Cli.Tests;

[Collection(OvertureCollection.Name)]
[Trait("Category", "integration")]
public sealed class InstanceTests(OvertureFixture overture)
{
    private readonly string profile = $"p-{Guid.CreateVersion7()}";

    [Fact]
    public async Task List_ManyPages_IsOneDocumentOfAll()
    {
        var names = Enumerable.Range(0, 5).Select(_ => overture.Conductor.Add(NewName(), profile: profile).Certname)
            .Order(StringComparer.Ordinal).ToList();
        var answer = (await overture.Run("instance", "list", "--profile", profile, "-o", "json")).Exit(0).Json();
        Assert.Equal(names, answer["instances"]!.AsArray().Select(i => i!["certname"].Text()));
        var table = (await overture.Run("instance", "list", "--profile", profile)).Exit(0).Output.TrimEnd('\n').Split('\n');
        Assert.StartsWith("CERTNAME", table[0], StringComparison.Ordinal);
        Assert.Equal(names, table[1..].Select(l => l.Split(' ')[0]));
        Assert.DoesNotContain('\u001b', string.Concat(table));
    }

    [Fact]
    public async Task List_StateAndAll_AreSent()
    {
        overture.Conductor.Add(NewName(), InstanceState.Terminated, profile: profile);
        overture.Conductor.Add(NewName(), InstanceState.CsrReceived, profile: profile);
        Assert.Single((await overture.Run("instance", "list", "--profile", profile, "--state", "csr-received", "-o", "json")).Exit(0)
            .Json()["instances"]!.AsArray());
        Assert.Equal(2, (await overture.Run("instance", "list", "--profile", profile, "--all", "-o", "json")).Exit(0)
            .Json()["instances"]!.AsArray().Count);
    }

    [Fact]
    public async Task List_Empty_IsAnEmptyListAndTalkOnStderr()
    {
        Assert.Empty((await overture.Run("instance", "list", "--profile", profile, "-o", "json")).Exit(0).Json()["instances"]!.AsArray());
        Assert.Equal("", (await overture.Run("instance", "list", "--profile", profile)).Exit(0).Says("no instance is as asked for").Output);
    }

    [Fact]
    public async Task Show_Prefix_FindsTheOne()
    {
        var name = overture.Conductor.Add("a5a5b6b6-0000-4000-8000-000000000001").Certname;
        Assert.Equal(name, (await overture.Run("instance", "show", "a5a5", "-o", "json")).Exit(0).Json()["instance"]!["certname"].Text());
        (await overture.Run("instance", "show", "a5a")).Exit(2).Says("too short");
        (await overture.Run("instance", "show", "dddddddd")).Exit(3).Says("no instance's name begins with dddddddd");
    }

    [Fact]
    public async Task Show_AmbiguousPrefix_NamesTheCandidates()
    {
        overture.Conductor.Add("bcbc0000-0000-4000-8000-000000000001");
        overture.Conductor.Add("bcbc0000-0000-4000-8000-000000000002", InstanceState.Terminated);
        (await overture.Run("instance", "show", "bcbc")).Exit(2)
            .Says("begins the names of 2 instances: bcbc0000-0000-4000-8000-000000000001, bcbc0000-0000-4000-8000-000000000002");
    }

    [Fact]
    public async Task Show_PrefixOfAnyName_FindsTheOneAndSaysSo()
    {
        overture.Conductor.Add("puppetserver-eu.example.com");
        (await overture.Run("instance", "show", "puppetserver-e", "-o", "name")).Exit(0)
            .Says("puppetserver-e is taken for puppetserver-eu.example.com");
        overture.Conductor.Add("puppetserver-eu.example.com.au");
        // Exactly first; then whatever begins with it, if that is one.
        Assert.Equal("puppetserver-eu.example.com\n",
            (await overture.Run("instance", "show", "puppetserver-eu.example.com", "-o", "name")).Exit(0).Output);
        (await overture.Run("instance", "show", "puppetserver-eu.ex")).Exit(2)
            .Says("begins the names of 2 instances: puppetserver-eu.example.com, puppetserver-eu.example.com.au")
            .Says("next: type more of it");
        (await overture.Run("instance", "show", "nothing-begins-so")).Exit(3).Says("no instance nothing-begins-so");
    }

    [Fact]
    public async Task Show_NumberCutInTwo_IsAnotherName()
    {
        overture.Conductor.Add("worker-10.example.com");
        (await overture.Run("instance", "show", "worker-1")).Exit(3).Says("no instance worker-1");
        (await overture.Run("instance", "show", "worker-10")).Exit(0);
    }

    [Fact]
    public async Task Name_OfANodeOrCertificate_IsNeverTakenForTheBeginningOfAnother()
    {
        // The fake Classifier has a node of this name, which is no instance.
        overture.Conductor.Add($"{Fakes.FakeClassifier.Versioned}.au");
        (await overture.Run("instance", "show", Fakes.FakeClassifier.Versioned)).Exit(3)
            .Says($"no instance {Fakes.FakeClassifier.Versioned}");
        // What is to be made may be the beginning of something.
        overture.Conductor.Add("fresh-host.example.com");
        var before = overture.Classifier.Puts.Count;
        using var directory = new TempDirectory();
        await File.WriteAllTextAsync(directory.File("node.yaml"), "classes: {}\n");
        await overture.Run("node", "set", "fresh-host", "-f", directory.File("node.yaml"), "--reason", "new");
        Assert.Equal("fresh-host", overture.Classifier.Puts.Skip(before)
            .Single(p => p.Certname.StartsWith("fresh-host", StringComparison.Ordinal)).Certname);
    }

    [Fact]
    public async Task Show_UnknownName_Is3InWordsAndInJson()
    {
        var name = NewName();
        (await overture.Run("instance", "show", name)).Exit(3).Says($"error: no instance {name}").Says("reason: NOT_FOUND");
        var ran = (await overture.Run("instance", "show", name, "-o", "json")).Exit(3);
        var error = System.Text.Json.Nodes.JsonNode.Parse(ran.Errors)!["error"]!;
        Assert.Equal(("NOT_FOUND", "NOT_FOUND", 3), (error["code"].Text(), error["reason"].Text(), error["exitCode"]!.GetValue<int>()));
        Assert.Equal("", ran.Output);
    }

    [Fact]
    public async Task Show_Yaml_IsTheSameDocument()
    {
        var name = overture.Conductor.Add(NewName(), profile: "yes").Certname;
        var tree = (IReadOnlyDictionary<string, object?>)StrictYaml.Read((await overture.Run("instance", "show", name, "-o", "yaml"))
            .Exit(0).Output)!;
        var instance = (IReadOnlyDictionary<string, object?>)tree["instance"]!;
        Assert.Equal((name, "INSTANCE_STATE_CONVERGED", "yes"), (instance["certname"], instance["state"], instance["profile"]));
    }

    [Fact]
    public async Task Show_HostileValues_CantDriveTheTerminal()
    {
        var name = overture.Conductor.Add(NewName(), profile: "\u001b]0;owned\u0007\n\u202etxt").Certname;
        var output = (await overture.Run("instance", "show", name)).Exit(0).Output;
        Assert.Contains("\\u001b]0;owned\\u0007\\u000a\\u202etxt", output, StringComparison.Ordinal);
        Assert.Equal("\u001b]0;owned\u0007\n\u202etxt", (await overture.Run("instance", "show", name, "-o", "json")).Exit(0)
            .Json()["instance"]!["profile"].Text());
        var tree = (IReadOnlyDictionary<string, object?>)StrictYaml.Read((await overture.Run("instance", "show", name, "-o", "yaml"))
            .Exit(0).Output)!;
        Assert.Equal("\u001b]0;owned\u0007\n\u202etxt", ((IReadOnlyDictionary<string, object?>)tree["instance"]!)["profile"]);
    }

    [Fact]
    public async Task Timeline_Hostile_StaysALineAnEvent()
    {
        var name = overture.Conductor.Add(NewName()).Certname;
        var lines = (await overture.Run("instance", "timeline", name)).Exit(0).Output.TrimEnd('\n').Split('\n');
        Assert.Equal(3, lines.Length);
        Assert.Contains("evil\\u001b[31m\\u000aline", lines[2], StringComparison.Ordinal);
        Assert.Equal("requested", (await overture.Run("instance", "timeline", name, "-o", "json")).Exit(0)
            .Json()["events"]![0]!["key"].Text());
    }

    [Fact]
    public async Task Explain_NotReady_Is1WithVerdictProofAndNextStep()
    {
        var name = overture.Conductor.Add(NewName(), InstanceState.Running).Certname;
        var lines = (await overture.Run("instance", "explain", name)).Exit(1).Output.TrimEnd('\n').Split('\n');
        Assert.Equal("verdict    It is not ready: its clock is off.", lines[0]);
        Assert.Contains("cause: Its clock is off. (CLOCK)", lines);
        Assert.Contains("  console: evil\\u001b[31m\\u000aline", lines);
        Assert.Contains("  next: Start NTP.", lines);
        Assert.Contains("  not known: Its console was cut off.", lines);
        Assert.Contains(lines, l => l.StartsWith("  the provider: it accepted the launch (", StringComparison.Ordinal));
        Assert.Equal("CLOCK", (await overture.Run("instance", "explain", name, "-o", "json")).Exit(1)
            .Json()["causes"]![0]!["reason"].Text());
        Assert.Equal($"{name}\n", (await overture.Run("instance", "explain", name, "-o", "name")).Exit(1).Output);
    }

    [Fact]
    public async Task Explain_Ready_Is0() =>
        (await overture.Run("instance", "explain", overture.Conductor.Add(NewName()).Certname)).Exit(0).Prints("It is ready.");

    [Fact]
    public async Task Explain_WithoutName_CountsTheCausesOfAll()
    {
        var ran = (await overture.Run("instance", "explain", "--profile", "broken-fleet")).Exit(1)
            .Says("5 instances, 3 with nothing wrong, 2 with a cause").Prints("a.example.com");
        Assert.DoesNotContain("Start NTP.", ran.Output, StringComparison.Ordinal);
        (await overture.Run("instance", "explain", "--profile", "broken-fleet", "-o", "wide")).Exit(1).Prints("Start NTP.");
        (await overture.Run("instance", "explain")).Exit(0).Says("0 with a cause");
        (await overture.Run("instance", "explain", NewName(), "--profile", "x")).Exit(2).Says("can't be given together");
    }

    [Fact]
    public async Task Watch_UntilSettled_EndsByItself()
    {
        var name = overture.Conductor.Add(NewName(), InstanceState.Running).Certname;
        var ran = (await overture.Run("instance", "watch", name, "--until-settled", "-o", "json")).Exit(0);
        Assert.EndsWith("INSTANCE_STATE_CONVERGED", System.Text.Json.Nodes.JsonNode.Parse(ran.Output.TrimEnd('\n')
            .Split('\n')[^1])!["instance"]!["state"].Text(), StringComparison.Ordinal);
        (await overture.Run("instance", "watch", overture.Conductor.Add(NewName(), InstanceState.Running, "broken").Certname,
            "--until-settled")).Exit(1).Says("run-failed");
        (await overture.Run("instance", "watch", name, "--timeout", "1s")).Exit(7).Says("converged");
    }

    [Fact]
    public async Task Terminate_ConnectionCutOffOnce_IsAskedAgain()
    {
        var name = overture.Conductor.Add(NewName(), profile: "cut off once").Certname;
        (await overture.Run("instance", "terminate", name)).Exit(0).Says("connecting again");
        Assert.Equal(2, overture.Conductor.Terminations.Count(t => t.Certname == name));
    }

    [Fact]
    public async Task Terminate_Several_TriesEachAndFailsWithTheFirstFailure()
    {
        var (first, second) = (overture.Conductor.Add(NewName()).Certname, overture.Conductor.Add(NewName()).Certname);
        var ran = (await overture.Run("instance", "terminate", first, NewName(), second, "--reason", "it's over; $(reboot)", "-o", "json"))
            .Exit(3);
        Assert.Equal([first, second], ran.Json()["instances"]!.AsArray().Select(i => i!["certname"].Text()));
        Assert.All(overture.Conductor.Terminations.Where(t => t.Certname == first || t.Certname == second),
            t => Assert.Equal("it's over; $(reboot)", t.Reason));
    }

    [Fact]
    public async Task Register_Plain_PrintsUserDataAlone()
    {
        var ran = (await overture.Run("instance", "register", "-c", RepositoryPaths.File("examples/start_instance.yaml"))).Exit(0)
            .Says("registered ");
        Assert.Equal("#cloud-config\nwrite_files: [] # token-in-user-data\n", ran.Output);
    }

    [Fact]
    public async Task Register_Json_HasInstanceUserDataAndToken()
    {
        var answer = (await overture.Run("instance", "register", "-c", RepositoryPaths.File("examples/start_instance.yaml"), "-o", "json",
            "--role", "puppetserver", "--dns-alt-name", "a.example.com", "--dns-alt-name", "b.example.com")).Exit(0).Json();
        Assert.Equal("onetimetoken", answer["token"].Text());
        Assert.StartsWith("#cloud-config", answer["userData"].Text(), StringComparison.Ordinal);
        var sent = Assert.Single(overture.Conductor.Registrations, r => r.RequestId == answer["requestId"].Text());
        Assert.Equal("puppetserver", sent.Spec.Role);
        Assert.Equal(["a.example.com", "b.example.com"], sent.Spec.DnsAltNames);
    }

    [Fact]
    public async Task Register_IntoFiles_ArePrivateAndNotOnStdout()
    {
        using var directory = new TempDirectory();
        var ran = (await overture.Run("instance", "register", "-c", RepositoryPaths.File("examples/start_instance.yaml"), "--token-file",
            directory.File("token"), "--user-data-file", directory.File("data"))).Exit(0);
        Assert.Equal(36, ran.Output.Trim().Length);
        Assert.Equal("onetimetoken", await File.ReadAllTextAsync(directory.File("token")));
        Assert.All(new[] { "token", "data" }, f => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite,
            File.GetUnixFileMode(directory.File(f))));
        Assert.DoesNotContain("token-in-user-data", ran.Output + ran.Errors, StringComparison.Ordinal);
    }

    private static string NewName() => TestIds.New().Unguessable();
}
