using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.CertAuthority.PuppetApi;
using Overture.CertAuthority.Revocation;
using Overture.CertAuthority.Signing;
using Overture.Cli.Pki;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>`overture ca import` without the command line: what is read, refused and written.</summary>
[Trait("Category", "integration")]
public sealed class PuppetCaImportTests : IDisposable
{
    private readonly TempDirectory home = new();

    private string Ca => home.File("ca");

    public void Dispose() => home.Dispose();

    [Fact]
    public async Task Import_RealSetup_IsOursByteForByteAndTheSourceUntouched()
    {
        using var old = await OldCa.BySetup();
        await old.Sign("web.example.org", 0xAB);
        await old.Revoke(0xAB);
        Directory.CreateDirectory(old.File("requests"));
        await File.WriteAllTextAsync(old.File("requests/waits.pem"), "a request");
        var before = Bytes(old.Path);

        var import = Import(old);

        Assert.Equal(before, Bytes(old.Path));
        Assert.Equal(("Puppet CA: puppet.example.org", false, "RSA 2048", 1, 2, 1),
            (import.Ca.GetNameInfo(X509NameType.SimpleName, false), import.IsItsOwnRoot, import.KeyText, import.Revoked,
                import.Certificates!.Signed.Count, import.Certificates.Pending));
        Assert.Equal(await File.ReadAllBytesAsync(old.File("ca_crt.pem")), await File.ReadAllBytesAsync(Path.Combine(Ca, "ca_crt.pem")));
        Assert.Equal(old.Text("inventory.txt"), await File.ReadAllTextAsync(Path.Combine(Ca, "imported/inventory.txt")));
        Assert.StartsWith(
            "-----BEGIN ENCRYPTED PRIVATE KEY-----", await File.ReadAllTextAsync(Path.Combine(Ca, "ca_key.pem")), StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(Ca, "ca_key.pem")));
        Assert.Empty(CaFiles.Problems(Ca));
        CaSigner.Open(Ca).Dispose();
        Assert.Empty(new PuppetCaInit(Ca, TimeProvider.System).Init("anew"));
    }

    // As an old prune of puppetserver's CA wrote it: the digits 569 where DER of the INTEGER 569 belongs.
    [Fact]
    public async Task Point4_CrlNumberAsDigits_IsNamedAndRepaired()
    {
        using var old = await OldCa.SelfSigned();
        await old.Sign("web.example.org", 0xAB);
        using var issuer = X509Certificate2.CreateFromPem(old.Text("ca_crt.pem"));
        using var key = RSA.Create();
        key.ImportFromPem(old.Text("ca_key.pem"));
        await File.WriteAllTextAsync(old.File("ca_crl.pem"),
            TestCrl.Pem(issuer, key, TimeProvider.System.GetUtcNow().AddMinutes(-1), "569"u8.ToArray(), null, "00ab"));

        var import = Import(old);

        Assert.Contains(import.Findings.Warnings, w => w.Contains("its crlNumber is the digits 569 instead of a DER INTEGER",
            StringComparison.Ordinal) && w.Contains("above 569", StringComparison.Ordinal));
        Assert.Equal(1, import.Revoked);
        // CertAuthority takes it in, and goes on above.
        var house = new CaFixture();
        await house.Open();
        try
        {
            await using var ca = await RunningCa.Start(house, house.Options("a") with { CaDirectory = Ca });
            var list = await ca.Admin.GetCrlAsync(new());
            Assert.Equal(570, list.Number);
            var facts = CrlFacts.Read(CrlPem.Split(list.CrlPem)[0]);
            Assert.Equal((570L, "", "00ab"), (facts.Number, facts.NumberFault, $"{Assert.Single(facts.Entries).Serial}"));
        }
        finally
        {
            await house.DisposeAsync();
        }
    }

    // As plain `openssl ca -gencrl` makes it.
    [Fact]
    public async Task Import_OwnListOfVersion1_IsTakenAndOursBeginsWithOne()
    {
        using var old = await OldCa.SelfSigned();
        await old.Sign("web.example.org", 0xAB);
        using var issuer = X509Certificate2.CreateFromPem(old.Text("ca_crt.pem"));
        using var key = RSA.Create();
        key.ImportFromPem(old.Text("ca_key.pem"));
        await File.WriteAllTextAsync(
            old.File("ca_crl.pem"), TestCrl.Pem(issuer, key, TimeProvider.System.GetUtcNow().AddMinutes(-1), null, null, "00ab"));

        var import = Import(old);

        Assert.Contains(import.Findings.Warnings, w => w.Contains("has no number, as lists of version 1", StringComparison.Ordinal));
        var house = new CaFixture();
        await house.Open();
        try
        {
            await using var ca = await RunningCa.Start(house, house.Options("a") with { CaDirectory = Ca });
            var list = await ca.Admin.GetCrlAsync(new());
            Assert.Equal(1, list.Number);
            Assert.Equal("00ab", $"{Assert.Single(CrlFacts.Read(CrlPem.Split(list.CrlPem)[0]).Entries).Serial}");
            Assert.DoesNotContain((await house.Keys("ca/crl/")), k => k.EndsWith(new string('0', 20), StringComparison.Ordinal));
        }
        finally
        {
            await house.DisposeAsync();
        }
    }

    [Fact]
    public async Task Import_SeveralOwnLists_SaysWhichCountsAndWhatItLetGo()
    {
        using var old = await OldCa.SelfSigned();
        using var issuer = X509Certificate2.CreateFromPem(old.Text("ca_crt.pem"));
        using var key = RSA.Create();
        key.ImportFromPem(old.Text("ca_key.pem"));
        var now = TimeProvider.System.GetUtcNow();
        await File.WriteAllTextAsync(old.File("ca_crl.pem"),
            TestCrl.Pem(issuer, key, now.AddMinutes(-2), TestCrl.Number(3), null, "00ab", "00ac")
            + TestCrl.Pem(issuer, key, now.AddMinutes(-1), TestCrl.Number(4), null, "00ac"));

        var warning = Assert.Single(Import(old).Findings.Warnings);

        Assert.Contains("holds 2 CRLs of the signing CA; the newest counts", warning, StringComparison.Ordinal);
        Assert.Contains("number 4. 1 serials that an older one revokes are not on it, so they are not revoked: 00ab", warning,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Import_CertificateWithOneRecordLeft_IsReportedAndRevocableBySerial()
    {
        using var old = await OldCa.SelfSigned();
        await old.Sign("whole.example.org", 0xA0);
        await old.Sign("nofile.example.org", 0xA1);
        await old.Sign("noline.example.org", 0xA2);
        File.Delete(old.File("signed/nofile.example.org.pem"));
        await File.WriteAllLinesAsync(old.File("inventory.txt"), (await File.ReadAllLinesAsync(old.File("inventory.txt")))
            .Where(l => !l.Contains("noline", StringComparison.Ordinal)));
        using var issuer = X509Certificate2.CreateFromPem(old.Text("ca_crt.pem"));
        using var key = RSA.Create();
        key.ImportFromPem(old.Text("ca_key.pem"));
        await File.WriteAllTextAsync(old.File("ca_crl.pem"),
            TestCrl.Pem(issuer, key, TimeProvider.System.GetUtcNow().AddMinutes(-1), TestCrl.Number(1), null, "00b0"));

        var import = Import(old);

        Assert.Equal([("a1", "nofile.example.org", "inventory"), ("a2", "noline.example.org", "signed"), ("b0", "", "crl")],
            import.Lost.Select(l => (l.Serial.TrimStart('0'), l.Name, l.Known)));
        var house = new CaFixture();
        await house.Open();
        try
        {
            await using var ca = await RunningCa.Start(house, house.Options("a") with { CaDirectory = Ca });
            foreach (var (serial, name) in new[] { ("0x00a1", "nofile.example.org"), ("0x00a2", "noline.example.org") })
                Assert.Equal(name, (await ca.Admin.RevokeCertificateAsync(new() { Serial = serial, Reason = "test" })).Certname);
            var list = CrlFacts.Read(CrlPem.Split((await ca.Admin.GetCrlAsync(new())).CrlPem)[0]);
            Assert.Equal(["00a1", "00a2", "00b0"], list.Entries.Select(e => $"{e.Serial}").Order());
        }
        finally
        {
            await house.DisposeAsync();
        }
    }

    [Fact]
    public async Task Import_CrlNumberThatIsNothing_SaysTheCure()
    {
        using var old = await OldCa.SelfSigned();
        using var issuer = X509Certificate2.CreateFromPem(old.Text("ca_crt.pem"));
        using var key = RSA.Create();
        key.ImportFromPem(old.Text("ca_key.pem"));
        await File.WriteAllTextAsync(
            old.File("ca_crl.pem"), TestCrl.Pem(issuer, key, TimeProvider.System.GetUtcNow().AddMinutes(-1), [0xFF]));
        var problem = Assert.Single(PuppetCaImport.Read(old.Path, TimeProvider.System).Findings.Problems);
        Assert.Contains("its crlNumber is not a DER INTEGER. Next: ", problem.What, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("CRLF"), InlineData("BOM"), InlineData("text before"), InlineData("older behind"), InlineData("older before"),
        InlineData("BOM between")]
    public async Task Point2_ListsInAnotherShape_NewestByItsDateIsTaken(string shape)
    {
        using var old = await OldCa.SelfSigned();
        using var issuer = X509Certificate2.CreateFromPem(old.Text("ca_crt.pem"));
        using var key = RSA.Create();
        key.ImportFromPem(old.Text("ca_key.pem"));
        var now = TimeProvider.System.GetUtcNow();
        // The older one has the higher number.
        var (older, newer) = (TestCrl.Pem(issuer, key, now.AddMinutes(-2), TestCrl.Number(12)),
            TestCrl.Pem(issuer, key, now.AddMinutes(-1), TestCrl.Number(11), null, "00ab"));
        await File.WriteAllTextAsync(old.File("ca_crl.pem"), shape switch
        {
            "CRLF" => newer.Replace("\n", "\r\n", StringComparison.Ordinal),
            "BOM" => "\uFEFF" + newer,
            "text before" => "Certificate Revocation List (CRL):\n    Revoked Certificates:\n" + newer,
            "older behind" => newer + older,
            "older before" => older + newer,
            _ => older + "\uFEFF" + newer,
        });

        var import = Import(old);

        Assert.Equal(1, import.Revoked);
        Assert.Equal(CrlPem.Split(newer), CrlPem.Split(await File.ReadAllTextAsync(Path.Combine(Ca, "imported/ca_crl.pem"))));
    }

    [Theory]
    [InlineData(null, "RSA 2048"), InlineData("prime256v1", "EC 256"), InlineData("secp384r1", "EC 384")]
    public async Task Import_OneSelfSignedCa_NeedsNoParents(string? curve, string key)
    {
        using var old = await OldCa.SelfSigned(curve);
        var import = Import(old);
        Assert.Equal((true, key), (import.IsItsOwnRoot, import.KeyText));
        Assert.False(File.Exists(Path.Combine(Ca, "root_crl.pem")));
        using var signer = CaSigner.Open(Ca);
        Assert.Equal("", signer.Ca.ParentCrls);
    }

    [Fact]
    public async Task Import_Pkcs8KeyAndRootFirst_IsPutInOrder()
    {
        using var old = await OldCa.BySetup();
        var chain = new X509Certificate2Collection();
        chain.ImportFromPem(old.Text("ca_crt.pem"));
        await File.WriteAllTextAsync(
            old.File("ca_crt.pem"), $"the root\n{chain[1].ExportCertificatePem()}\n{chain[0].ExportCertificatePem()}\n");
        using var key = RSA.Create();
        key.ImportFromPem(old.Text("ca_key.pem"));
        await File.WriteAllTextAsync(old.File("ca_key.pem"), key.ExportPkcs8PrivateKeyPem());
        var lists = CrlPem.Split(old.Text("ca_crl.pem"));
        await File.WriteAllTextAsync(old.File("ca_crl.pem"), CrlPem.Write(lists[1]) + CrlPem.Write(lists[0]));

        Import(old);

        using var signer = CaSigner.Open(Ca);
        Assert.StartsWith("CN=Puppet CA: ", signer.Ca.Issuer.Subject, StringComparison.Ordinal);
        Assert.Equal(lists, CrlPem.Split(await File.ReadAllTextAsync(Path.Combine(Ca, "imported/ca_crl.pem"))));
    }

    [Fact]
    public async Task Import_ManyThingsWrong_AreToldAtOnceAndNothingIsWritten()
    {
        using var old = await OldCa.BySetup();
        using var other = await OldCa.SelfSigned();
        File.Copy(other.File("ca_key.pem"), old.File("ca_key.pem"), overwrite: true);
        await File.AppendAllTextAsync(old.File("ca_crt.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        await File.WriteAllTextAsync(
            old.File("inventory.txt"), "0x0001 2026-01-01T00:00:00UTC 2031-01-01T00:00:00UTC /CN=good\n0xZZ yesterday\n");

        var found = PuppetCaImport.Read(old.Path, TimeProvider.System).Findings.Problems.Select(p => p.Where).ToList();

        Assert.Contains("inventory.txt:2", found);
        Assert.Contains(found, p => p.StartsWith("ca_crt.pem:", StringComparison.Ordinal));
        Assert.DoesNotContain("inventory.txt:1", found);
    }

    [Fact]
    public async Task Import_ForeignKeyOrList_IsRefused()
    {
        using var old = await OldCa.BySetup();
        using var other = await OldCa.SelfSigned();
        var list = old.Text("ca_crl.pem");
        File.Copy(other.File("ca_crl.pem"), old.File("ca_crl.pem"), overwrite: true);
        var problems = PuppetCaImport.Read(old.Path, TimeProvider.System).Findings.Problems;
        Assert.Contains(problems, p => p.Where == "ca_crl.pem:1" && p.What.Contains("none of the CAs", StringComparison.Ordinal));
        Assert.Equal(2, problems.Count(p => p.What.StartsWith("holds no CRL of", StringComparison.Ordinal)));

        await File.WriteAllTextAsync(old.File("ca_crl.pem"), list);
        File.Copy(other.File("ca_key.pem"), old.File("ca_key.pem"), overwrite: true);
        Assert.Contains("is the key of no certificate",
            Assert.Single(PuppetCaImport.Read(old.Path, TimeProvider.System).Findings.Problems).What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Import_ExpiredList_IsAWarning()
    {
        using var old = await OldCa.SelfSigned();
        await old.Publish(days: 0);
        var import = Import(old);
        Assert.Contains("expired on 2026-02-01", Assert.Single(import.Findings.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Import_UnusableCertificates_AreSkippedEachWithItsReason()
    {
        using var old = await OldCa.SelfSigned();
        using var other = await OldCa.SelfSigned();
        await other.Sign("foreign", 2);
        await old.Sign("good", 2);
        await old.Sign("kept", 3);
        File.Move(old.File("signed/kept.pem"), old.File("signed/before-the-move.bak"));
        File.Copy(other.File("signed/foreign.pem"), old.File("signed/foreign.pem"));
        File.Copy(old.File("signed/good.pem"), old.File("signed/renamed.pem"));
        await File.WriteAllTextAsync(old.File("signed/torn.pem"), "-----BEGIN CERTIFICATE-----\nMIIC");

        var import = Import(old);

        Assert.Equal([("signed/foreign.pem", "is not signed by this CA"), ("signed/renamed.pem",
            "is the certificate of signed/good.pem again"), ("signed/torn.pem", "is not one certificate in PEM")], import.Findings.Skipped);
        // Valid, whatever its file is called.
        Assert.Equal(["good.pem", "before-the-move.bak.pem"], import.Certificates!.Signed.Select(s => s.File));
    }

    // Its folder is user puppet's, and import reads it as root.
    [Theory]
    [InlineData("ca_crl.pem", "link", "is a link, which is not followed")]
    [InlineData("serial", "link", "is a link, which is not followed")]
    [InlineData("inventory.txt", "pipe", "is no regular file")]
    [InlineData("ca_key.pem", "large", "more than the 67108864 that are read")]
    [InlineData("serial", "large", "more than the 65536 that are read")]
    [InlineData("ca_crt.pem", "gone", "is not there")]
    public async Task Import_WhatIsNoFileThere_IsAProblemAndNotRead(string file, string what, string says)
    {
        using var old = await OldCa.SelfSigned();
        File.Move(old.File(file), home.File("elsewhere"));
        if (what == "link")
            File.CreateSymbolicLink(old.File(file), home.File("elsewhere"));
        else if (what == "pipe")
            (await Shell.Run("mkfifo", old.File(file))).Ok();
        else if (what == "large")
            (await Shell.Run("truncate", "-s", "1G", old.File(file))).Ok();
        var problem = Assert.Single(PuppetCaImport.Read(old.Path, TimeProvider.System).Findings.Problems);
        Assert.Equal(file, problem.Where);
        Assert.EndsWith(says, problem.What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Import_LinkInSigned_IsSkippedAndALinkedFolderRefused()
    {
        using var old = await OldCa.SelfSigned();
        await old.Sign("good", 2);
        File.Move(old.File("signed/good.pem"), home.File("good.pem"));
        File.CreateSymbolicLink(old.File("signed/good.pem"), home.File("good.pem"));
        Assert.Equal([("signed/good.pem", "is a link, which is not followed")],
            PuppetCaImport.Read(old.Path, TimeProvider.System).Findings.Skipped);

        Directory.Move(old.File("signed"), home.File("signed"));
        Directory.CreateSymbolicLink(old.File("signed"), home.File("signed"));
        Assert.Equal([("signed", "is a link, which is not followed")],
            PuppetCaImport.Read(old.Path, TimeProvider.System).Findings.Problems);
        // The cadir itself may be one: puppetserver's own move left one at its former place.
        File.Delete(old.File("signed"));
        Directory.Move(home.File("signed"), old.File("signed"));
        Directory.CreateSymbolicLink(home.File("linked"), old.Path);
        Assert.Empty(PuppetCaImport.Read(home.File("linked"), TimeProvider.System).Findings.Problems);
        // Of requests only the number is of interest.
        Directory.CreateSymbolicLink(old.File("requests"), home.Path);
        var findings = PuppetCaImport.Read(old.Path, TimeProvider.System).Findings;
        Assert.Empty(findings.Problems);
        Assert.Contains("requests is a link, which is not followed: what is in it is not counted", findings.Warnings);
    }

    [Theory]
    [InlineData("001F\n", "1f\n")]
    [InlineData("root:*:19000:0:99999:7:::\n", null)]
    public async Task Import_Serial_IsWrittenIfItIsANumber(string text, string? written)
    {
        using var old = await OldCa.SelfSigned();
        await File.WriteAllTextAsync(old.File("serial"), text);
        var import = Import(old);
        Assert.Equal(written is null ? [("serial", "is no serial number in hex")] : Array.Empty<(string, string)>(),
            import.Findings.Skipped);
        var file = Path.Combine(Ca, "imported/serial");
        Assert.Equal(written, File.Exists(file) ? await File.ReadAllTextAsync(file) : null);
    }

    [Fact]
    public async Task Import_IntoACa_IsRefusedAndLeavesIt()
    {
        using var old = await OldCa.SelfSigned();
        new PuppetCaInit(Ca, TimeProvider.System).Init("mine", 2048);
        var before = Bytes(Ca);
        Assert.Throws<InvalidOperationException>(() => Import(old));
        Assert.Equal(before, Bytes(Ca));
    }

    private PuppetCaImport Import(OldCa old)
    {
        var import = PuppetCaImport.Read(old.Path, TimeProvider.System);
        Assert.Empty(import.Findings.Problems);
        import.Write(Ca);
        return import;
    }

    private static Dictionary<string, string> Bytes(string directory) =>
        Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories)
            .ToDictionary(f => f, f => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(f))) + File.GetLastWriteTimeUtc(f).Ticks);
}
