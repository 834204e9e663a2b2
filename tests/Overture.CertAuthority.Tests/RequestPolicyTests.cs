using System.Net;
using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.Csr;
using Overture.CertAuthority.Policy;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>The policy, one fact changed at a time.</summary>
public sealed class RequestPolicyTests
{
    private static readonly CertName Name = CertName.Parse("0af76519-16cd-43dd-8448-eb211c80319c");
    private static readonly DateTimeOffset Now = new(2026, 11, 22, 12, 0, 0, TimeSpan.Zero);
    private static readonly LeafLives Lives = new(TimeSpan.FromDays(1825), TimeSpan.FromDays(180));
    private static readonly SubjectKey Key = new(KeyKind.Ec, "P-256", new byte[] { 1 }, new byte[] { 1 });

    [Fact]
    public void Decide_AllGood_Signs()
    {
        var verdict = RequestPolicy.Decide(Good(), Lives);
        Assert.Equal((Outcome.Sign, Reason.TokenAccepted), (verdict.Outcome, verdict.Reason));
        Assert.All(verdict.Checks, c => Assert.True(c.Passed, c.Name));
        Assert.Equal(("launch", 1825L * 86400), (verdict.Grant!.Source, verdict.Grant.LifeSeconds));
    }

    [Fact]
    public void Decide_RenewingAgent_GetsTheShortLife() =>
        Assert.Equal(
            180L * 86400, RequestPolicy.Decide(Good() with { Request = Request() with { Renews = true } }, Lives).Grant!.LifeSeconds);

    [Theory]
    [InlineData(-1, Reason.TokenAccepted), InlineData(0, Reason.TokenExpired), InlineData(1, Reason.TokenExpired)]
    public void Decide_AroundTheDeadline(int seconds, Reason expected) =>
        Assert.Equal(expected, RequestPolicy.Decide(Good() with { Now = Now.AddHours(1).AddSeconds(seconds) }, Lives).Reason);

    [Theory]
    [InlineData(-299, Reason.TokenAccepted), InlineData(-301, Reason.NotYetValid)]
    public void Decide_BeforeTheLaunch_AllowsForSkew(int seconds, Reason expected) =>
        Assert.Equal(expected, RequestPolicy.Decide(Good() with { Now = Now.AddSeconds(seconds) }, Lives).Reason);

    [Theory]
    [InlineData("RIGHT"), InlineData("righ"), InlineData("rightright"), InlineData("right="), InlineData(" right"), InlineData("right ")]
    public void Decide_NearlyTheToken_IsMismatch(string token) =>
        Refused(Reason.TokenMismatch, Good() with { Request = Request() with { ChallengeSha256 = EnrollmentToken.Hash(token) } });

    [Fact]
    public void Decide_NoToken_IsMissing() =>
        Refused(Reason.TokenMissing, Good() with { Request = Request() with { ChallengeSha256 = null } });

    [Fact]
    public void Decide_TokenHashAsToken_IsMismatch() => Refused(Reason.TokenMismatch,
        Good() with { Request = Request() with { ChallengeSha256 = EnrollmentToken.Hash(EnrollmentToken.Hash("right")) } });

    [Fact]
    public void Decide_Unregistered_IsUnknown() => Refused(Reason.NodeUnknown, Good() with { Registered = false, Launch = null });

    [Fact]
    public void Decide_UnsignedLaunch_IsNotBelieved() => Refused(Reason.LaunchSignature, Good() with { Launch = null });

    [Fact]
    public void Decide_Ending_IsBlocked() => Refused(Reason.NameBlocked, Good() with { Status = new(true, []) });

    [Theory]
    [InlineData(BlockKind.Revoked), InlineData(BlockKind.Contested), InlineData(BlockKind.Terminated), InlineData(BlockKind.Quarantined)]
    public void Decide_AnyBlock_IsBlocked(BlockKind kind) =>
        Refused(Reason.NameBlocked, Good() with { Status = new(false, [new Block { Kind = kind }]) });

    [Fact]
    public void Decide_OtherKeyBeforeConverged_IsConflict() =>
        Refused(Reason.TokenConflict, Good() with { Claim = new Claim { SpkiSha256 = "another" } });

    [Fact]
    public void Decide_OtherKeyAfterTheDeadline_StillTellsOfTheThief() =>
        Refused(Reason.TokenConflict, Good() with { Claim = new Claim { SpkiSha256 = "another" }, Now = Now.AddDays(9) });

