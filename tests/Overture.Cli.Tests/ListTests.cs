using Overture.Cli.Tests.Fakes;

namespace Overture.Cli.Tests;

/// <summary>Lists of definitions, certificates and acts: what is asked of the services, and how it is shown.</summary>
[Collection(OvertureCollection.Name)]
[Trait("Category", "integration")]
public sealed class ListTests(OvertureFixture overture)
{
    [Fact]
    public async Task Nodes_BothPages_AreShownWithTheirProblems()
    {
        var lines = (await overture.Run("node", "list", "web", "--problems", "--environment", "staging")).Exit(0).Output.Split('\n');
        Assert.Matches("^CERTNAME +ENVIRONMENT +LAYERS +VERSION +CHANGED +BY +PROBLEMS$", lines[0]);
        Assert.Matches("^one.example.com  staging +defaults, node  0123456789ab  1970-01-01T00:00:00.000Z  ops$", lines[1]);
        Assert.EndsWith(@"an edit\u000ais not served", lines[2], StringComparison.Ordinal);
        Assert.Contains(overture.Classifier.Listings, l => l is { Prefix: "web", ProblemsOnly: true, Environment: "staging", PageSize: 500,
            PageToken: "2" });

        var json = (await overture.Run("node", "list", "-o", "json")).Exit(0).Json();
        Assert.Equal(["one.example.com", "two.example.com"], json["definitions"]!.AsArray().Select(d => d!["certname"].Text()));
        var cut = (await overture.Run("node", "list", "--limit", "1", "-o", "json")).Exit(0).Says("these are the first 1");
        Assert.Equal("2", cut.Json()["nextPageToken"].Text());
        (await overture.Run("node", "list", "--limit", "0")).Exit(2).Says("--limit: must be 1 or more");
    }

    [Fact]
    public async Task NodeDelete_OfTheStoredVersion_AsksFirstAndSaysTheWayBack()
    {
        (await overture.Run("node", "delete", FakeClassifier.Versioned)).Exit(2).Says("add --yes");
        Assert.DoesNotContain(overture.Classifier.Deletions, d => d.Certname == FakeClassifier.Versioned);
        (await overture.Run("node", "delete", FakeClassifier.Versioned, "--yes", "--reason", "retired")).Exit(0)
            .Says("to get it back: overture node rollback versioned.example.com 0190a1b2-0000-7000-8000-000000000009 --unregistered");
        Assert.Contains(overture.Classifier.Deletions,
            d => d is { Certname: FakeClassifier.Versioned, Etag: "v30", Reason: "retired", Force: false });

        (await overture.Run("node", "delete", FakeClassifier.Known, "--yes")).Exit(6).Says("reason: NODE_IN_USE");
        (await overture.Run("node", "delete", FakeClassifier.Known, "--yes", "--force", "--etag", "v1")).Exit(0);
        (await overture.Run("node", "delete", "unknown.example.com", "--yes")).Exit(3);
    }

    [Fact]
    public async Task NodeSet_UnknownName_Is6UnlessItIsMeant()
    {
        (await overture.Run(["node", "set", "typo.example.com", "-f", "-", "--reason", "r"], [], "{}\n")).Exit(6)
            .Says("reason: NODE_UNREGISTERED");
        (await overture.Run(["node", "set", "typo.example.com", "-f", "-", "--reason", "r", "--unregistered"], [], "{}\n")).Exit(0);
        (await overture.Run("node", "rollback", FakeClassifier.Known, "v10", "--unregistered", "--reason", "meant")).Exit(0);
        Assert.Contains(overture.Classifier.Puts, p => p is { Reason: "meant", AllowUnregistered: true });
        // The person has seen the request of that name.
        (await overture.Run("certificate", "sign", "sign.example.com", "--key", FakeCertAuthority.WaitingKey[..8], "--reason",
            "built by hand", "--class", "profile::db")).Exit(0);
        Assert.Contains(overture.Classifier.Puts, p => p is { Certname: "sign.example.com", AllowUnregistered: true });
    }

