using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.CertAuthority.Csr;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.StockCa;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>puppetserver 7.9.5 with its own CA: signed by its policy executable, or by the approver, or not at all.</summary>
[Collection(StockCollection.Name), Trait("Category", "integration")]
public sealed class StockApproverTests(StockFixture stock)
{
    [Fact]
    public async Task Autosign_RightToken_IsSignedByPuppetserverAndWrittenDown()
    {
        await using var ca = await stock.Start("autosign");
        var instance = await stock.House.Launch();
        using var key = CsrBuilder.EcKey();

        await Put(instance, key);

        // Puppet's policy executable said yes before the answer came.
        using var certificate = await stock.Puppetserver.Certificate(instance.Name.ToString());
        Assert.NotNull(certificate);
        var record = await Eventually.Get(() => Signed(instance), "the certificate is written down");
        Assert.Equal((certificate.SerialNumber.ToLowerInvariant(), SpkiOf(key)), (record.Serial, record.SpkiSha256));
        // The line comes after the record.
        await Eventually.True(async () => (await ca.Timeline(instance.Name)).Any(e => e.Key == "signed"
            && e.Detail.Contains("puppetserver's own CA", StringComparison.Ordinal)), "the timeline says so");
        Assert.Equal(1, stock.Puppetserver.Made(instance.Name.ToString()));
        var found = await ca.Admin.GetCertificateAsync(new() { Certname = instance.Name.ToString() });
        Assert.Equal((record.Serial, false, "TOKEN_ACCEPTED"), (found.Serial, found.Revoked, found.Decision.Reason));
        Assert.Equal("TOKEN_ACCEPTED", (await ca.Audited(instance.Name.ToString(), "TOKEN_ACCEPTED")).Decision.Reason);
    }