    [Fact]
    public void Decide_OtherKeyAfterConverged_IsSpent() =>
        Refused(Reason.TokenSpent, Good() with { Claim = new Claim { SpkiSha256 = "another" }, Converged = true });

    [Fact]
    public void Decide_OtherKeyWithWrongToken_ContestsNothing() =>
        Refused(Reason.TokenMismatch, Good() with { Claim = new Claim { SpkiSha256 = "another" },
            Request = Request() with { ChallengeSha256 = EnrollmentToken.Hash("wrong") } });

    [Fact]
    public void Decide_SameKeyAfterTheDeadline_GoesOn() =>
        Assert.Equal(Reason.SameKey,
            RequestPolicy.Decide(Good() with { Claim = new Claim { SpkiSha256 = $"{Key.Hash}" }, Now = Now.AddDays(9) }, Lives).Reason);

    [Fact]
    public void Decide_RegistryLevel_NeedsNoToken()
    {
        var context = Good(l => l.Attestation = Attestation.Registry) with { Request = Request() with { ChallengeSha256 = null } };
        Assert.Equal((Outcome.Sign, Reason.RegistryOnly), RequestPolicy.Decide(context, Lives) is var v ? (v.Outcome, v.Reason) : default);
        // Anyone who knows the name can bring a second key; that must not revoke the first.
        Refused(Reason.TokenSpent, context with { Claim = new Claim { SpkiSha256 = "another" } });
    }

    [Theory]
    [InlineData(Attestation.Source, "127.0.0.5", "running", 0, nameof(Outcome.Sign), Reason.TokenAccepted)]
    [InlineData(Attestation.Source, "::ffff:127.0.0.5", "running", 0, nameof(Outcome.Sign), Reason.TokenAccepted)]
    [InlineData(Attestation.Source, "127.0.0.6", "running", 0, nameof(Outcome.Refuse), Reason.SourceMismatch)]
    [InlineData(Attestation.Source, null, "running", 0, nameof(Outcome.Refuse), Reason.SourceMismatch)]
    [InlineData(Attestation.Source, "127.0.0.5", "running", 31, nameof(Outcome.Ask), Reason.InstanceUnconfirmed)]
    [InlineData(Attestation.Source, "127.0.0.5", "running", -31, nameof(Outcome.Ask), Reason.InstanceUnconfirmed)]
    [InlineData(Attestation.Provider, "127.0.0.5", "running", 30, nameof(Outcome.Sign), Reason.TokenAccepted)]
    [InlineData(Attestation.Provider, "127.0.0.5", "stopped", 0, nameof(Outcome.Refuse), Reason.InstanceNotRunning)]
    [InlineData(Attestation.Provider, "127.0.0.5", "gone", 0, nameof(Outcome.Refuse), Reason.InstanceNotRunning)]
    [InlineData(Attestation.Provider, "127.0.0.6", "running", 0, nameof(Outcome.Refuse), Reason.SourceMismatch)]
    [InlineData(Attestation.Token, "127.0.0.6", "stopped", 500, nameof(Outcome.Sign), Reason.TokenAccepted)]
    public void Decide_WhatTheProviderSays_CountsWhereTheLaunchDemandsIt(
        Attestation level, string? peer, string state, int age, string outcome, Reason reason)
    {
        var context =
            Good(l => l.Attestation = level) with { Peer = peer is null ? null : IPAddress.Parse(peer), Observed = Seen(state, age) };

        var verdict = RequestPolicy.Decide(context, Lives);

        Assert.Equal((outcome, reason), ($"{verdict.Outcome}", verdict.Reason));
    }

    [Theory]
    [InlineData(Attestation.Source), InlineData(Attestation.Provider)]
    public void Decide_NobodyHasLooked_Asks(Attestation level) =>
        Assert.Equal(Outcome.Ask, RequestPolicy.Decide(Good(l => l.Attestation = level) with { Peer = IPAddress.Loopback }, Lives).Outcome);

    [Fact]
    public void Decide_AnotherAccountsInstance_IsRefused() =>
        Refused(Reason.InstanceNotRunning, Good(l => (l.Attestation, l.Account) = (Attestation.Provider, "mine"))
            with { Peer = IPAddress.Parse("127.0.0.5"), Observed = Seen("running", 0) });

    [Fact]
    public void Decide_WrongTokenAndNobodyHasLooked_AsksNobody() =>
        Refused(Reason.TokenMismatch, Good(l => l.Attestation = Attestation.Provider)
            with { Request = Request() with { ChallengeSha256 = EnrollmentToken.Hash("wrong") } });

