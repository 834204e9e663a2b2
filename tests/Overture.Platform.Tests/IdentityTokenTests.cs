using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Microsoft.Extensions.Time.Testing;
using Overture.Platform.Connections;
using Overture.Platform.Faults;
using Overture.Platform.Rpc;
using Overture.Platform.Tls;
using Overture.TestSupport;

namespace Overture.Platform.Tests;

/// <summary>For whom of an identity provider a console may act: every token that is not good, and what a good one is worth.</summary>
public sealed class IdentityTokenTests : IAsyncLifetime
{
    private readonly TestPki pki = new();
    private readonly SteppedClock clock = new();
    private TestIssuer issuer = null!;
    private IssuerKeys keys = null!;
    private IdentityTokens tokens = null!;

    public async Task InitializeAsync()
    {
        issuer = await TestIssuer.Start(pki);
        Use(issuer.Options);
    }

    public async Task DisposeAsync()
    {
        keys.Dispose();
        await issuer.DisposeAsync();
        pki.Dispose();
    }

    [Fact]
    public async Task Good_IsThePerson_WithTheGroupsRoleAndScope()
    {
        var jo = await Verify(issuer.Sign(Claims("web", "everyone")));
        Assert.Equal(("jo_4f1c_7c9a (operator), by console", "profile=web", "4f1c|9a", true),
            (jo.Peer.Caller, $"{jo.Peer.Scope}", jo.Subject, jo.Peer.IsPerson));
        // Providers may leave the type out.
        await Verify(issuer.Sign(Claims("web"), new JsonObject { ["alg"] = "RS256", ["kid"] = "1" }));
        // The first grant by its name ("10-web" before "admins"), not the greatest, nor the first in the token or the options.
        Assert.Equal([Role.Operator], (await Verify(issuer.Sign(Claims("admins", "web")))).Peer.Roles);
        Assert.Equal([Role.Viewer], (await Verify(issuer.Sign(Claims("everyone")))).Peer.Roles);
        Assert.Equal([Role.Admin], (await Verify(issuer.Sign(Claims("admins", "everyone")))).Peer.Roles);
        var alone = Claims();
        alone["groups"] = "admins";
        Assert.Equal([Role.Admin], (await Verify(issuer.Sign(alone))).Peer.Roles);
    }

    public static TheoryData<string, string> Bad => new()
    {
        { "nothing", "can't be read" }, { "noise", "can't be read" }, { "long", "more than 6144 bytes" },
        { "none", "not a JWT signed by one of" },
        { "HS256", "not a JWT signed by one of" }, { "access token", "not a JWT signed by one of" }, { "other issuer", "another issuer" },
        { "other audience", "another audience" }, { "two audiences", "another audience" }, { "other party", "another audience" },
        { "no nonce", "for another console" }, { "null nonce", "for another console" }, { "nonce of another", "for another console" },
        { "nonce of none", "for another console" },
        { "other key", "not signed by a key" }, { "changed", "not signed by a key" }, { "unknown key", "not signed by a key" },
        { "over", "ended at" }, { "from tomorrow", "is good from" }, { "not before", "is good from" }, { "no end", "from when to when" },
        { "absurd end", "from when to when" }, { "no subject", "no subject" }, { "long subject", "no subject" },
        { "no group", "in no group" },
        { "group in other case", "in no group" }, { "groups as an object", "in no group" },
    };

