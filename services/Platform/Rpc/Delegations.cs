using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Overture.Platform.Certificates;
using Overture.Platform.Connections;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Tls;
using Delegation = Overture.Protos.Delegation;

namespace Overture.Platform.Rpc;

/// <summary>
/// Verifies delegations (<see cref="DelegationStatement"/>): the person's certificate is held to what a handshake would ask of it, since
/// it grants as much.
/// </summary>
public sealed class Delegations(PeerCertificates trust, RevokedPeers revoked, TimeProvider clock)
{
    /// <summary>How records name what a person did by way of one.</summary>
    public const string Through = "by console";

    internal const int Largest = 8 * 1024;
    private const int Remembered = 1_000, FingerprintLength = 32;
    private const int MostWaiting = 32;
    private const string ClientAuth = "1.3.6.1.5.5.7.3.2";
    private static readonly TimeSpan Skew = TimeSpan.FromMinutes(5);
    private static readonly Role[] OfPeople = [Role.Admin, Role.Operator, Role.Viewer];

    // A signature and a chain are looked at once; time and revocation at each call.
    private readonly BoundedCache<string, CertifiedPeer> known = new(Remembered);
    // What was not seen before costs the arithmetic of keys that the sender chose: some at once, and a few that wait for them.
    private readonly Lock[] turns = [new(), new(), new(), new()];
    private int asking;

    /// <param name="console">What the peer showed in the handshake, or what this process would show to others.</param>
    /// <param name="encoded">A <see cref="Delegation"/> in protobuf's encoding.</param>
    /// <exception cref="FaultException">DELEGATION_INVALID: it is none, or no longer. CERTIFICATE_NOT_VALID, CERTIFICATE_REVOKED: of the
    /// person's certificate. RATE_LIMITED: too many are looked at just now.</exception>
    public CertifiedPeer Verify(X509Certificate2 console, ReadOnlySpan<byte> encoded)
    {
        ArgumentNullException.ThrowIfNull(console);
        if (encoded.Length > Largest)
            throw Invalid($"has more than {Largest} bytes");
        // 1. Whose it is: signature and chain do not change, as long as our roots do not.
        var fingerprint = SHA256.HashData(console.RawDataMemory.Span);
        var key = $"{trust.Current.Stamp}|{Convert.ToHexStringLower(fingerprint)}|{Convert.ToHexStringLower(SHA256.HashData(encoded))}";
        if (!known.TryGet(key, out var delegated))
            known.Add(key, delegated = InTurn(fingerprint, encoded));
        // 2. What changes by itself.
        return Problem(delegated) is { } problem ? throw problem : delegated;
    }

    /// <returns>Null: it is good now. Else the error that a call gets.</returns>
    public FaultException? Problem(CertifiedPeer delegated)
    {
        ArgumentNullException.ThrowIfNull(delegated);
        var now = clock.GetUtcNow();
        if (now >= delegated.Until)
            return Invalid($"ended at {delegated.Until:yyyy-MM-dd HH:mm:ss}Z, and it is {now:yyyy-MM-dd HH:mm:ss}Z here");
        if (delegated.Until > now + DelegationStatement.Longest + Skew)
            return Invalid($"ends at {delegated.Until:yyyy-MM-dd HH:mm:ss}Z, more than {DelegationStatement.Longest.TotalHours} hours ahead");
        if (CertificateTerm.Problem(delegated.Certificate, now) is { } term)
            return CertificateTerm.Fault(term.Sentence);
        if (now < delegated.Issuers.From || now > delegated.Issuers.Until)
        {
            return CertificateTerm.Fault($"the CA certificates above the client certificate (serial {delegated.Certificate.SerialNumber}) are "
                + $"valid from {delegated.Issuers.From.UtcDateTime:s}Z until {delegated.Issuers.Until.UtcDateTime:s}Z, and it is "
                + $"{now.UtcDateTime:s}Z here: renew the internal CA, or check both clocks");
        }
        return revoked.Problem(delegated.Certificate) is { } sentence ? RevokedPeers.Fault(sentence) : null;
    }

