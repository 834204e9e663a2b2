using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Microsoft.Extensions.Time.Testing;
using Overture.Platform.Connections;
using Overture.Platform.Faults;
using Overture.Platform.Rpc;
using Overture.Platform.Tls;
using Overture.TestSupport;
using Delegation = Overture.Protos.Delegation;

namespace Overture.Platform.Tests;

/// <summary>Who a console may act for: every way in which a delegation is not good, and that a good one is the person's.</summary>
public sealed class DelegationTests : IDisposable
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    private readonly TestPki pki = new();
    private readonly FakeTimeProvider clock = new(TimeProvider.System.GetUtcNow());
    private readonly RevokedPeers revoked = new();
    private readonly Delegations delegations;

    public DelegationTests()
    {
        pki.Issue("jo", Role.Operator, "profile=web");
        delegations = new Delegations(new PeerCertificates(pki.Files("conductor"), clock), revoked, clock);
    }

    public void Dispose() => pki.Dispose();

    [Fact]
    public void Good_IsThePerson_WithRoleScopeAndTheWay()
    {
        var jo = Verify(Of("jo"));
        Assert.Equal(("jo", "jo (operator), by console", "profile=web", true),
            (jo.Peer.Name, jo.Peer.Caller, $"{jo.Peer.Scope}", jo.Peer.IsPerson));
        Assert.Equal([Role.Operator], jo.Peer.Roles);
        Assert.Equal("viewer (by console)", Verify(Of("viewer")).Peer.Caller);
    }

    public static TheoryData<string, string> Bad => new()
    {
        { "nothing", "can't be read" }, { "noise", "can't be read" }, { "long", "more than 8192 bytes" },
        { "another console", "for another console" },
        { "no nonce", "lacks a part" }, { "no end", "lacks a part" }, { "parts of a second", "lacks a part" },
        { "later end", "is not signed by the key" }, { "other nonce", "is not signed by the key" },
        { "no signature", "is not signed by the key" },
        { "another's certificate", "is not signed by the key" }, { "of another CA", "our CA did not sign" },
        { "the CA itself", "has other roles" },
        { "a hook's", "has other roles" }, { "a service's", "has other roles" }, { "a console's", "has other roles" },
        { "nine hours", "more than 8 hours ahead" },
    };

    [Theory, MemberData(nameof(Bad))]
    public void Bad_IsRefused_WithItsRule(string how, string rule)
    {
        var good = Of("jo");
        byte[] bytes = how switch
        {
            "nothing" => [],
            "noise" => [0xff, 0x01, 0x02],
            "long" => new byte[8193],
            "another console" => Of("jo", console: "classifier").ToByteArray(),
            "no nonce" => Changed(good, d => d.Nonce = ByteString.Empty),
            "no end" => Changed(good, d => d.Until = null),
            "parts of a second" => Changed(good, d => d.Until.Nanos = 1),
            "later end" => Changed(good, d => d.Until.Seconds++),
            "other nonce" => Changed(good, d => d.Nonce = ByteString.CopyFrom(new byte[16])),
            "no signature" => Changed(good, d => d.Signature = ByteString.Empty),
            "another's certificate" => Changed(good, d => d.Certificate = Of("admin").Certificate),
            "of another CA" => OfAnotherCa(),
            "the CA itself" => Changed(good, d => d.Certificate = ByteString.CopyFrom(Certificate("ca").RawData)),
            "a hook's" => Of("enc").ToByteArray(),
            "a service's" => Of("classifier").ToByteArray(),
            "a console's" => Of("console").ToByteArray(),
            _ => Of("jo", until: clock.GetUtcNow() + TimeSpan.FromHours(9)).ToByteArray(),
        };
        var fault = Assert.Throws<FaultException>(() => delegations.Verify(Certificate("console"), bytes));
        Assert.Equal((FaultKind.Denied, Reason.DelegationInvalid), (fault.Kind, fault.Reason));
        Assert.Contains(rule, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Once_Good_EndsWithItsTime()
    {
        var good = Of("jo");
        Verify(good);
        clock.Advance(Hour + TimeSpan.FromSeconds(1));
        Assert.Contains("ended at", Assert.Throws<FaultException>(() => Verify(good)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Once_Good_EndsWithItsCertificate()
    {
        var good = Of("jo", until: clock.GetUtcNow() + TimeSpan.FromHours(24 + 1));
        // A day, as TestPki issues it.
        clock.Advance(TimeSpan.FromHours(24) + TimeSpan.FromSeconds(1));
        Assert.Equal(Reason.CertificateNotValid, Assert.Throws<FaultException>(() => Verify(good)).Reason);
    }

    [Fact]
    public void Once_Good_EndsWithTheCaAboveIt()
    {
        var jo = Verify(Of("jo"));
        using var ca = Certificate("ca");
        Assert.Equal((new DateTimeOffset(ca.NotBefore), new DateTimeOffset(ca.NotAfter)), jo.Issuers);
        var now = clock.GetUtcNow();
        var past = Assert.IsType<FaultException>(delegations.Problem(jo with { Issuers = (now.AddYears(-1), now.AddSeconds(-1)) }));
        var ahead = Assert.IsType<FaultException>(delegations.Problem(jo with { Issuers = (now.AddSeconds(1), now.AddYears(1)) }));
        Assert.Equal((Reason.CertificateNotValid, Reason.CertificateNotValid), (past.Reason, ahead.Reason));
        Assert.Contains("CA certificates above", past.Message, StringComparison.Ordinal);
        Assert.Equal(now.AddMinutes(1), (jo with { Issuers = (now, now.AddMinutes(1)) }).End);
    }

    [Fact]
    public void Claims_AndSignature_AreAskedBeforeTheCa()
    {
        using var other = new TestPki();
        other.Issue("jo", Role.Admin);
        using var jo = X509Certificate2.CreateFromPemFile(other.Files("jo").Certificate, other.Files("jo").Key);
        using var hook = X509Certificate2.CreateFromPemFile(other.Files("enc").Certificate, other.Files("enc").Key);
        var console = SHA256.HashData(Certificate("console").RawData);
        var unsigned = DelegationStatement.Sign(jo, console, clock.GetUtcNow() + Hour, new byte[16]);
        unsigned.Signature = ByteString.Empty;
        Assert.Contains("is not signed", Assert.Throws<FaultException>(() => Verify(unsigned)).Message, StringComparison.Ordinal);
        var ofHook = DelegationStatement.Sign(hook, console, clock.GetUtcNow() + Hour, new byte[16]);
        Assert.Contains("has other roles", Assert.Throws<FaultException>(() => Verify(ofHook)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ManyAtOnce_AreRefused_AndTheOthersGoOn()
    {
        const int Waiting = 32, More = 8;
        using var held = new HeldClock(clock);
        var slow = new Delegations(new PeerCertificates(pki.Files("conductor"), clock), revoked, held);
        var (good, refused) = (0, 0);
        var threads = Enumerable.Range(0, Waiting + More).Select(_ => (Bytes: Of("jo").ToByteArray(), Console: Certificate("console")))
            .Select(d => new Thread(() =>
            {
                try
                {
                    slow.Verify(d.Console, d.Bytes);
                    Interlocked.Increment(ref good);
                }
                catch (FaultException e) when ((e.Kind, e.Reason) == (FaultKind.Unavailable, Reason.RateLimited))
                {
                    Interlocked.Increment(ref refused);
                }
            })).ToList();
        threads.ForEach(t => t.Start());
        try
        {
            await Eventually.True(() => Volatile.Read(ref refused) == More, "those above the limit are refused");
        }
        finally
        {
            held.Go();
            threads.ForEach(t => t.Join());
        }
        Assert.Equal((Waiting, More), (good, refused));
    }

    [Fact]
    public void Once_Good_EndsWithItsRevocation()
    {
        var good = Of("jo");
        Verify(good);
        revoked.Take([pki.SerialOf("jo")]);
        Assert.Equal(Reason.CertificateRevoked, Assert.Throws<FaultException>(() => Verify(good)).Reason);
    }

    private Delegation Of(string person, DateTimeOffset? until = null, string console = "console") =>
        TestDelegation.Of(pki, person, until ?? clock.GetUtcNow() + Hour, console);

    private byte[] OfAnotherCa()
    {
        using var other = new TestPki();
        other.Issue("jo", Role.Admin);
        return DelegationStatement.Sign(X509Certificate2.CreateFromPemFile(other.Files("jo").Certificate, other.Files("jo").Key),
            SHA256.HashData(Certificate("console").RawData), clock.GetUtcNow() + Hour, new byte[16]).ToByteArray();
    }

    private static byte[] Changed(Delegation good, Action<Delegation> change)
    {
        change(good);
        return good.ToByteArray();
    }

    private CertifiedPeer Verify(Delegation delegation) => delegations.Verify(Certificate("console"), delegation.ToByteArray());

    private X509Certificate2 Certificate(string party) => X509CertificateLoader.LoadCertificateFromFile(pki.Files(party).Certificate);

    // Each look waits in it.
    private sealed class HeldClock(TimeProvider clock) : TimeProvider, IDisposable
    {
        private readonly ManualResetEventSlim go = new();

        public void Go() => go.Set();

        public override DateTimeOffset GetUtcNow()
        {
            go.Wait();
            return clock.GetUtcNow();
        }

        public void Dispose() => go.Dispose();
    }
}