    [Theory, MemberData(nameof(Bad))]
    public async Task Bad_IsRefused_WithItsRule(string how, string rule)
    {
        using var other = RSA.Create(2048);
        using var random = RandomNumberGenerator.Create();
        using var enc = X509CertificateLoader.LoadCertificateFromFile(pki.Files("classifier").Certificate);
        var now = clock.GetUtcNow().ToUnixTimeSeconds();
        var good = issuer.Sign(Claims("web"));
        string With(string claim, JsonNode? value)
        {
            var claims = Claims("web");
            if (value is null)
                claims.Remove(claim);
            else
                claims[claim] = value;
            return issuer.Sign(claims);
        }
        JsonObject Nulled(string claim)
        {
            var claims = Claims("web");
            claims[claim] = null;
            return claims;
        }
        string Headed(string alg, string kid = "1", string typ = "JWT") =>
            issuer.Sign(Claims("web"), new JsonObject { ["alg"] = alg, ["kid"] = kid, ["typ"] = typ });
        var text = how switch
        {
            "nothing" => "",
            "noise" => "a.b.c",
            "long" => new string('a', 6145),
            "none" or "HS256" => Headed(how),
            "access token" => Headed("RS256", typ: "at+jwt"),
            "other issuer" => With("iss", issuer.Url + "/"),
            "other audience" => With("aud", "another"),
            "two audiences" => With("aud", new JsonArray("another", TestIssuer.Client)),
            "other party" => With("azp", "another"),
            "no nonce" => With("nonce", null),
            "nonce of another" => With("nonce", ConsoleNonce.Make(enc, random)),
            "nonce of none" => With("nonce", "4f1c9a"),
            "other key" => issuer.Sign(Claims("web"), by: other),
            "changed" => good.Split('.') is [var head, _, var signature]
                ? $"{head}.{issuer.Sign(Claims("admins")).Split('.')[1]}.{signature}" : "",
            "unknown key" => issuer.Sign(Claims("web"), new JsonObject { ["alg"] = "RS256", ["kid"] = "77" }, other),
            "null nonce" => issuer.Sign(Nulled("nonce")),
            "over" => With("exp", now),
            "from tomorrow" => With("iat", now + 600),
            "not before" => With("nbf", now + 600),
            "no end" => With("exp", null),
            "absurd end" => With("exp", long.MaxValue),
            "no subject" => With("sub", null),
            "long subject" => With("sub", new string('é', 100)),
            "no group" => issuer.Sign(Claims()),
            "group in other case" => issuer.Sign(Claims("Web")),
            _ => With("groups", new JsonObject { ["web"] = true }),
        };
        var fault = await Assert.ThrowsAsync<FaultException>(async () => await Verify(text));
        Assert.Equal((FaultKind.Denied, Reason.DelegationInvalid), (fault.Kind, fault.Reason));
        Assert.Contains(rule, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task EndsWithTheToken_OrTheLimit()
    {
        var good = issuer.Sign(Claims("web"));
        Assert.Equal(clock.GetUtcNow().ToUnixTimeSeconds() + 900, (await Verify(good)).Until.ToUnixTimeSeconds());
        clock.Advance(TimeSpan.FromSeconds(901));
        await Refused(good, "ended at");
        Use(issuer.Options with { SessionLimit = TimeSpan.FromMinutes(1) });
        var until = (await Verify(issuer.Sign(Claims("web")))).Until;
        Assert.Equal(clock.GetUtcNow().ToUnixTimeSeconds() + 60, until.ToUnixTimeSeconds());
    }

    [Fact]
    public async Task Barred_AtOnce_AndWhileTheFileIsAway()
    {
        var file = Path.Combine(pki.Home, "barred");
        await File.WriteAllTextAsync(file, "# none\n");
        Use(issuer.Options with { Barred = file });
        var good = issuer.Sign(Claims("web"));
        var jo = await Verify(good);
        await File.WriteAllTextAsync(file, "# left us\n4f1c|9a\n");
        Assert.Contains("barred here", tokens.Problem(jo)!.Message, StringComparison.Ordinal);
        await Refused(good, "barred here");
        File.Delete(file);
        Assert.Contains("can't be read", tokens.Problem(jo)!.Message, StringComparison.Ordinal);
        await File.WriteAllTextAsync(file, "");
        Assert.Null(tokens.Problem(jo));
    }

    [Theory]
    [InlineData("4f1c|9a"), InlineData("4f1c_7c9a"), InlineData("jo_4f1c_7c9a"), InlineData("jo_4f1c_7c9a (operator), by console"),
     InlineData("oldname_4f1c_7c9a"), InlineData("4f1c|9a  # left in May"), InlineData("4f1c_7c9a\t# left"), InlineData("  4f1c|9a  ")]
    public async Task Barred_InEachWayToWriteIt(string line)
    {
        var file = Path.Combine(pki.Home, "barred");
        Use(issuer.Options with { Barred = file });
        await File.WriteAllTextAsync(file, $"# who left\nsomeone\n{line}\n");
        await Refused(issuer.Sign(Claims("web")), "barred here");
        // Of the same length, and as if written at the same time.
        var before = File.GetLastWriteTimeUtc(file);
        await File.WriteAllTextAsync(file, $"# who left\nsomeone\n{new string('x', line.Length)}\n");
        File.SetLastWriteTimeUtc(file, before);
        await Verify(issuer.Sign(Claims("web")));
    }

    [Theory]
    [InlineData("# 4f1c|9a"), InlineData("4f1c"), InlineData("9a"), InlineData("4f1c|9"), InlineData("# see jo_4f1c_7c9a")]
    public async Task Barred_NoOneElse(string line)
    {
        var file = Path.Combine(pki.Home, "barred");
        Use(issuer.Options with { Barred = file });
        await File.WriteAllTextAsync(file, line + "\n");
        await Verify(issuer.Sign(Claims("web")));
    }

    [Theory]
    [InlineData("#1"), InlineData("a # b"), InlineData("a ")]
    public async Task Barred_SubjectThatLooksLikeARemark(string subject)
    {
        var file = Path.Combine(pki.Home, "barred");
        Use(issuer.Options with { Barred = file });
        await File.WriteAllTextAsync(file, subject + "\n");
        var claims = Claims("web");
        claims["sub"] = subject;
        await Refused(issuer.Sign(claims), "barred here");
    }

    [Fact]
    public async Task Key_TakenBack_CountsNoMoreAfterFiveMinutes_AlsoWithTheClockSetBack()
    {
        var before = issuer.Sign(Claims("web"));
        var jo = await Verify(before);
        issuer.ChangeKey();
        await Verify(before);
        clock.Advance(IssuerKeys.Fresh + TimeSpan.FromSeconds(1));
        clock.Step = -(IssuerKeys.Fresh + TimeSpan.FromSeconds(10));
        // The very call that finds the keys old, and who is in already.
        await Refused(before, "not signed by a key");
        Assert.Contains("not signed by a key", tokens.Problem(jo)!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Key_TakenBack_EndsWhatIsOpen_ByItself()
    {
        var jo = await Verify(issuer.Sign(Claims("web")));
        issuer.ChangeKey();
        clock.Advance(IssuerKeys.Fresh + TimeSpan.FromSeconds(1));
        await Eventually.True(() => tokens.Problem(jo) is { Reason: var why } && why == Reason.DelegationInvalid,
            "a stream that asks only whether it may go on ends");
    }

    [Fact]
    public async Task Key_ThatIsNew_IsReadAtOnce_AndOneThatIsGone_CountsNoMore()
    {
        var before = issuer.Sign(Claims("web"));
        await Verify(before);
        issuer.ChangeKey();
        clock.Advance(IssuerKeys.Pause);
        await Verify(issuer.Sign(Claims("web")));
        await Refused(before, "not signed by a key");
        // Tokens of unknown keys do not make us ask the provider more than every 10 s.
        var reads = issuer.Reads;
        for (var i = 0; i < 20; i++)
            await Assert.ThrowsAsync<FaultException>(async () => await Verify(before));
        Assert.Equal(reads, issuer.Reads);
    }

    [Fact]
    public async Task ProviderAway_LastKeysCountForAnHour()
    {
        await Verify(issuer.Sign(Claims("web")));
        issuer.Broken = true;
        clock.Advance(TimeSpan.FromMinutes(50));
        await Verify(issuer.Sign(Claims("web")));
        clock.Advance(TimeSpan.FromMinutes(11));
        var fault = await Assert.ThrowsAsync<FaultException>(async () => await Verify(issuer.Sign(Claims("web"))));
        Assert.Equal((FaultKind.Unavailable, Reason.IdentityProviderUnavailable), (fault.Kind, fault.Reason));
        issuer.Broken = false;
        clock.Advance(IssuerKeys.Pause);
        await Verify(issuer.Sign(Claims("web")));
    }

    [Fact]
    public async Task ProviderThatSaysItIsAnother_HasNoKeys()
    {
        issuer.Says = "https://another.example.com";
        var fault = await Assert.ThrowsAsync<FaultException>(async () => await Verify(issuer.Sign(Claims("web"))));
        Assert.Contains("names another issuer", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task NothingConfigured_LetsNoOneIn()
    {
        var good = issuer.Sign(Claims("web"));
        Use(new IdentityProviderOptions());
        await Refused(good, "none is configured");
    }

    [Fact]
    public async Task TwoWaysInOne_AreNone()
    {
        pki.Issue("jo", Role.Operator);
        var delegations = new Delegations(new PeerCertificates(pki.Files("conductor"), clock), new RevokedPeers(), clock);
        var callers = new ConsoleCallers(delegations, tokens);
        using var console = X509CertificateLoader.LoadCertificateFromFile(pki.Files("console").Certificate);
        var both = TestDelegation.Of(pki, "jo", clock.GetUtcNow().AddHours(1));
        Assert.IsType<CertifiedPeer>(await callers.Of(console, both.ToByteArray(), default));
        var token = issuer.Sign(Claims("admins"));
        Assert.IsType<IdentifiedPeer>(await callers.Of(console, ConsoleCallers.Encode(token), default));
        (both.IdToken, both.Signature) = (token, ByteString.Empty);
        await Assert.ThrowsAsync<FaultException>(async () => await callers.Of(console, both.ToByteArray(), default));
    }

    [Theory]
    [InlineData("Jo@example.com", "1", "jo_1"), InlineData("", "a_b", "person_a_5fb"), InlineData("-x", "a|b", "person-x_a_7cb"),
     InlineData("admin", "\u00e9 (admin)", "admin__c3_a9_20_28admin_29"), InlineData("x", "", null)]
    public void Names_HaveTheSubject_AndNothingThatRecordsReadOtherwise(string shown, string subject, string? name) =>
        Assert.Equal(name, SubjectName.Of(shown, subject));

    [Fact]
    public void Options_NameTheFieldAndTheRule()
    {
        var bad = issuer.Options with
        {
            Issuer = "http://x", ClientId = "", SessionLimit = TimeSpan.FromHours(9),
            Grants = new Dictionary<string, GroupGrant>
            {
                ["a"] = new() { Role = "root", Scope = ["x"] }, ["b"] = new() { Group = "g", Role = "viewer", Scope = ["profile=web"] },
            },
        };
        Assert.Equal(["o.issuer", "o.clientId", "o.sessionLimit", "o.grants.a.group", "o.grants.a.role", "o.grants.a.scope",
            "o.grants.b.scope"],
            bad.Problems("o").Select(p => p.Field));
        Assert.Empty(issuer.Options.Problems("o"));
    }

    private async Task Refused(string token, string rule)
    {
        var fault = await Assert.ThrowsAsync<FaultException>(async () => await Verify(token));
        Assert.Contains(rule, fault.Message, StringComparison.Ordinal);
    }

    private void Use(IdentityProviderOptions options)
    {
        keys?.Dispose();
        keys = new IssuerKeys(options, clock);
        tokens = new IdentityTokens(options, keys, clock);
    }

    private JsonObject Claims(params string[] groups) => issuer.Claims(clock.GetUtcNow(), groups);

    private async Task<IdentifiedPeer> Verify(string token)
    {
        using var console = X509CertificateLoader.LoadCertificateFromFile(pki.Files("console").Certificate);
        return await tokens.Verify(console, token, default);
    }

    /// <summary>One that is set to another time, while its timestamps go on.</summary>
    private sealed class SteppedClock() : FakeTimeProvider(System.GetUtcNow())
    {
        public TimeSpan Step { get; set; }

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + Step;

        public override long GetTimestamp() => base.GetUtcNow().Ticks;
    }
}