    /// <summary>The error of a peer that sends one and is no console.</summary>
    public static FaultException NoConsole(PeerIdentity peer) =>
        new(FaultKind.Denied, Reason.DelegationInvalid, $"{peer.Caller} is no console, so it may not act for another");

    private CertifiedPeer InTurn(byte[] fingerprint, ReadOnlySpan<byte> encoded)
    {
        try
        {
            var mine = Interlocked.Increment(ref asking);
            if (mine > MostWaiting)
                throw new FaultException(FaultKind.Unavailable, Reason.RateLimited, "too many sign-ins are verified just now: try again");
            lock (turns[mine % turns.Length])
                return Read(fingerprint, encoded);
        }
        finally
        {
            Interlocked.Decrement(ref asking);
        }
    }

    private CertifiedPeer Read(byte[] fingerprint, ReadOnlySpan<byte> encoded)
    {
        Delegation delegation;
        X509Certificate2 person;
        try
        {
            delegation = Delegation.Parser.ParseFrom(encoded);
            person = X509CertificateLoader.LoadCertificate(delegation.Certificate.Span);
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or CryptographicException)
        {
            throw Invalid("can't be read");
        }
        // Fixed lengths first: without them two statements could read the same.
        if (delegation.ConsoleSha256.Length != FingerprintLength || delegation.Nonce.Length != DelegationStatement.NonceLength
            || delegation.Until is null || delegation.Until.Nanos != 0)
        {
            throw Invalid("lacks a part");
        }
        if (!delegation.ConsoleSha256.Span.SequenceEqual(fingerprint))
            throw Invalid("is for another console, or for this one's certificate before its renewal");
        // From cheap to dear: who it says it is, by its own key, and only then whether that is of our CA.
        var peer = PeerIdentity.Of(person);
        if (peer.Problem.Length > 0)
            throw Invalid($"comes with a certificate that {peer.Problem}");
        if (peer.Roles.Count == 0 || !peer.Roles.All(OfPeople.Contains))
            throw Invalid("comes with a certificate that has other roles than admin, operator and viewer");
        if (!IsSigned(delegation, person))
            throw Invalid("is not signed by the key of its certificate");
        if (Issuers(person) is not { } issuers)
            throw Invalid("comes with a certificate that our CA did not sign for a client");
        return new CertifiedPeer(peer with { Through = Through }, person, Until(delegation),
            Convert.ToHexStringLower(delegation.Nonce.Span), issuers);
    }

    private static DateTimeOffset Until(Delegation delegation) => MessageTimes.Read(delegation.Until, "delegation.until")!.Value;

    // As in a handshake: a chain to our root, and signed by one of our CAs itself. Null: it is not; else when all above it are good.
    private (DateTimeOffset From, DateTimeOffset Until)? Issuers(X509Certificate2 person)
    {
        var current = trust.Current;
        if (!current.Issuers.Any(i => SignatureScheme.IsClientOf(person, i)))
            return null;
        using var chain = new X509Chain { ChainPolicy = current.Policy() };
        chain.ChainPolicy.ExtraStore.AddRange(current.Issuers.ToArray());
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(ClientAuth));
        // When it is good is asked at each call, with a message of its own.
        chain.ChainPolicy.VerificationFlags = X509VerificationFlags.IgnoreNotTimeValid;
        chain.ChainPolicy.VerificationTime = clock.GetUtcNow().UtcDateTime;
        if (!chain.Build(person))
            return null;
        var above = chain.ChainElements.Skip(1).Select(e => e.Certificate).ToList();
        return (above.Max(c => new DateTimeOffset(c.NotBefore)), above.Min(c => new DateTimeOffset(c.NotAfter)));
    }

    private static bool IsSigned(Delegation delegation, X509Certificate2 person)
    {
        try
        {
            return DelegationStatement.IsSignedBy(delegation, person);
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    private static FaultException Invalid(string rule) =>
        new(FaultKind.Denied, Reason.DelegationInvalid, $"the delegation {rule}: sign in again (overture ui)");
}
