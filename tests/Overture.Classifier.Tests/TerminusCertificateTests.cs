using Overture.Classifier.Terminus;
using Overture.Platform.Faults;
using Overture.TestSupport;

namespace Overture.Classifier.Tests;

/// <summary>How the terminus listener comes by its certificate, whatever order things start in.</summary>
[Trait("Category", "integration")]
public sealed class TerminusCertificateTests : IAsyncLifetime
{
    private TerminusFixture house = null!;

    public async Task InitializeAsync() => house = await TerminusFixture.Build();

    [Fact]
    public async Task Enrolment_TokenAndCaComeLater_ListenerOpensByItselfAndTheTokenIsNotNeededAgain()
    {
        File.Move(house.TokenFile, house.TokenFile + ".later");
        await house.Start();
        using var client = house.Client(house.Ca.Issue((await house.Register()).ToString()));
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => client.GetAsync(new Uri("/", UriKind.Relative)));

        File.Move(house.TokenFile + ".later", house.TokenFile);
        await using (var ca = await PuppetCaStandIn.Start(house.Ca, house.CaPort))
        {
            await house.Certified();
            Assert.Equal([TerminusFixture.Name], ca.Requests.Distinct());
        }
        Assert.Equal(System.Net.HttpStatusCode.NotFound, (await client.GetAsync(new Uri("/", UriKind.Relative))).StatusCode);

        File.Delete(house.TokenFile);
        await house.Stop();
        await house.Start();
        Assert.NotNull(house.Certificate.Current);
    }

    [Fact]
    public async Task Enrolment_FileHoldsNoToken_IsNeitherSentNorFatal()
    {
        await using var ca = await PuppetCaStandIn.Start(house.Ca, house.CaPort);
        var token = await File.ReadAllTextAsync(house.TokenFile);
        File.Delete(house.TokenFile);
        // A pipe shows when it was read.
        (await Shell.Run("mkfifo", house.TokenFile)).Ok();
        await house.Start();
        await File.WriteAllTextAsync(house.TokenFile, "no t\u00f6ken\n").WaitAsync(TimeSpan.FromSeconds(60));
        File.Delete(house.TokenFile);
        await File.WriteAllTextAsync(house.TokenFile, token);
        await house.Certified();
        Assert.Single(ca.Requests);
    }

    [Fact]
    public async Task Enrolment_PastTwoThirds_IsRenewedByTheOldCertificateWithoutAToken()
    {
        await using var ca = await PuppetCaStandIn.Start(house.Ca, house.CaPort);
        // Issued a day back for an hour ahead: past two thirds from the first moment.
        ca.Life = TimeSpan.FromHours(1);
        await house.Start();
        await house.Certified();
        var first = house.Certificate.Current!.SerialNumber;
        await house.Stop();
        File.Delete(house.TokenFile);

        ca.Refusing = true;
        await house.Start();
        await Eventually.True(() => ca.Refused > 0, "a renewal was tried");
        Assert.Equal(first, house.Certificate.Current!.SerialNumber); // the old one serves meanwhile

        ca.Life = TimeSpan.FromDays(30);
        ca.Refusing = false;
        await Eventually.True(() => !house.Certificate.WantsRenewal, "the new certificate is in use");
        Assert.Equal((TerminusFixture.Name, 1), (ca.Renewals.Single(), ca.Requests.Count));
    }

    [Theory]
    [InlineData("listen", "8143")]
    [InlineData("certname", "Not_A_Name!")]
    [InlineData("tokenFile", "")]
    [InlineData("caServer", "no host")]
    [InlineData("caBundle", "/nowhere/ca.pem")]
    [InlineData("launchKeys", "/nowhere")]
    public void Options_OneRuleBroken_NamesTheField(string field, string value)
    {
        var good = new TerminusOptions { Listen = "127.0.0.1:8143", Certname = "classifier", TokenFile = "/t",
            CaBundle = house.Ca.BundleFile, LaunchKeys = "/tmp" };
        Assert.Empty(Problems(good));
        var broken = field switch
        {
            "listen" => good with { Listen = value },
            "certname" => good with { Certname = value },
            "tokenFile" => good with { TokenFile = value },
            "caServer" => good with { CaServer = value },
            "caBundle" => good with { CaBundle = value },
            _ => good with { LaunchKeys = value },
        };
        Assert.Equal($"terminus.{field}", Assert.Single(Problems(broken)).Field);
        Assert.Empty(Problems(new TerminusOptions()));
    }

    public async Task DisposeAsync() => await house.DisposeAsync();

    private static IEnumerable<FieldProblem> Problems(TerminusOptions terminus) =>
        new ClassifierOptions { Terminus = terminus }.Problems().Where(p => p.Field.StartsWith("terminus.", StringComparison.Ordinal));
}