    [Fact]
    public async Task Autosign_ManyAtOnceUnderTheEyesOfTheApprover_OneCertificateEach()
    {
        await using var ca = await stock.Start("many");
        var instances = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => stock.House.Launch()));

        await Parallel.ForEachAsync(instances, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (instance, _) =>
        {
            using var key = CsrBuilder.EcKey();
            await Put(instance, key);
        });

        foreach (var instance in instances)
            await Eventually.Get(() => Signed(instance), "written down");
        Assert.All(instances, i => Assert.Equal(1, stock.Puppetserver.Made(i.Name.ToString())));
    }

    [Fact]
    public async Task Autosign_WrongToken_StaysPendingAndIsJudgedTwiceAtMost()
    {
        await using var ca = await stock.Start("wrong");
        var instance = await stock.House.Launch();
        using var key = CsrBuilder.EcKey();

        await Put(instance with { Token = "wrong" }, key);

        // By the hook and by the approver; and not again in the rounds after, in one of which another request is judged and signed.
        await Eventually.True(async () => await Refusals(ca, instance.Name, "TOKEN_MISMATCH") == 2, "the hook and the approver refused it");
        await SignedByApprover(ca);
        Assert.Equal(2, await Refusals(ca, instance.Name, "TOKEN_MISMATCH"));
        Assert.True(stock.Puppetserver.Waits(instance.Name.ToString()));
        Assert.Null(await stock.Puppetserver.Certificate(instance.Name.ToString()));
        Assert.Empty(await stock.House.Keys(ObjectKeys.ClaimsOf(instance.Name)));
    }

    [Fact]
    public async Task Autosign_CertAuthorityDown_StaysPendingUntilItIsUp()
    {
        stock.AskNobody();
        var instance = await stock.House.Launch();
        using var key = CsrBuilder.EcKey();

        await Put(instance, key);
        Assert.True(stock.Puppetserver.Waits(instance.Name.ToString()));
        Assert.Contains($"overture-autosign {instance.Name}: ", stock.Puppetserver.Log, StringComparison.Ordinal);
        await using var ca = await stock.Start("down");

        await Eventually.Get(() => Signed(instance), "the approver signed");
        Assert.False(stock.Puppetserver.Waits(instance.Name.ToString()));
        Assert.Equal(1, stock.Puppetserver.Made(instance.Name.ToString()));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Watch_RegistrationAfterTheRequest_IsSignedByTheNextRound(bool announced)
    {
        await using var ca = await stock.Start($"early-{announced}".ToLowerInvariant());
        var name = stock.House.NewName();
        using var key = CsrBuilder.EcKey();
        var token = EnrollmentToken.Derive("a launch key of the tests"u8, "early", name);
        await Put(new Launched(name, token), key);
        // Judged, and left alone: no one knows the name.
        await Eventually.True(async () => await Refusals(ca, name, "NODE_UNKNOWN") == 2, "the hook and the approver refused it");

        var instance = await stock.House.Launch(r => r.TokenSha256 = EnrollmentToken.Hash(token), name.ToString());
        if (announced)
            StockFixture.Announce(ca, name);

        await Eventually.Get(() => Signed(instance), "signed");
        using var certificate = await stock.Puppetserver.Certificate(name.ToString());
        Assert.Equal(SpkiOf(key), SpkiOf(certificate!));
    }

    [Fact]
    public async Task Claim_ThatPuppetserverNeverSigned_IsSignedByTheApprover()
    {
        stock.AskNobody();
        var instance = await stock.House.Launch();
        using var key = CsrBuilder.EcKey();
        await Put(instance, key);
        await using var ca = await stock.Start("orphan");
        // As if puppetserver's own call had made the claim, and died.
        var decision = (await ca.Admin.AuthorizeCertificateRequestAsync(
            new() { Certname = instance.Name.ToString(), CsrPem = instance.Csr(key).Pem() })).Decision;

        await Eventually.Get(() => Signed(instance), "signed");

        Assert.Equal(("sign", "TOKEN_ACCEPTED"), (decision.Outcome, decision.Reason));
        Assert.Single(await stock.House.Keys(ObjectKeys.ClaimsOf(instance.Name)));
        Assert.Equal(1, stock.Puppetserver.Made(instance.Name.ToString()));
    }

    [Fact]
    public async Task SecondKey_SameToken_KeepsTheFirstUntilItIsContested()
    {
        await using var ca = await stock.Start("second");
        var instance = await stock.House.Launch();
        using var key = CsrBuilder.EcKey();
        using var thief = CsrBuilder.EcKey();
        await Put(instance, key);

        // puppetserver takes no second request under a name; should it ever ask, the answer is no, and the alarm is on.
        using var second = await stock.Puppetserver.Put(instance.Name.ToString(), instance.Csr(thief).Pem());
        using var certificate = await stock.Puppetserver.Certificate(instance.Name.ToString());
        var asked = await stock.Autosign(instance.Name.ToString(), instance.Csr(thief).Pem());

        Assert.Equal(400, (int)second.StatusCode);
        Assert.Equal(SpkiOf(key), SpkiOf(certificate!));
        Assert.NotEqual(0, asked.ExitCode);
        Assert.Contains("TOKEN_CONFLICT", asked.Errors, StringComparison.Ordinal);
        await Eventually.True(
            () => stock.Puppetserver.IsRevoked(certificate!), "puppetserver revoked the contested certificate");
        Assert.Contains(await ca.Timeline(instance.Name), e => e.Key == "contested");
    }

    [Fact]
    public async Task Certificate_OfAnotherKey_RaisesTheAlarmAndIsNotTheNodes()
    {
        await using var ca = await stock.Start("swapped");
        stock.AskNobody();
        var instance = await stock.House.Launch();
        using var key = CsrBuilder.EcKey();
        using var other = CsrBuilder.EcKey();
        // The claim is by one key; what puppetserver has, and a person signs, is another's.
        await ca.Admin.AuthorizeCertificateRequestAsync(new() { Certname = instance.Name.ToString(), CsrPem = instance.Csr(key).Pem() });
        await Put(instance with { Token = "another" }, other);
        (await stock.Puppetserver.Ca("sign", "--certname", instance.Name.ToString())).Ok();

        await Eventually.True(async () => (await ca.Timeline(instance.Name)).Any(e => e.Key == "stock-mismatch"), "the alarm");

        Assert.Contains(ca.Options.Log.Lines, l => l.StartsWith("Critical stock.mismatch", StringComparison.Ordinal));
        Assert.Null(await Signed(instance));
        Assert.Equal("stock.mismatch", (await ca.Audited(instance.Name.ToString(), "TOKEN_CONFLICT")).Action);
    }

    [Fact]
    public async Task AdminCertificate_Replaced_IsTakenWithoutARestart()
    {
        using var files = new TempDirectory();
        // First an ordinary node's, which is no one's administrator.
        var node = await stock.House.Launch();
        using var nodeKey = CsrBuilder.EcKey();
        X509Certificate2 certificate;
        await using (await stock.Start("before"))
        {
            await Put(node, nodeKey);
            certificate = (await stock.Puppetserver.Certificate(node.Name.ToString()))!;
        }
        await File.WriteAllTextAsync(files.File("client.pem"), certificate.ExportCertificatePem());
        await File.WriteAllTextAsync(files.File("client.key"), nodeKey.ExportPkcs8PrivateKeyPem());
        await using var ca = await stock.Start("replaced", o =>
            o with { StockCa = o.StockCa with { Certificate = files.File("client.pem"), Key = files.File("client.key") } });
        await Eventually.True(() => ca.Options.Log.Lines.Any(l => l.Contains("stock.away", StringComparison.Ordinal)
            && l.Contains("pp_cli_auth", StringComparison.Ordinal)), "the log says what is wrong");

        File.Copy(stock.Puppetserver.AdminKey, files.File("client.key"), overwrite: true);
        File.Copy(stock.Puppetserver.AdminCertificate, files.File("client.pem"), overwrite: true);

        await SignedByApprover(ca);
        certificate.Dispose();
    }

    [Fact]
    public async Task Agent_RealOne_HasItsCertificateWithoutAPerson()
    {
        await using var ca = await stock.Start("agent");
        using var node = new TempDirectory();
        var instance = await stock.House.Launch();
        Directory.CreateDirectory(node.File("conf"));
        await File.WriteAllTextAsync(
            node.File("conf/csr_attributes.yaml"), $"custom_attributes:\n  1.2.840.113549.1.9.7: {instance.Token}\n");

        var (exit, output) = await Tool.Run(
            "puppet", "ssl", "bootstrap", "--confdir", node.File("conf"), "--vardir", node.File("var"), "--ssldir", node.File("ssl"),
            "--certname", instance.Name.ToString(), "--ca_server", "localhost", "--ca_port", $"{stock.Puppetserver.Port}", "--keylength",
            "2048", "--waitforcert", "1", "--color", "false");

        Assert.True(exit == 0, output);
        await Eventually.Get(() => Signed(instance), "written down");
    }

    [Fact]
    public async Task Request_ThatPuppetserverItselfRefuses_IsTold()
    {
        await using var ca = await stock.Start("declined");
        // Granted by the registration; but this puppetserver allows no one a second name.
        var instance = await stock.House.Launch(r => r.DnsAltNames.Add("www.example.org"));
        using var key = CsrBuilder.EcKey();
        using var answer = await stock.Puppetserver.Put(instance.Name.ToString(), instance.Csr(key).DnsNames("www.example.org").Pem());

        var told = await Eventually.Get(async () => (await ca.Timeline(instance.Name)).FirstOrDefault(e => e.Key == "stock-declined"),
            "the timeline says so");

        Assert.Equal(400, (int)answer.StatusCode);
        Assert.Contains("subject alternative names", told.Detail, StringComparison.Ordinal);
        Assert.True(stock.Puppetserver.Waits(instance.Name.ToString()));
    }

    private static async Task<int> Refusals(RunningCa ca, CertName name, string reason) =>
        (await ca.AuditRecords()).Count(r => r.Certname == name.ToString() && r.Decision?.Reason == reason);

    private async Task SignedByApprover(RunningCa ca)
    {
        stock.AskNobody();
        var other = await stock.House.Launch();
        using var key = CsrBuilder.EcKey();
        await Put(other, key);
        await Eventually.Get(() => Signed(other), "another request is signed");
        await Eventually.True(async () => (await ca.Timeline(other.Name)).Any(e => e.Key == "signed"), "the timeline says so");
    }

    private async Task Put(Launched instance, AsymmetricAlgorithm key)
    {
        using var answer = await stock.Puppetserver.Put(instance.Name.ToString(), instance.Csr(key).Pem());
        answer.EnsureSuccessStatusCode();
    }

    private Task<CertificateRecord?> Signed(Launched instance) =>
        stock.House.Store.Get<CertificateRecord>(ObjectKeys.StockCertificate(instance.Name), default);

    private static string SpkiOf(ECDsa key) => Convert.ToHexStringLower(SHA256.HashData(key.ExportSubjectPublicKeyInfo()));

    private static string SpkiOf(X509Certificate2 certificate) =>
        Convert.ToHexStringLower(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo()));
}
