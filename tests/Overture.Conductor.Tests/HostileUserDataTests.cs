using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Overture.Conductor.Launch;
using Overture.Conductor.Specs;
using Overture.Conductor.V1;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>
/// Values at their nastiest, taken apart by cloud-init itself (its MIME reader, PyYAML): the parts and the tree that were meant, and
/// nothing beside.
/// </summary>
public sealed class HostileUserDataTests : IDisposable
{
    // A shell and a dozen programs each.
    private static readonly int Cases = Full.Length(40, 400);
    private static readonly CertName Name = CertName.Parse("0f8fad5b-d9cb-469f-a165-70867728950e");
    private readonly TempDirectory directory = new();
    private readonly TestPuppetCa ca = new();

    // In: DIR/N.data, and DIR/N.json with what was meant. Out: a line for each that came out otherwise, then how many were compared.
    private const string Reader = """
        import glob, json, os, subprocess, sys, yaml
        from cloudinit import handlers, helpers, user_data, util
        directory = sys.argv[1]
        processor = user_data.UserDataProcessor(helpers.Paths({"cloud_dir": directory}))
        files = sorted(glob.glob(directory + "/*.data"))
        # What the command of bootcmd writes, by a real shell; without the wait that it ends with.
        def written(config, file):
            home = file + ".d/"
            os.mkdir(home)
            command = config["bootcmd"].pop(0)
            for path in ("/var/lib/cloud/instance", "/etc/puppetlabs", "/etc/puppet", "/var/lib/puppet"):
                command = command.replace(path, home + os.path.basename(path))
            # Without stopping an agent of this host, and without the wait that it ends with.
            command = command.replace("\nquiet\n", "\n").replace("\nsh $w/agent watch", "\n:")
            ran = subprocess.run(["/bin/sh"], input=command.encode(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if ran.returncode or ran.stdout: return ran.stdout
            if config["runcmd"].pop(0) != ["sh", "/var/lib/cloud/instance/overture/agent", "run"]: return "runcmd"
            for list in ("bootcmd", "runcmd"):
                if not config[list]: del config[list]
            if open(home + "puppetlabs/puppet/ssl/certs/ca.pem").read() != open(home + "puppet/ssl/certs/ca.pem").read(): return "CA"
            for file in (home + "puppet/csr_attributes.yaml", home + "puppetlabs/puppet/csr_attributes.yaml"):
                if os.stat(file).st_mode & 0o777 != 0o600: return "mode"
            return yaml.safe_load(open(file, "rb"))
        for file in files:
            meant = json.load(open(file[:-4] + "json", encoding="utf-8"))
            parts = [p for p in processor.process(open(file, "rb").read()).walk() if p.get_content_maintype() != "multipart"]
            kinds = [p.get_content_type() for p in parts]
            bodies = [util.fully_decoded_payload(p) for p in parts]
            if kinds != ["text/cloud-config"] + ["text/x-shellscript"] * len(meant["scripts"]):
                print(file, "kinds", kinds)
            elif [p.get_filename() for p in parts[1:]] != ["user-script-%02d" % (i + 1) for i in range(len(parts) - 1)]:
                print(file, "names", [p.get_filename() for p in parts])
            else:
                config = yaml.safe_load(bodies[0])
                attributes = written(config, file)
                if attributes != meant["attributes"]:
                    print(file, "attributes", attributes, "not", meant["attributes"])
                if config != meant["config"]:
                    print(file, "config", config, "not", meant["config"])
                if [b if isinstance(b, str) else b.decode() for b in bodies[1:]] != [s for s in meant["scripts"]]:
                    print(file, "scripts", bodies[1:], "not", meant["scripts"])
        print(len(files), "compared")
        """;

    // The one that Debian's cloud-init runs under.
    private const string Python = "/usr/bin/python3";

    private sealed record Case(string Extension, IReadOnlyList<object?> Values, IReadOnlyList<string> Scripts);

