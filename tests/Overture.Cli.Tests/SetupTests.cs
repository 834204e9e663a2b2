using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.TestSupport;

namespace Overture.Cli.Tests;

/// <summary>
/// overture setup --root: the image of a host, with the very programs that print their option files. eng/package-test.sh runs it on a host
/// with systemd.
/// </summary>
[Trait("Category", "integration")]
public sealed class SetupTests : IDisposable
{
    private static readonly string[] Programs = ["services/Conductor", "services/CertAuthority", "services/Classifier", "console"];
    private readonly TempDirectory image = Image(), puppetserver = new();

    [Fact]
    public async Task Setup_OfAnImage_WritesEveryKeyAndWhatIsAnswered()
    {
        var files = (await Setup("--provider", "local", "--redis", "redis.test:6379", "--store", "/srv/records")).Exit(0)
            .Json()["files"]!.AsArray().Select(f => f.Text()).ToList();
        Assert.Contains("/etc/overture/conductor.yaml", files);

        var conductor = Etc("conductor.yaml");
        foreach (var line in new[]
        {
            "bucket: \"file:/srv/records\"", "  endpoint: \"redis.test:6379\"", "  directory: \"/var/lib/overture/instances\"",
            "  dnsNames: [\"server.test\", \"localhost\"]", "  signingKey: \"/run/credentials/overture-conductor.service/signing.key\"",
            "  #runInterval: 30m",
        })
        {
            Assert.Contains($"\n{line}\n", conductor, StringComparison.Ordinal);
        }
        // In use and behind a #, as many keys as the service has options.
        var printed = (await Shell.Run("dotnet", RepositoryPaths.Output("services/Conductor", "Overture.Conductor.dll"), "--print-options",
            "--format", "yaml")).Ok();
        Assert.Equal(printed.TrimEnd('\n').Split('\n').Length, conductor.TrimEnd('\n').Split('\n').Length);
        Assert.Contains("ReadWritePaths=/srv/records", File.ReadAllText(
            image.File("etc/systemd/system/overture-conductor.service.d/store.conf")), StringComparison.Ordinal);
        Assert.Contains("User=root", File.ReadAllText(
            image.File("etc/systemd/system/overture-conductor.service.d/local-provider.conf")), StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(image.File("var/lib/overture/pki/ca.key")));
        Assert.False(File.Exists(image.File("etc/overture/redis.conf")));
    }

    [Fact]
    public async Task Setup_Again_ChangesNothingAndKeepsWhatAPersonSet()
    {
        (await Setup()).Exit(0);
        var ca = Sha("var/lib/overture/ca/ca_crt.pem");
        (await Setup()).Exit(0).Says("nothing to do");
        // Half of another answer would be in files, the rest not.
        (await Setup("--provider", "local", "--name", "other.test")).Exit(2).Says("--provider").Says("--name");
        (await Setup()).Exit(0).Says("nothing to do");

        var edited = Etc("conductor.yaml").Replace("listen: \"127.0.0.1:7001\"", "listen: \"10.0.0.7:7001\"", StringComparison.Ordinal);
        await File.WriteAllTextAsync(image.File("etc/overture/conductor.yaml"), edited);
        // What was lost in between is made again, and nothing else: a run that was cut off goes on the same way.
        File.Delete(image.File("etc/overture/classifier.yaml"));
        await File.AppendAllTextAsync(image.File("etc/overture/redis.conf"), "maxmemory 1gb\n");
        var files = (await Setup()).Exit(0).Says("listen is \"10.0.0.7:7001\", and stays").Json()["files"]!.AsArray()
            .Select(f => f.Text()).ToList();
        Assert.Equal(["/etc/overture/classifier.yaml"], files);
        Assert.Equal(edited, Etc("conductor.yaml"));
        Assert.EndsWith("maxmemory 1gb\n", Etc("redis.conf"), StringComparison.Ordinal);
        Assert.Equal(ca, Sha("var/lib/overture/ca/ca_crt.pem"));
    }

