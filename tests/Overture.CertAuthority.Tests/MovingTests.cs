using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Overture.Cli.Pki;
using Overture.Platform.Certificates;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>A CA that was moved in, and moves out again: by the real `overture ca export`, to a real puppetserver, and back.</summary>
[Collection(MovingCollection.Name), Trait("Category", "integration")]
public sealed class MovingTests : IAsyncLifetime
{
    private const int Agents = 1_000, FirstSerial = 0x100, Revoked = 0x100 + 41, Lost = 7;
    private static readonly string Long = new string('l', 60) + ".long.example.org";

    private readonly TempDirectory home = new();
    private readonly CaFixture house = new();

    public Task InitializeAsync() => house.Open();

    public async Task DisposeAsync()
    {
        await house.DisposeAsync();
        home.Dispose();
    }

    [Fact]
    public async Task Export_ThousandAgentsThereAndBack_NoneIsTouched()
    {
        // 1. a site's CA: 1,000 agents, of which one is revoked, one has lost its file, and a long name
        using var old = await OldCa.BySetup();
        await old.SignMany(Agents, FirstSerial);
        await old.Revoke(Revoked);
        old.SignAny(Long, 0x60).Dispose();
        File.Delete(old.File($"signed/agent-{Lost}.example.org.pem"));
        var before = Signed(old.File("signed"));
        Assert.Equal(Agents + 1, before.Count);

        // 2. in: the import says what is not whole
        var import = PuppetCaImport.Read(old.Path, TimeProvider.System);
        Assert.Empty(import.Findings.Problems);
        Assert.Equal(
            [($"agent-{Lost}.example.org", LostRecord.Inventory), (Long, LostRecord.Signed)], import.Lost.Select(l => (l.Name, l.Known)));
        import.Write(home.File("ca"));
        await using var ca = await Start();
        var launched = await house.Launch();
        using var newKey = CsrBuilder.EcKey();
        using var signed = await ca.Put(launched, newKey);
        Assert.Equal(HttpStatusCode.OK, signed.StatusCode);
        using var ours = X509Certificate2.CreateFromPem((await ca.Certificate(launched.Name))!);

        // 3. out: every certificate is byte for byte what it was
        var summary = JsonDocument.Parse((await Export(ca, "out", "--with-key", "-o", "json")).Ok()).RootElement;
        var named = (Agents: summary.GetProperty("certificates").GetInt32(), Listed: summary.GetProperty("inventory").GetInt32(),
            Next: summary.GetProperty("nextSerial").GetInt32(), Unreadable: summary.GetProperty("unreadable").GetInt32());
        // The CA API's own certificate is in the inventory alone, like the one without a file.
        Assert.Equal((Agents + 2, Agents + 4, FirstSerial + Agents, 0), named);
        Assert.All(before, b => Assert.Equal(b.Value, File.ReadAllText(home.File($"out/signed/{b.Key}"))));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(home.File("out/ca_key.pem")));
        Assert.Equal(old.Text("ca_crt.pem"), await File.ReadAllTextAsync(home.File("out/ca_crt.pem")));
        await ca.DisposeAsync();

        // 4. a stock puppetserver starts from it, lists all, and signs with the next free serial
        await using var puppetserver = await StockPuppetserver.Start(place =>
        {
            Shell.Run("cp", "-R", home.File("out"), Path.Combine(place, "ca")).GetAwaiter().GetResult().Ok();
            return ("false", new Dictionary<string, string>());
        });
        var listed = (await puppetserver.Ca("list", "--all")).Ok();
        Assert.All(before.Keys, file => Assert.Contains(Path.GetFileNameWithoutExtension(file) + " ", listed, StringComparison.Ordinal));
        Assert.Contains($"{launched.Name}", listed, StringComparison.Ordinal);
        using var agentKey = RSA.Create(2048);
        using var put = await puppetserver.Put("new.example.org", new CsrBuilder("new.example.org", agentKey).Pem());
        Assert.Equal(HttpStatusCode.OK, put.StatusCode);
        (await puppetserver.Ca("sign", "--certname", "new.example.org")).Ok();
        using var next = (await puppetserver.Certificate("new.example.org"))!;
        // The server's own certificate and its administrator's came before.
        Assert.InRange(Convert.ToInt32(next.SerialNumber, 16), FirstSerial + Agents, FirstSerial + Agents + 2);

