using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Overture.CertAuthority.Signing;
using Overture.Platform.Certificates;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.CertAuthority.Tests.Acceptance;

/// <summary>Debian's `puppetserver ca` against CertAuthority: docs/puppet-contracts.md §10, rows 15-22.</summary>
[Collection(AgentCollection.Name), Trait("Category", "integration")]
public sealed class AdminRows(CaFixture house) : IAsyncLifetime
{
    private readonly RunningCa ca = house.Ca;
    private AdminHost admin = null!;

    public async Task InitializeAsync() => admin = await AdminHost.Create(ca);

    public Task DisposeAsync()
    {
        admin.Dispose();
        return Task.CompletedTask;
    }

    [Fact]
    public async Task Row15_ListAll_ShowsThreeStatesWithSerialsAndDates()
    {
        using var node = await ca.Node();
        using var gone = await ca.Node();
        await ca.Admin.RevokeCertificateAsync(new() { Certname = gone.Name.ToString(), Reason = "row 15" });
        await admin.Submit("row15.example.org", defined: false);

        var (exit, output) = await admin.Ca("list", "--all");

        Assert.True(exit == 0, output);
        Assert.Matches(
            $"(?s)Requested Certificates:.*row15\\.example\\.org.*Signed Certificates:.*{node.Name}.*Revoked Certificates:.*{gone.Name}",
            output);
        var json = await admin.List();
        foreach (var (group, name) in new[] { ("requested", "row15.example.org"), ("signed", $"{node.Name}"), ("revoked", $"{gone.Name}") })
        {
            var entry = Assert.Single(json.GetProperty(group).EnumerateArray(), e => e.GetProperty("name").GetString() == name);
            if (group == "requested")
                continue;
            Assert.Equal(JsonValueKind.Number, entry.GetProperty("serial_number").ValueKind);
            Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dUTC$", entry.GetProperty("not_after").GetString()!);
        }
    }

    [Fact]
    public async Task Row16_Sign_OneWaitingAndOneUnknown_SignsTheOneAndFails()
    {
        await admin.Submit("row16.example.org");
        var (exit, output) = await admin.Ca("sign", "--certname", "row16.example.org,nope");
        Assert.Equal(1, exit);
        Assert.Contains("Successfully signed certificate request for row16.example.org", output, StringComparison.Ordinal);
        Assert.Contains("Could not find certificate request for nope", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Row16_Sign_WithoutDefinition_PrintsTheNextStep()
    {
        await admin.Submit("row16b.example.org", defined: false);
        var (exit, output) = await admin.Ca("sign", "--certname", "row16b.example.org");
        Assert.Equal(1, exit);
        Assert.Contains("409", output, StringComparison.Ordinal);
        Assert.Contains("`overture node set row16b.example.org --unregistered -f FILE --reason TEXT` first", output,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Row17_SignAgain_IsAConflict()
    {
        await admin.Submit("row17.example.org");
        Assert.Equal(0, (await admin.Ca("sign", "--certname", "row17.example.org")).Exit);
        var (exit, output) = await admin.Ca("sign", "--certname", "row17.example.org");
        Assert.Equal(1, exit);
        Assert.Contains("409", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Row18_SignWithTtl_LivesAsLong()
    {
        await admin.Submit("row18.example.org");
        var begun = TimeProvider.System.GetUtcNow().UtcDateTime;
        var (exit, output) = await admin.Ca("sign", "--certname", "row18.example.org", "--ttl", "1h");
        Assert.True(exit == 0, output);
        using var certificate = X509Certificate2.CreateFromPem((await ca.Certificate(CertName.Parse("row18.example.org")))!);
        Assert.InRange(certificate.NotAfter.ToUniversalTime(), begun.AddMinutes(59), begun.AddMinutes(62));
    }

    [Fact]
    public async Task Row19_SignAll_NothingWaits_Is24()
    {
        await admin.Submit("row19.example.org");
        var waiting = (await admin.List()).GetProperty("requested").EnumerateArray().Select(r => r.GetProperty("name").GetString()!)
            .ToList();
        foreach (var name in waiting)
            await admin.Define(name);
        Assert.Equal(0, (await admin.Ca("sign", "--all")).Exit);
        Assert.NotNull(await ca.Certificate(CertName.Parse("row19.example.org")));

        Assert.Equal(24, (await admin.Ca("sign", "--all")).Exit);
    }

    [Fact]
    public async Task Row20_Generate_RequestOfVersionTwo_IsSignedAndVerifies()
    {
        await admin.Define("gen1.example.org");

        var (exit, output) = await admin.Ca("generate", "--certname", "gen1.example.org");

        Assert.True(exit == 0, output);
        (exit, output) = await Tool.Run("openssl", "verify", "-CAfile", house.BundleFile, admin.File("ssl/certs/gen1.example.org.pem"));
        Assert.True(exit == 0, output);
        var ofKey = await Tool.Run("openssl", "pkey", "-in", admin.File("ssl/private_keys/gen1.example.org.pem"), "-pubout");
        Assert.Equal(ofKey.Output,
            (await Tool.Run("openssl", "x509", "-in", admin.File("ssl/certs/gen1.example.org.pem"), "-noout", "-pubkey")).Output);
    }

    [Fact]
    public async Task Row21_RevokeTwice_IsOneEntryOnOneNewList_UnknownFails()
    {
        using var node = await ca.Node();
        var before = await List();

        Assert.Equal(0, (await admin.Ca("revoke", "--certname", $"{node.Name}")).Exit);
        var once = await List();
        Assert.Equal(0, (await admin.Ca("revoke", "--certname", $"{node.Name}")).Exit);
        var twice = await List();
        Assert.Equal(1, (await admin.Ca("revoke", "--certname", "nope")).Exit);

        Assert.Equal((before.Number + 1, once.Number), (once.Number, twice.Number));
        Assert.DoesNotContain(SerialNumber.Recorded(node.Serial), before.Serials);
        Assert.Contains(SerialNumber.Recorded(node.Serial), twice.Serials);
        Assert.Equal(before.Serials.Count + 1, twice.Serials.Count);
        Assert.True(twice.NextUpdate > TimeProvider.System.GetUtcNow());
        await File.WriteAllTextAsync(admin.File("list.pem"), (await ca.Admin.GetCrlAsync(new())).CrlPem);
        var text = (await Tool.Run("openssl", "crl", "-in", admin.File("list.pem"), "-noout", "-text")).Output;
        Assert.Equal(2, text.Split(node.Serial.ToUpperInvariant()).Length); // found once
    }

    [Fact]
    public async Task Row22_Clean_TakesAway()
    {
        using var node = await ca.Node();
        Assert.NotNull(await ca.Certificate(node.Name));
        Assert.Equal(0, (await admin.Ca("clean", "--certname", $"{node.Name}")).Exit);
        using var answer = await ca.Get($"certificate/{node.Name}");
        Assert.Equal(404, (int)answer.StatusCode);
        Assert.Contains(SerialNumber.Recorded(node.Serial), (await List()).Serials);

        await admin.Submit("row22.example.org");
        Assert.Equal(24, (await admin.Ca("clean", "--certname", "row22.example.org")).Exit);
        Assert.Empty(await house.Keys(ObjectKeys.HeldRequestsOf(CertName.Parse("row22.example.org"))));

        Assert.Equal(1, (await admin.Ca("clean", "--certname", "nope")).Exit);
    }

    private async Task<CrlDocument> List() =>
        CrlDocument.Read(CrlPem.Split((await ca.Admin.GetCrlAsync(new())).CrlPem)[0], ca.Services.GetRequiredService<CaSigner>().Ca);
}