    [Fact]
    public void Decide_UnknownLevel_IsRefused() => Refused(Reason.SourceMismatch, Good(l => l.Attestation = (Attestation)99));

    [Fact]
    public void Decide_TokenLevelFromElsewhere_WritesTheAddressesDown()
    {
        var verdict = RequestPolicy.Decide(Good() with { Peer = IPAddress.Parse("127.0.0.6"), Observed = Seen("running", 0) }, Lives);
        Assert.Equal("127.0.0.6, while the instance has 127.0.0.5", Assert.Single(verdict.Checks, c => c.Name == "peer").Observed);
    }

    [Theory]
    [InlineData(true, nameof(Outcome.Malformed), Reason.KeyBlocked), InlineData(false, nameof(Outcome.Sign), Reason.TokenAccepted)]
    public void Decide_KeyRevokedAsCompromised_IsRefusedEverywhere(bool blocked, string outcome, Reason reason)
    {
        var verdict = RequestPolicy.Decide(Good() with { KeyBlocked = blocked }, Lives);
        Assert.Equal((outcome, reason), ($"{verdict.Outcome}", verdict.Reason));
    }

    [Fact]
    public void Decide_BlockedKeyWithWrongToken_HearsWhatEverybodyHears() =>
        Refused(Reason.TokenMismatch,
            Good() with { KeyBlocked = true, Request = Request() with { ChallengeSha256 = EnrollmentToken.Hash("wrong") } });

    public static TheoryData<string, bool, string, BlockKind?, bool, string, Reason> Unregistered => new()
    {
        // name, has a claim, by the same key, block, denied
        { "web1.example.org", false, "", null, false, nameof(Outcome.Hold), Reason.HeldForApproval },
        { "web1.example.org", true, "same", null, false, nameof(Outcome.Sign), Reason.SameKey },
        { "web1.example.org", true, "other", null, false, nameof(Outcome.Malformed), Reason.NameTaken },
        { "web1.example.org", false, "", null, true, nameof(Outcome.Refuse), Reason.RequestDenied },
        { "web1.example.org", false, "", BlockKind.Quarantined, false, nameof(Outcome.Refuse), Reason.NameBlocked },
        { "web1.example.org", true, "same", BlockKind.Contested, false, nameof(Outcome.Refuse), Reason.NameBlocked },
        { "web1.example.org", false, "", BlockKind.Revoked, false, nameof(Outcome.Hold), Reason.HeldForApproval },
        { "0af76519-16cd-43dd-8448-eb211c80319c", false, "", null, false, nameof(Outcome.Refuse), Reason.NodeUnknown },
        { "0af76519-16cd-43dd-8448-eb211c80319c", true, "same", null, false, nameof(Outcome.Sign), Reason.SameKey },
        { "0af76519-16cd-43dd-8448-eb211c80319c", true, "other", null, false, nameof(Outcome.Refuse), Reason.NodeUnknown },
    };

    [Theory, MemberData(nameof(Unregistered))]
    public void Decide_NameThatNobodyRegistered(
        string name, bool claimed, string key, BlockKind? block, bool denied, string outcome, Reason reason)
    {
        var context = new EnrollmentContext
        {
            Name = CertName.Parse(name),
            Request = Request() with { CommonName = name },
            Now = Now,
            Claim = claimed ? new Claim { SpkiSha256 = key == "same" ? $"{Key.Hash}" : "another",
                Grant = new Grant { Source = "approval by admin" } } : null,
            Status = new(false, block is { } kind ? [new Block { Kind = kind }] : []),
            Denial = denied ? new Denial { By = "admin", Reason = "no" } : null,
        };

        var verdict = RequestPolicy.Decide(context, Lives);

        Assert.Equal((outcome, reason), ($"{verdict.Outcome}", verdict.Reason));
        Assert.Equal(outcome == nameof(Outcome.Hold), verdict.Remedy.Length > 0);
    }

    [Theory]
    [InlineData("1.3.6.1.4.1.34380.1.3.39"), InlineData("2.5.29.19")]
    public void Decide_UngrantableGrant_IsRefused(string oid) => Refused(Reason.InvalidField, Good(l => l.Extensions.Add(oid, "true")));