        // 5. revokes: one of the old, one of ours with its long serial number; and what was revoked still is
        (await puppetserver.Ca("revoke", "--certname", "agent-5.example.org")).Ok();
        (await puppetserver.Ca("revoke", "--certname", $"{launched.Name}")).Ok();
        foreach (var (name, revoked) in new[] { ("agent-5", true), ("agent-42", true), ("agent-6", false) })
        {
            using var agent = X509Certificate2.CreateFromPem(old.Text($"signed/{name}.example.org.pem"));
            Assert.Equal(revoked, puppetserver.IsRevoked(agent));
        }
        Assert.True(puppetserver.IsRevoked(ours));

        // 6. and in again
        var again = PuppetCaImport.Read(puppetserver.CaDirectory, TimeProvider.System);
        Assert.Empty(again.Findings.Problems);
        again.Write(home.File("again"));
        Assert.All(before, b => Assert.Equal(b.Value, File.ReadAllText(home.File($"again/imported/signed/{b.Key}"))));
        // Of the one without a file nothing more was lost.
        Assert.Contains(again.Lost, l => l.Name == $"agent-{Lost}.example.org" && l.Known == LostRecord.Inventory);
        Assert.Equal(3, again.Revoked);
    }

    [Fact]
    public async Task Export_WithoutKeyOrWhereItMustNot_WritesNoSecretAndNothingHalf()
    {
        TestCaFiles.Write(home.File("ca"));
        await using var ca = await Start();

        // Without --with-key there is none.
        (await Export(ca, "public", "-o", "json")).Ok();
        Assert.False(File.Exists(home.File("public/ca_key.pem")));
        Assert.DoesNotContain(Directory.EnumerateFiles(home.File("public"), "*", SearchOption.AllDirectories),
            f => File.ReadAllText(f).Contains("PRIVATE KEY", StringComparison.Ordinal));
        await Eventually.True(async () => (await ca.AuditRecords()).Any(r => r is { Action: "ca.exported", Outcome: "allow" }),
            "the export is audited");

        // A directory that holds anything is left as it is.
        var (code, errors) = Of(await Export(ca, "public"));
        Assert.Equal((6, true), (code, errors.Contains("is not empty", StringComparison.Ordinal)));

        // The key of another CA is not written under this one's certificate.
        new PuppetCaInit(home.File("other/ca"), TimeProvider.System).Init("another", 2048);
        (code, errors) = Of(await Export(ca, "wrong", "--with-key", "--home", home.File("other")));
        Assert.Equal((78, true), (code, errors.Contains("it is not the key of the CA", StringComparison.Ordinal)));
        Assert.Empty(Directory.EnumerateFileSystemEntries(home.Path, "wrong*"));
    }

    [Fact]
    public async Task Export_EcCa_IsRefusedWithTheReason()
    {
        new PuppetCaInit(home.File("ca"), TimeProvider.System).InitP256("ec");
        await using var ca = await Start();
        var (code, errors) = Of(await Export(ca, "out"));
        Assert.Equal((2, true), (code, errors.Contains("puppetserver's own CA signs with RSA alone", StringComparison.Ordinal)));
        Assert.Empty(Directory.EnumerateFileSystemEntries(home.Path, "out*"));
    }

    private static (int, string) Of(Ran ran) => (ran.ExitCode, ran.Errors);

    private Task<RunningCa> Start() => RunningCa.Start(house, house.Options("moving") with { CaDirectory = home.File("ca") });

    private async Task<Ran> Export(RunningCa ca, string directory, params string[] more)
    {
        var (admin, cli) = (house.Pki.Files("admin"), home.File("cli.yaml"));
        await File.WriteAllTextAsync(cli,
            $"certAuthority: localhost:{ca.GrpcPort}\ntls: {{ certificate: {admin.Certificate}, key: {admin.Key}, roots: {admin.Roots} }}\n");
        var binary = Environment.GetEnvironmentVariable("OVERTURE_CLI") is { Length: > 0 } named
            ? named : RepositoryPaths.File("artifacts/cli/overture");
        return await Shell.Run(binary, ["ca", "export", home.File(directory), "--config", cli, .. more],
            new Dictionary<string, string?> { ["OVERTURE_HOME"] = home.Path });
    }

    private static Dictionary<string, string> Signed(string directory) =>
        Directory.EnumerateFiles(directory).ToDictionary(f => Path.GetFileName(f), File.ReadAllText);
}

/// <summary>Alone, since a puppetserver that starts leaves no processor to anyone.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class MovingCollection
{
    public const string Name = "moving";
}
