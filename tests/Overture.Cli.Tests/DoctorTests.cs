using Overture.Conductor.V1;

namespace Overture.Cli.Tests;

/// <summary>overture doctor against services that answer, and one that does not; the trial over real ways is in EndToEnd.Tests.</summary>
[Collection(OvertureCollection.Name)]
[Trait("Category", "integration")]
public sealed class DoctorTests(OvertureFixture overture)
{
    [Fact]
    public async Task Doctor_EveryCheck_HasAStatusAndAFailureItsNextStep()
    {
        var checks = (await overture.Run("doctor", "-o", "json")).Json()["checks"]!.AsArray();
        Assert.All(checks, c => Assert.Contains(c!["status"].Text(), (string[])["ok", "warn", "fail", "skip"]));
        Assert.All(checks.Where(c => c!["status"].Text() == "fail"), c => Assert.NotEmpty(c!["next"].Text()));
        Assert.Contains(checks, c => c!["area"].Text() == "you" && c["detail"].Text().Contains("role admin", StringComparison.Ordinal));
        Assert.Contains(checks, c => c!["check"].Text() == "conductor" && c["status"].Text() != "fail");
        Assert.Contains(checks, c => c!["check"].Text() == "clock of conductor" && c["status"].Text() == "ok");
        Assert.Contains(checks, c => c!["area"].Text() == "launch" && c["status"].Text() == "skip");
        foreach (var service in new[] { "certauthority", "classifier" })
        {
            var certificate = checks.Single(c => c!["check"].Text() == $"{service} certificate")!;
            Assert.Equal(("certificates", "ok"), (certificate["area"].Text(), certificate["status"].Text()));
            Assert.StartsWith($"{service} by ", certificate["detail"].Text(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Doctor_ServiceAway_FailsThatAndGoesOnWithTheRest()
    {
        var config = Path.Combine(overture.Pki.Home, "away.yaml");
        // nothing listens on port 9 of loopback
        await File.WriteAllTextAsync(config, overture.Config("admin")
            .Replace($"classifier: localhost:{overture.ClassifierPort}", "classifier: localhost:9", StringComparison.Ordinal));
        var ran = (await overture.Run("--config", config, "doctor", "-o", "json")).Exit(1);
        var checks = ran.Json()["checks"]!.AsArray();
        Assert.Equal("fail", checks.Single(c => c!["check"].Text() == "classifier")!["status"].Text());
        Assert.Equal("fail", checks.Single(c => c!["area"].Text() == "definitions")!["status"].Text());
        Assert.NotEqual("fail", checks.Single(c => c!["check"].Text() == "conductor")!["status"].Text());
    }

    [Fact]
    public async Task Doctor_AddressOfAnotherParty_SaysWhoseCertificateItShows()
    {
        var config = Path.Combine(overture.Pki.Home, "crossed.yaml");
        await File.WriteAllTextAsync(config, overture.Config("admin").Replace($"classifier: localhost:{overture.ClassifierPort}",
            $"classifier: localhost:{overture.ConductorPort}", StringComparison.Ordinal));
        var line = (await overture.Run("--config", config, "doctor", "-o", "json")).Exit(1).Json()["checks"]!.AsArray()
            .Single(c => c!["check"].Text() == "classifier certificate")!;
        Assert.Equal("fail", line["status"].Text());
        Assert.Contains("is not a classifier's", line["detail"].Text(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(SiteCheckStatus.Ok, "ok", 0)]
    [InlineData(SiteCheckStatus.Warning, "warn", 0)]
    [InlineData(SiteCheckStatus.Failed, "fail", 1)]
    public async Task Doctor_WhatTheConductorFinds_IsALineEach(SiteCheckStatus status, string word, int exit)
    {
        var healthy = overture.Conductor.Site;
        try
        {
            overture.Conductor.Site = new CheckSiteResponse
            {
                Checks =
                {
                    new SiteCheck { Area = "registry", Check = "persistence", Status = status, Detail = "Redis keeps no file",
                        Next = "appendonly yes" },
                    new SiteCheck { Area = "provider", Check = "local", Status = SiteCheckStatus.Ok, Detail = "takes launches" },
                },
            };
            var ran = await overture.Run("doctor", "-o", "json");
            Assert.True(ran.ExitCode >= exit, ran.Errors);
            var line = ran.Json()["checks"]!.AsArray().Single(c => c!["check"].Text() == "persistence")!;
            Assert.Equal(("registry", word, "appendonly yes"), (line["area"].Text(), line["status"].Text(), line["next"].Text()));
            Assert.Contains(ran.Json()["checks"]!.AsArray(), c => c!["area"].Text() == "provider" && c["status"].Text() == "ok");
        }
        finally
        {
            overture.Conductor.Site = healthy;
        }
    }

    [Fact]
    public async Task Doctor_Lines_AreForPeopleToo()
    {
        var ran = await overture.Run("doctor");
        Assert.Contains(ran.Output.Split('\n'), l => l.StartsWith("ok    services: conductor: serving at ", StringComparison.Ordinal)
            || l.StartsWith("warn  services: conductor: serving at ", StringComparison.Ordinal));
        ran.Says(" to look at, ");
        (await overture.Run("doctor", "-c", "x.yaml", "--profile", "web")).Exit(2).Says("either -c FILE or --profile");
    }
}
