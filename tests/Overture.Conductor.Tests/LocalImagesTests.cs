using Overture.Conductor.Providers;
using Overture.Conductor.Providers.Local;
using Overture.Conductor.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>Images of the local provider: the host, and what lies in a folder.</summary>
[Trait("Category", "integration")]
public sealed class LocalImagesTests : IDisposable
{
    private static readonly string RealScript = RepositoryPaths.File("services/Conductor/Providers/Local/instance.sh");
    private readonly TempDirectory data = new();

    [Fact]
    public void Check_ImageThatThereIsNot_IsRefusedNamingThoseThereAre()
    {
        Assert.Equal("must be host", Problem(NewProvider(""), "trixie"));
        MakeImage("trixie");
        MakeImage("el9");
        Directory.CreateSymbolicLink(data.File("images/linked"), data.File("images/el9"));
        File.WriteAllText(data.File("images/notes"), "no image");
        Directory.CreateDirectory(data.File("images/.hidden"));
        var provider = NewProvider(data.File("images"));
        Assert.All(["host", "trixie", "el9", "linked"], n => Assert.Null(Problem(provider, n)));
        Assert.All(["notes", ".hidden", "..", "../images/trixie", "", "/", "TRIXIE"],
            n => Assert.Equal("must be one of host, el9, linked, trixie", Problem(provider, n)));
    }

    [Fact]
    public void Check_ImagePutThereLater_IsThere()
    {
        Directory.CreateDirectory(data.File("images"));
        var provider = NewProvider(data.File("images"));
        Assert.NotNull(Problem(provider, "trixie"));
        MakeImage("trixie");
        Assert.Null(Problem(provider, "trixie"));
    }

    [Fact]
    public async Task Boot_AnInstanceAgain_IsOfTheImageItWasStartedFrom()
    {
        var image = MakeImage("trixie");
        var provider = NewProvider(data.File("images"));
        var name = TestIds.New().CertName();
        await provider.Start(name, Spec("trixie"), "", again: true, default);
        Assert.StartsWith($"run {data.File($"instances/{name}")} {name} {image} ", await Arguments(name), StringComparison.Ordinal);
        File.Delete(data.File($"instances/{name}/arguments"));
        await Kill(name);
        await provider.Boot(name, default);
        Assert.Contains($" {name} {image} ", await Arguments(name), StringComparison.Ordinal);
        await Kill(name);

        Directory.Delete(image, recursive: true);
        var failed = await Assert.ThrowsAsync<ProviderException>(() => provider.Boot(name, default));
        Assert.Equal("there is no image trixie: it must be host", failed.Message);
        await provider.Stop(name, "", default, default);
    }

    [Fact]
    public async Task Boot_DirectoryFromBeforeThereWereImages_IsOfTheHost()
    {
        var provider = NewProvider("");
        var name = TestIds.New().CertName();
        await provider.Start(name, Spec("host"), "", again: true, default);
        await Kill(name);
        File.Delete(data.File($"instances/{name}/image"));
        File.Delete(data.File($"instances/{name}/arguments"));
        await provider.Boot(name, default);
        Assert.Contains($" {name} / ", await Arguments(name), StringComparison.Ordinal);
        await provider.Stop(name, "", default, default);
    }

    [Theory]
    [InlineData("usr/bin/cloud-init", "has no cloud-init; install it there")]
    [InlineData("usr/bin/ssh-keygen", "has no ssh-keygen; install openssh-client (or openssh) there")]
    [InlineData("usr/bin/bash", "has no bash; install it there")]
    [InlineData("var", "is no root file system: it has no /var")]
    public async Task Start_ImageThatLacksSomething_SaysWhat(string lacks, string says)
    {
        var image = MakeImage("poor");
        var path = Path.Combine(image, lacks);
        if (Directory.Exists(path))
            Directory.Delete(path);
        else
            File.Delete(path);
        var provider = NewProvider(data.File("images"), RealScript);
        var name = TestIds.New().CertName();
        var failed = await Assert.ThrowsAsync<ProviderException>(() => provider.Start(name, Spec("poor"), "", again: true, default));
        Assert.Equal($"instance.sh: {image} {says}", failed.Message);
        Assert.False(Directory.Exists(data.File($"instances/{name}")));
    }

    public void Dispose() => data.Dispose();

    private static string? Problem(LocalProvider provider, string image) =>
        provider.Check(Spec(image)).Where(p => p.Field == "image").Select(p => p.Rule).SingleOrDefault();

    private static LaunchSpec Spec(string image)
    {
        var spec = ConductorFixture.Spec().Clone();
        spec.Image = image;
        return spec;
    }

    // As much of a root file system as is looked for.
    private string MakeImage(string name)
    {
        var image = data.File($"images/{name}");
        foreach (var folder in new[] { "etc", "usr/bin", "var" })
            Directory.CreateDirectory(Path.Combine(image, folder));
        foreach (var command in new[] { "bash", "cloud-init", "ssh-keygen", "setpriv" })
            File.WriteAllText(Path.Combine(image, "usr/bin", command), "");
        return image;
    }

    private async Task<string> Arguments(Platform.Records.CertName name)
    {
        var file = data.File($"instances/{name}/arguments");
        await Eventually.True(() => File.Exists(file) && new FileInfo(file).Length > 0, "the script wrote its arguments");
        return await File.ReadAllTextAsync(file);
    }

    private async Task Kill(Platform.Records.CertName name)
    {
        var directory = new InstanceDirectory(data.File($"instances/{name}"));
        directory.Process!.Kill();
        await Eventually.True(() => !directory.IsRunning && !directory.IsLocked(), "it is dead");
    }

    private LocalProvider NewProvider(string images, string script = "")
    {
        if (script.Length == 0)
        {
            script = data.File("script");
            File.WriteAllText(script, LocalProviderTests.Script);
            File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        return new LocalProvider(new ConductorOptions
        {
            Bucket = "file:" + data.File("objects"),
            StateDirectory = data.File("state"),
            Local = new LocalOptions { Script = script, Directory = data.File("instances"), Images = images },
        }, TestIds.New(), TimeProvider.System);
    }
}
