using System.Security.Cryptography.X509Certificates;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests.Acceptance;

/// <summary>docs/puppet-contracts.md §10, row 35, by curl: Debian has no agent 8, so this is what one sends (§1.7).</summary>
[Collection(AgentCollection.Name), Trait("Category", "integration")]
public sealed class RenewalRows(CaFixture house)
{
    [Fact]
    public async Task Row35_Renewal_IsAnotherSerialOfTheSameKey_AgainAndAgain()
    {
        using var node = await house.Ca.Node();

        var first = await Renew(house.Ca, node);
        var again = await Renew(house.Ca, node);

        Assert.Equal(200, first.Status);
        Assert.Equal(first, again);
        using var renewed = X509Certificate2.CreateFromPem(first.Body);
        Assert.NotEqual(node.Certificate.SerialNumber, renewed.SerialNumber);
        Assert.Equal(node.Certificate.Subject, renewed.Subject);
        Assert.Equal(node.Certificate.PublicKey.ExportSubjectPublicKeyInfo(), renewed.PublicKey.ExportSubjectPublicKeyInfo());
        // And an agent's next run finds it good.
        using var files = new TempDirectory();
        await File.WriteAllTextAsync(files.File("renewed.pem"), first.Body);
        var (exit, output) = await Tool.Run("openssl", "verify", "-CAfile", house.BundleFile, files.File("renewed.pem"));
        Assert.True(exit == 0, output);
    }

    [Fact]
    public async Task Row35_RenewalOff_Is404()
    {
        await using var off = await RunningCa.Start(house, house.Options("row35") with { Renewal = new() { Enabled = false } });
        using var node = await house.Ca.Node();

        Assert.Equal(404, (await Renew(off, node)).Status);

        // The run goes on with the certificate it has.
        using var curl = new Curl(off);
        Assert.Equal(200, (await curl.Run("/puppet-ca/v1/certificate_revocation_list/ca", curl.As(node))).Status);
    }

    private static async Task<(int Status, string Body)> Renew(RunningCa ca, CertifiedClient node)
    {
        using var curl = new Curl(ca);
        var (_, status, body) = await curl.Run("/puppet-ca/v1/certificate_renewal",
            [.. curl.As(node), "-X", "POST", "-H", "Content-Type: text/plain", "-H", "Accept: text/plain", "-d", ""]);
        return (status, body);
    }
}