    /// <summary>Threats T73, T75, T76: whatever a value holds, it is data, of the type it had.</summary>
    [Fact]
    [Trait("Category", "integration")]
    public async Task T73_T75_T76_AnyValues_AreWhatCloudInitReads()
    {
        var texts = Gen.OneOf(
            Gen.Elements<string>([.. ((IEnumerable<object[]>)UserDataTests.Hostile).Select(row => (string)row[0]),
                "MIME-Version: 1.0\n\n--overture-0\n", "From x\n", "- 1_000", "12:30:45", "="]),
            ArbMap.Default.ArbFor<NonNull<string>>()
                .Generator.Select(s =>
                    new string([.. s.Get.Where(c => !char.IsSurrogate(c) && c is not ('\uFEFF' or '\uFFFE' or '\uFFFF')).Take(20)])));
        var scalars = Gen.OneOf(texts.Select(t => (object?)t), Gen.Elements<object?>(true, false, null, 0L, -7L, 1L << 53, 1.5));
        var trees = Gen.OneOf(scalars, Gen.ListOf(scalars).Select(l => (object?)l.Take(6).ToList()),
            Gen.ListOf(Gen.Zip(texts, scalars))
                .Select(l => (object?)l.DistinctBy(p => p.Item1).Take(6).ToDictionary(p => p.Item1, p => p.Item2)));
        var scripts = Gen.ListOf(texts.Select(t => "#!/bin/sh\n" + new string([.. t.Where(c => !char.IsControl(c) || c is '\n' or '\t')])));
        var cases = texts.SelectMany(extension => Gen.ListOf(trees).SelectMany(values =>
            Gen.OneOf(scripts, Gen.Constant(scripts.Sample(1, 0)[0]))
                .Select(s => new Case(extension, [.. values.Take(5)], [.. s.Take(3)]))));
        var n = 0;
        foreach (var one in cases.Sample(Cases, 20))
            await Write($"{n++:000}", one);

        var read = await Shell.Run(Python, "-c", Reader, directory.Path);
        Assert.True(read.ExitCode == 0 && read.Output == $"{Cases} compared\n", read.Output + read.Errors);
    }

    [Fact]
    [Trait("Category", "integration")]
    public async Task Reader_OfWhatWasNotMeant_SaysSo()
    {
        // The test above can fail.
        await Write("0", new Case("a", ["c"], ["#!/bin/sh\n"]));
        await File.WriteAllTextAsync(directory.File("0.data"),
            (await File.ReadAllTextAsync(directory.File("0.data"))).Replace("\"c\"", "c: d", StringComparison.Ordinal));
        Assert.Contains("0.data config", (await Shell.Run(Python, "-c", Reader, directory.Path)).Output, StringComparison.Ordinal);
    }

    /// <summary>Every shape that user data has, at its nastiest, through cloud-init's own schema.</summary>
    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    [Trait("Category", "integration")]
    public async Task T73_EveryVariant_PassesCloudInitsOwnSchema(bool config, bool scripts)
    {
        const string Nasty = "{{ yes }} # \\\"quoted\\\" 'single' %i: - é\\n--overture-0\\n#cloud-config\\nMIME-Version: 1.0\\n";
        var spec = Spec("yes", config ? $$"""
            package_upgrade: true
            packages: [jq, ["tmux", "3.3a-3"]]
            ssh_authorized_keys: ["ssh-ed25519 AAAA {{Nasty}}"]
            users: [default, {name: web, shell: /bin/bash, lock_passwd: true}]
            write_files:
              - {path: /etc/motd, permissions: "0644", content: "{{Nasty}}"}
            bootcmd: [[echo, "{{Nasty}}"]]
            runcmd: ["echo '{{Nasty}}'", [touch, /a]]
            """ : "", scripts ? ["#!/bin/sh\necho '--overture-0'\n", "#!/bin/sh\n# é\n"] : []);
        Assert.Empty(CloudConfig.Check(spec.CloudConfig).Concat(MimeParts.Check(spec.Scripts)));
        var text = UserData.Render(Name, spec, "production", new string('a', 52), ca.BundlePem);
        if (scripts)
        {
            var boundary = text.Split('"')[1];
            text = text.Split($"--{boundary}\n")[1].Split("\n\n", 2)[1];
        }
        await File.WriteAllTextAsync(directory.File("user-data"), text);
        var checkedBy = await Shell.Run("cloud-init", "schema", "--config-file", directory.File("user-data"));
        Assert.True(checkedBy.ExitCode == 0, checkedBy.Output + checkedBy.Errors);
        Assert.Contains("Valid cloud-config", checkedBy.Output, StringComparison.Ordinal);
    }

    public void Dispose()
    {
        directory.Dispose();
        ca.Dispose();
    }

    private async Task Write(string name, Case one)
    {
        const string Small = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
        var token = new string('a', 52);
        var theirs = new Dictionary<string, object?> { ["x_values"] = one.Values };
        var spec = Spec(one.Extension, QuotedYaml.Write(theirs, "#cloud-config"), one.Scripts);
        await File.WriteAllTextAsync(directory.File($"{name}.data"),
            UserData.Render(Name, spec, "production", token, Small));
        var attributes = new Dictionary<string, object?>
        {
            ["custom_attributes"] = new Dictionary<string, object?> { ["1.2.840.113549.1.9.7"] = token },
            ["extension_requests"] = new Dictionary<string, object?> { ["pp_role"] = one.Extension },
        };
        await File.WriteAllTextAsync(directory.File($"{name}.json"),
            JsonSerializer.Serialize(new { config = theirs, attributes, scripts = one.Scripts }));
    }

    private static LaunchSpec Spec(string extension, string cloudConfig, IEnumerable<string> scripts) => new()
    {
        Puppet = new PuppetSettings { Server = "puppet.example.com", Serverport = 8140, CaServer = "ca.example.com", CaPort = 8141 },
        Extensions = { ["pp_role"] = extension },
        CloudConfig = cloudConfig,
        Scripts = { scripts },
    };
}