    [Fact]
    public async Task Certificates_BothPages_AreShownWithTheirState()
    {
        var lines = (await overture.Run("certificate", "list", "--name", "web", "--state", "expired")).Exit(0).Output.Split('\n');
        Assert.Matches("^CERTNAME +SERIAL +STATE +NOT BEFORE +NOT AFTER +KEY +GRANTED BY +REVOKED$", lines[0]);
        Assert.Matches("^one.example.com  4f01 +valid +1970-01-01T00:00:00.000Z  2033-05-18T03:33:20.000Z  P-256  launch$", lines[1]);
        Assert.EndsWith(@"1970-01-01T00:00:00.000Z by admin: leaked\u000akey", lines[2], StringComparison.Ordinal);
        Assert.Contains(overture.CertAuthority.Listings,
            l => l is { Prefix: "web", State: CertAuthority.V1.CertificateState.Expired, PageToken: "2" });
        Assert.Equal("CERTIFICATE_STATE_REVOKED", (await overture.Run("certificate", "list", "--revoked", "-o", "json")).Exit(0)
            .Json()["certificates"]![1]!["state"].Text());
        (await overture.Run("certificate", "list", "--revoked", "--state", "valid")).Exit(2).Says("either --revoked or --state");
        (await overture.Run("certificate", "list", "--state", "clean")).Exit(2).Says("clean");

        // The most urgent first.
        var expiring = (await overture.Run("certificate", "expiring", "--within", "30d", "-o", "json")).Exit(0).Json();
        Assert.Equal(["4f02", "4f01"], expiring["certificates"]!.AsArray().Select(c => c!["serial"].Text()));
        Assert.Contains(overture.CertAuthority.Listings, l => l.ExpiringWithin?.Seconds == 30 * 86_400);

        // The same words elsewhere.
        Assert.Matches("(?m)^state +expired$", (await overture.Run("certificate", "show", "web.example.com")).Exit(0).Output);
        (await overture.Run("certificate", "clean", "web.example.com", "--reason", "retired")).Exit(0);
    }

    [Fact]
    public async Task Audit_Acts_AreShownNewestFirstAndWhatIsLeftOutIsSaid()
    {
        var ran = (await overture.Run("audit", "list", "--since", "2h", "--name", "one", "--action", "cert", "--who", "adm")).Exit(0)
            .Says("these are the newest 2").Says("2 batches of the log can't be read; next: overture audit verify");
        var lines = ran.Output.Split('\n');
        Assert.Matches("^AT +ACTION +OUTCOME +NAME +BY +FROM +REASON +WHAT$", lines[0]);
        Assert.Matches("^1970-01-01T00:00:00.000Z  cert.revoked  allow +one.example.com +admin +leaked$", lines[1]);
        Assert.Contains("not%20a%20name", lines[2], StringComparison.Ordinal);
        var asked = Assert.Single(overture.CertAuthority.AuditListings, l => l.NamePrefix == "one");
        Assert.Equal(("cert", "adm", 100), (asked.Action, asked.Actor, asked.Limit));
        Assert.InRange(TimeProvider.System.GetUtcNow() - asked.Since.ToDateTimeOffset(), TimeSpan.FromHours(1.9), TimeSpan.FromHours(2.1));

        (await overture.Run("audit", "list", "--all", "--action", "none")).Exit(0).Says("no such act is in the audit log");
        Assert.Contains(overture.CertAuthority.AuditListings, l => l is { Action: "none", Limit: 0, Since: null });
        (await overture.Run("audit", "list", "--all", "--limit", "3")).Exit(2).Says("either --all or --limit");
        Assert.Equal(2, (await overture.Run("audit", "list", "-o", "json")).Exit(0).Json()["records"]!.AsArray().Count);
    }
}