    [Fact]
    public void Decide_NamesAndExtensions_MustBeTheGrants()
    {
        var granted = Good(l =>
        {
            l.DnsAltNames.Add("web.example.org");
            l.Extensions.Add("pp_role", "web");
        });
        Malformed(Reason.CsrSan, granted, Request() with { DnsNames = ["other.example.org"] });
        Malformed(Reason.CsrSan, granted, Request() with { DnsNames = ["web.example.org", "*.example.org"] });
        Malformed(Reason.CsrExtension, granted,
            Request() with { Extensions = new Dictionary<string, string> { ["1.3.6.1.4.1.34380.1.1.13"] = "Web" } });
        Malformed(Reason.CsrExtension, granted,
            Request() with { Extensions = new Dictionary<string, string> { ["1.3.6.1.4.1.34380.1.1.14"] = "web" } });
        var exact = Request() with { DnsNames = [Name.ToString(), "web.example.org"],
            Extensions = new Dictionary<string, string> { ["1.3.6.1.4.1.34380.1.1.13"] = "web" } };
        var verdict = RequestPolicy.Decide(granted with { Request = exact }, Lives);
        Assert.Equal(Outcome.Sign, verdict.Outcome);
        Assert.Equal("web", verdict.Grant!.Extensions["1.3.6.1.4.1.34380.1.1.13"]);
        // A second key that asks for what was granted is a theft, not an excess.
        Refused(Reason.TokenConflict, granted with { Request = exact, Claim = new Claim { SpkiSha256 = "another" } });
        // With a wrong token the same request is as malformed as a stranger's.
        Malformed(Reason.CsrSan, granted, exact with { ChallengeSha256 = EnrollmentToken.Hash("wrong") });
    }

    [Fact]
    public void Decide_OtherKeyAfterTheDeadline_IsStillAConflict() =>
        Refused(Reason.TokenConflict, Good() with { Claim = new Claim { SpkiSha256 = "another" }, Now = Now.AddDays(1) });

    [Fact]
    public void Decide_OtherKeyForAnyName_IsAConflictNotHeld() =>
        Refused(Reason.TokenConflict,
            Good() with { Name = CertName.Parse("web.example.org"), Claim = new Claim { SpkiSha256 = "another" } });

    [Fact]
    public void Decide_OtherNameThanUuid_IsHeld()
    {
        var context = new EnrollmentContext { Name = CertName.Parse("web.example.org"),
            Request = Request() with { CommonName = "web.example.org" }, Now = Now };
        Assert.Equal(
            (Outcome.Hold, Reason.HeldForApproval), RequestPolicy.Decide(context, Lives) is var v ? (v.Outcome, v.Reason) : default);
    }

    [Fact]
    public void Decide_Checks_HoldNoToken()
    {
        foreach (var token in new[] { "right", "wrong-secret" })
        {
            var text = RequestPolicy.Decide(
                Good() with { Request = Request() with { ChallengeSha256 = EnrollmentToken.Hash(token) } }, Lives).ToDecision().ToString();
            Assert.DoesNotContain($"\"{token}", text, StringComparison.Ordinal);
        }
    }

    private static void Refused(Reason reason, EnrollmentContext context)
    {
        var verdict = RequestPolicy.Decide(context, Lives);
        Assert.Equal((Outcome.Refuse, reason), (verdict.Outcome, verdict.Reason));
        Assert.NotEmpty(verdict.Sentence);
        Assert.Null(verdict.Grant);
        Assert.Contains(verdict.Checks, c => !c.Passed);
    }

    private static void Malformed(Reason reason, EnrollmentContext context, CsrFacts request)
    {
        var verdict = RequestPolicy.Decide(context with { Request = request }, Lives);
        Assert.Equal((Outcome.Malformed, reason), (verdict.Outcome, verdict.Reason));
    }

    private static Observation Seen(string state, int age) =>
        new() { At = Now.AddSeconds(-age).ToTimestamp(), State = state, Addresses = { "127.0.0.5" } };

    private static CsrFacts Request() => new() { CommonName = Name.ToString(), Key = Key, ChallengeSha256 = EnrollmentToken.Hash("right") };

    private static EnrollmentContext Good(Action<LaunchRecord>? change = null)
    {
        var launch = new LaunchRecord
        {
            Certname = Name.ToString(),
            NotBefore = Now.ToTimestamp(),
            Deadline = Now.AddHours(1).ToTimestamp(),
            TokenSha256 = EnrollmentToken.Hash("right"),
            Attestation = Attestation.Token,
        };
        change?.Invoke(launch);
        return new EnrollmentContext { Name = Name, Request = Request(), Registered = true, Launch = launch, Now = Now };
    }
}
