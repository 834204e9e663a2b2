using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.CertAuthority.Import;
using Overture.CertAuthority.Queries;
using Overture.CertAuthority.Revocation;
using Overture.CertAuthority.Signing;
using Overture.Cli.Pki;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>Numbers that a CA gave once, on its way in and out: no serial and no number of a list is given again.</summary>
public sealed class SerialsOfBothWaysTests : IDisposable
{
    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(TimeProvider.System.GetUtcNow().ToUnixTimeSeconds());
    private readonly TempDirectory home = new();
    private readonly CaFiles ca;
    private readonly RSA key = RSA.Create();

    public SerialsOfBothWaysTests()
    {
        TestCaFiles.Write(home.File("ca"));
        ca = CaFiles.Open(home.File("ca"));
        key.ImportFromEncryptedPem(File.ReadAllText(home.File($"ca/{PuppetCaInit.Key}")),
            File.ReadAllText(home.File($"ca/{PuppetCaInit.Passphrase}")).Trim());
    }

    public void Dispose()
    {
        key.Dispose();
        home.Dispose();
    }

    [Theory]
    [InlineData("0501", 0, 0x502)]
    [InlineData("0501", 0x900, 0x901)]
    [InlineData("0501", 0x300, 0x502)]
    // Of more than 31 bits, as Overture's own.
    [InlineData("7fffffffff", 0, 3)]
    public void Export_SerialThatTheListAloneKnows_IsNotGivenAgain(string revoked, int imported, int next)
    {
        Directory.CreateDirectory(home.File("out"));
        var export = new PuppetCaExport(home.File("out"));
        export.Add([new() { Certname = "a.example.org", Serial = "02" }]);
        export.Above(imported);
        using var self = SelfSigned();
        export.Write(self.ExportCertificatePem(), TestCrl.Pem(self, key, Now, TestCrl.Number(1), null, revoked), null);
        Assert.Equal(next, export.NextSerial);
        Assert.Equal($"{next:X4}", File.ReadAllText(home.File("out/serial")));
    }

    [Theory]
    [InlineData("", "51", null, 0x51)]
    [InlineData("0x0123 2001-01-01T00:00:00UTC 2002-01-01T00:00:00UTC /CN=long.gone\n", "51", null, 0x123)]
    [InlineData("0x7fffffffff 2001-01-01T00:00:00UTC 2032-01-01T00:00:00UTC /CN=own.serial\n", "51", "0200\n", 0x1FF)]
    [InlineData("", "51", "none", 0x51)]
    public void Import_HighestSerial_IsOfExpiredRevokedAndTheFileToo(string inventory, string revoked, string? serial, int highest) =>
        Assert.Equal(highest, Plan(inventory, TestCrl.Pem(ca.Issuer, key, Now, TestCrl.Number(1), null, revoked), serial).HighestSerial);

    [Fact]
    public void Import_ListWithoutAnEnd_KeepsItsNumber()
    {
        var list = Plan("", TestCrl.Pem(ca.Issuer, key, Now, TestCrl.Number(7), TimeSpan.Zero, "51"), null).Crl!;
        Assert.Equal((7, Now), (list.Number, list.NextUpdate.ToDateTimeOffset()));
        // Lists of the store are found by what this reads.
        Assert.Equal(7, CrlDocument.Of(list, ca)!.Number);
    }

    [Fact]
    public void Export_LargeList_GoesInPiecesThatAClientTakes()
    {
        var list = new string('a', 5_000_000) + "b";
        var pieces = ExportCa.Pieces(list).ToList();
        Assert.All(pieces, p => Assert.InRange(p.Length, 1, 1024 * 1024));
        Assert.Equal(list, string.Concat(pieces));
    }

    [Fact]
    public void ParentCrlFile_JustWritten_CountsTwoSecondsLaterAndAtTheSecondLook()
    {
        var (path, was) = (home.File($"ca/{CaFiles.ParentCrlFile}"), ca.ParentCrls);
        var file = new ParentCrlFile(ca, TimeProvider.System);
        File.WriteAllText(path, "half");
        File.SetLastWriteTimeUtc(path, TimeProvider.System.GetUtcNow().UtcDateTime.AddSeconds(1));
        Assert.Equal([was, was, was], [file.Text(), file.Text(), file.Text()]);
        File.SetLastWriteTimeUtc(path, TimeProvider.System.GetUtcNow().UtcDateTime.AddSeconds(-3));
        Assert.Equal([was, "half\n"], [file.Text(), file.Text()]);
    }

    [Theory]
    [InlineData(9, false)]
    [InlineData(11, true)]
    public void QuarantineFact_IsOldByTheTimeOfItsId(int minutes, bool old)
    {
        var id = Guid.CreateVersion7(Now);
        Assert.Equal(old, InstanceWatch.IsOld($"quarantined-{id}", Now.AddMinutes(minutes)));
        Assert.False(InstanceWatch.IsOld("quarantined-0001", Now));
    }

    private ImportPlan Plan(string inventory, string list, string? serial)
    {
        var folder = ImportedCa.PathIn(home.File("ca"));
        Directory.CreateDirectory(Path.Combine(folder, ImportedCa.SignedFolder));
        File.WriteAllText(Path.Combine(folder, ImportedCa.CrlFile), list);
        File.WriteAllText(Path.Combine(folder, ImportedCa.InventoryFile), inventory);
        if (serial is not null)
            File.WriteAllText(Path.Combine(folder, ImportedCa.SerialFile), serial);
        return ImportPlan.Of(ImportedCa.Read(home.File("ca"), ca), ca, "a", TestIds.New(), Now);
    }

    private X509Certificate2 SelfSigned()
    {
        var request = new CertificateRequest("CN=Puppet CA: out", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        return request.Create(request.SubjectName, X509SignatureGenerator.CreateForRSA(key, RSASignaturePadding.Pkcs1), Now.AddDays(-1),
            Now.AddDays(9), [1]);
    }
}