    [Fact]
    public async Task Setup_WhatTheUserOfTheCaPutsThere_IsNotPublished()
    {
        (await Setup()).Exit(0);
        var published = Etc("ca_crt.pem");
        await File.WriteAllTextAsync(image.File("secret"),
            "of root\n" + published + "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
        File.Delete(image.File("var/lib/overture/ca/ca_crt.pem"));
        File.CreateSymbolicLink(image.File("var/lib/overture/ca/ca_crt.pem"), image.File("secret"));
        (await Setup()).Exit(78).Says("/var/lib/overture/ca/ca_crt.pem can't be read, or is a link");
        File.Delete(image.File("var/lib/overture/ca/ca_crt.pem"));
        File.Move(image.File("secret"), image.File("var/lib/overture/ca/ca_crt.pem"));
        (await Setup()).Exit(0);
        Assert.Equal(published, Etc("ca_crt.pem"));
        await File.WriteAllTextAsync(image.File("var/lib/overture/ca/ca_crt.pem"), new string('x', (1 << 20) + 1));
        (await Setup()).Exit(78).Says("is no file of at most");
    }

    [Theory]
    [InlineData("--keys")]
    [InlineData("--yes")]
    public async Task Setup_ACaThatIsGone_IsNotMadeAgain(string option)
    {
        (await Setup()).Exit(0);
        Directory.Delete(image.File("var/lib/overture/ca"), recursive: true);
        (await Setup(option)).Exit(78).Says("/var/lib/overture/ca").Says("mount");
        Assert.False(Directory.Exists(image.File("var/lib/overture/ca")));
    }

    [Fact]
    public async Task Setup_AnyUmask_ServicesReadTheirFiles()
    {
        (await Shell.Run("sh", "-c", "umask 077; exec \"$@\"", "sh", OvertureFixture.Binary, "setup", "--yes", "--root", image.Path,
            "--name", "server.test")).Ok();
        foreach (var (path, mode) in new[] { ("etc/overture", "755"), ("etc/overture/conductor.yaml", "644"),
            ("etc/overture/ca_crt.pem", "644"), ("etc/overture/redis.conf", "644"), ("var/lib/overture", "755") })
        {
            Assert.Equal($"{path} {mode}", $"{path} {Convert.ToString((int)File.GetUnixFileMode(image.File(path)), 8)}");
        }
    }

    [Fact]
    public async Task Setup_AFileThatIsNoYaml_NamesTheLineAndWritesNothingThere()
    {
        (await Setup()).Exit(0);
        await File.WriteAllTextAsync(image.File("etc/overture/console.yaml"), "listen: [\n");
        (await Setup()).Exit(78).Says("/etc/overture/console.yaml:").Says("overture setup again");
        Assert.Equal("listen: [\n", Etc("console.yaml"));
    }

    [Theory]
    [InlineData("--provider", "ec2:eu-central-1", "--deployment")]
    [InlineData("--store", "records", "--store")]
    [InlineData("--store", "/srv", "--store")]
    [InlineData("--store", "/home/jo/records", "--store")]
    [InlineData("--store", "/srv/a b", "--store")]
    [InlineData("--redis", "redis", "--redis")]
    [InlineData("--ca", "old", "--ca")]
    [InlineData("--ca", "stock:a b", "--ca")]
    [InlineData("--ca", "import", "/etc/puppet/puppetserver/ca")]
    [InlineData("--ca", "/var/empty", "overture ca import /var/empty --check")]
    public async Task Setup_AnAnswerThatCannotBe_IsUsageAndWritesNothing(string option, string value, string field)
    {
        (await Setup(option, value)).Exit(2).Says(field);
        Assert.False(Directory.Exists(image.File("etc")));
    }

    [Theory]
    [InlineData("import")]
    [InlineData("DIR")]
    public async Task Setup_CaImport_TakesThePuppetserversOwnOnce(string answer)
    {
        var cadir = await PuppetserverCadir.Make(puppetserver);
        var there = answer == "import" ? image.File("etc/puppet/puppetserver/ca") : puppetserver.File("there");
        Directory.CreateDirectory(Path.GetDirectoryName(there)!);
        Directory.Move(cadir, there);
        var before = ShaOf(Path.Combine(there, "ca_crt.pem"));

        (await Setup("--ca", answer == "import" ? answer : there)).Exit(0).Says("next: let the puppetserver that has this CA sign nothing");
        Assert.Equal(before, Sha("var/lib/overture/ca/ca_crt.pem"));
        Assert.True(File.Exists(image.File("var/lib/overture/ca/imported/inventory.txt")));
        // As the host will see it, not the image's folder here.
        Assert.Contains(answer == "import" ? "ca: \"/etc/puppet/puppetserver/ca\"" : $"ca: \"{there}\"", Etc("setup.yaml"),
            StringComparison.Ordinal);
        // It is read once: what its folder holds later is another CA's.
        Directory.Delete(there, recursive: true);
        (await Setup()).Exit(0).Says("nothing to do");
        (await Setup("--ca", answer == "import" ? answer : there)).Exit(0).Says("nothing to do");
        (await Setup("--ca", "new")).Exit(2).Says("a CA is never replaced by another one");
    }

    [Fact]
    public async Task Setup_CaStock_LeavesSigningToPuppetserverAndPinsBothCas()
    {
        // Nothing is written before what CertAuthority cannot start without is there.
        (await Setup("--ca", "stock:puppet.example.org")).Exit(2).Says("puppetserver ca generate --ca-client --certname overture")
            .Says("/etc/overture/stock/overture.key");
        Assert.False(Directory.Exists(image.File("etc")));

        var cadir = await PuppetserverCadir.Make(puppetserver);
        Directory.CreateDirectory(image.File("etc/overture/stock"));
        foreach (var (from, to) in new[] { ("ca_crt.pem", "ca_crt.pem"), ("ca_crt.pem", "overture.pem"), ("ca_key.pem", "overture.key") })
            File.Copy(Path.Combine(cadir, from), image.File($"etc/overture/stock/{to}"));
        (await Setup("--ca", "stock:puppet.example.org")).Exit(0).Says("[server] autosign = /usr/bin/overture-autosign");
        var options = Etc("certauthority.yaml");
        foreach (var line in new[]
        {
            "  url: \"https://puppet.example.org:8140\"", "  certificate: \"/etc/overture/stock/overture.pem\"",
            "  key: \"/etc/overture/stock/overture.key\"", "  roots: \"/etc/overture/stock/ca_crt.pem\"", "listen: \"0.0.0.0:7002\"",
        })
        {
            Assert.Contains($"\n{line}\n", options, StringComparison.Ordinal);
        }
        // Whose signature an agent gets comes first; Conductor's listeners are shown with ours.
        var stock = Pems(Path.Combine(cadir, "ca_crt.pem"));
        Assert.Equal([.. stock, .. Pems(image.File("var/lib/overture/ca/ca_crt.pem"))], Pems(image.File("etc/overture/ca_crt.pem")));
        Assert.Equal(2, stock.Count);
        Assert.Equal("640", Convert.ToString((int)File.GetUnixFileMode(image.File("etc/overture/stock/overture.key")), 8));
        (await Setup("--ca", "stock:puppet.example.org")).Exit(0).Says("nothing to do");
    }

    public void Dispose()
    {
        image.Dispose();
        puppetserver.Dispose();
    }

    private static List<string> Pems(string file)
    {
        var certificates = new X509Certificate2Collection();
        certificates.ImportFromPemFile(file);
        return [.. certificates.Select(c => c.Thumbprint)];
    }

    private async Task<Ran> Setup(params string[] options) =>
        await Shell.Run(OvertureFixture.Binary,
            ["setup", "--yes", "--root", image.Path, "--name", "server.test", "-o", "json", .. options], new Dictionary<string, string?>(),
            limit: TimeSpan.FromMinutes(5));

    private string Etc(string file) => File.ReadAllText(image.File($"etc/overture/{file}"));

    private string Sha(string file) => ShaOf(image.File(file));

    private static string ShaOf(string path) => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path)));

    // The programs of the package, where the package has them.
    private static TempDirectory Image()
    {
        var image = new TempDirectory();
        Directory.CreateDirectory(image.File("usr/lib/overture"));
        foreach (var project in Programs)
        {
            var name = $"Overture.{char.ToUpperInvariant(Path.GetFileName(project)[0])}{Path.GetFileName(project)[1..]}";
            var program = image.File($"usr/lib/overture/{name}");
            File.WriteAllText(program, $"#!/bin/sh\nexec dotnet {RepositoryPaths.Output(project, name + ".dll")} \"$@\"\n");
            File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        return image;
    }
}
