using System.Security.Cryptography.X509Certificates;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using Overture.Platform.Faults;
using Overture.Platform.Tls;

namespace Overture.Platform.Rpc;

/// <summary>
/// Verifies ID tokens of the identity provider at each call: issued to our console for this very console's certificate, signed by a key
/// that the provider publishes now, not too old, and of a group that is granted something here. Nothing that a console says is believed.
/// </summary>
public sealed class IdentityTokens(IdentityProviderOptions options, IssuerKeys keys, TimeProvider clock)
{
    /// <summary>Asymmetric ones: with a shared secret, who verifies could sign as well.</summary>
    public static readonly IReadOnlyList<string> Algorithms =
        ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"];

    private const int Largest = 6 * 1024;
    private const string NoKey = "is not signed by a key that the provider publishes";
    private static readonly TimeSpan Skew = TimeSpan.FromMinutes(1);
    private readonly JsonWebTokenHandler handler = new() { MapInboundClaims = false };
    private readonly BarredSubjects barred = new(options, clock);

    /// <param name="console">What the peer showed in the handshake, or what this process would show to others.</param>
    /// <exception cref="FaultException">DELEGATION_INVALID: it is not good here, or no longer. IDENTITY_PROVIDER_UNAVAILABLE: the keys are
    /// not known.</exception>
    public async ValueTask<IdentifiedPeer> Verify(X509Certificate2 console, string text, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (!options.IsOn)
            throw Invalid("is of an identity provider, and none is configured here (openIdConnect.issuer)");
        // 1. What costs nothing: its form, and for whom it says it is.
        var token = Parse(text);
        if (!Algorithms.Contains(token.Alg) || token.Typ is not (null or "" or "JWT"))
            throw Invalid("is not a JWT signed by one of " + string.Join(", ", Algorithms));
        if (token.Issuer != options.Issuer)
            throw Invalid("is of another issuer");
        if (token.Audiences.ToList() is not [var audience] || audience != options.ClientId
            || (token.TryGetPayloadValue<string>("azp", out var party) && party != options.ClientId))
        {
            throw Invalid("is for another audience, or for several");
        }
        if (!token.TryGetPayloadValue<string>("nonce", out var nonce) || nonce is null
            || ConsoleNonce.SessionOf(nonce, console) is not { } session)
        {
            throw Invalid("was issued for another console, or for this one's certificate before its renewal");
        }
        // 2. The provider's word.
        var (key, wrong) = await KeyOf(token, (await keys.GetConfigurationAsync(cancel)).SigningKeys);
        if (wrong is SecurityTokenSignatureKeyNotFoundException)
            (key, _) = await KeyOf(token, (await keys.Again(cancel)).SigningKeys);
        if (key is null)
            throw Invalid(NoKey);
        // 3. Who it is, and what that is worth here.
        var peer = Peer(token, key, session);
        return Problem(peer) is { } problem ? throw problem : peer;
    }

    /// <returns>Null: it is good now. Else the error that a call gets.</returns>
    public FaultException? Problem(IdentifiedPeer peer)
    {
        ArgumentNullException.ThrowIfNull(peer);
        var now = clock.GetUtcNow();
        if (now >= peer.Until)
            return Invalid($"ended at {peer.Until:yyyy-MM-dd HH:mm:ss}Z, and it is {now:yyyy-MM-dd HH:mm:ss}Z here");
        if (peer.From > now + Skew)
            return Invalid($"is good from {peer.From:yyyy-MM-dd HH:mm:ss}Z, and it is {now:yyyy-MM-dd HH:mm:ss}Z here: check the clocks");
        if (keys.Publishes(peer.Key) is not { } published)
            return keys.Unknown();
        if (!published)
            return Invalid(NoKey);
        return barred.Problem(peer.Subject) is { } rule
            ? new(FaultKind.Denied, Reason.DelegationInvalid, $"{peer.Peer.Name} {rule}") : null;
    }

    private static JsonWebToken Parse(string text)
    {
        if (text.Length > Largest)
            throw Invalid($"has more than {Largest} bytes");
        try
        {
            return new JsonWebToken(text);
        }
        catch (Exception e) when (e is ArgumentException or SecurityTokenException)
        {
            throw Invalid("can't be read");
        }
    }

    // Thumbprint of the key that signed it; null: see the other.
    private async Task<(string? Key, Exception? Wrong)> KeyOf(JsonWebToken token, IEnumerable<SecurityKey> published)
    {
        var result = await handler.ValidateTokenAsync(token, new TokenValidationParameters
        {
            ValidIssuer = options.Issuer, ValidAudience = options.ClientId, ValidAlgorithms = Algorithms, IssuerSigningKeys = published,
            RequireSignedTokens = true, ValidateIssuerSigningKey = true,
            ValidateLifetime = false, // asked at each call, by our clock
        });
        return result.IsValid ? (IssuerKeys.Thumbprint(result.SecurityToken.SigningKey), null) : (null, result.Exception);
    }

    private IdentifiedPeer Peer(JsonWebToken token, string key, string session)
    {
        if (!token.TryGetPayloadValue<long>("iat", out var issued) || !token.TryGetPayloadValue<long>("exp", out var expires)
            || Time(issued) is not { } from || Time(expires) is not { } until)
        {
            throw Invalid("does not say from when to when it is good");
        }
        token.TryGetPayloadValue<string>(options.NameClaim, out var shown);
        if (SubjectName.Of(shown ?? "", token.Subject ?? "") is not { } name)
            throw Invalid("has no subject, or one that is too long");
        var groups = token.Claims.Where(c => c.Type == options.GroupsClaim).Select(c => c.Value).ToHashSet(StringComparer.Ordinal);
        var grant = options.Grants.OrderBy(g => g.Key, StringComparer.Ordinal).Select(g => g.Value)
            .FirstOrDefault(g => groups.Contains(g.Group))
            ?? throw new FaultException(FaultKind.Denied, Reason.DelegationInvalid, $"{name} is in no group that may do anything here "
                + $"(openIdConnect.grants; the token's claim {options.GroupsClaim} has {groups.Count})");
        var scope = Scope.Parse(grant.Scope, out var rule);
        if (!RoleNames.TryParse(grant.Role, out var role) || rule is not null)
            throw Invalid("is of a group whose grant is not good (openIdConnect.grants)");
        var longest = from + options.SessionLimit;
        if (token.TryGetPayloadValue<long>("nbf", out var begins) && Time(begins) is { } later && later > from)
            from = later;
        return new IdentifiedPeer(new PeerIdentity(name, new HashSet<Role> { role })
        {
            IsPerson = true, Scope = scope, Through = Delegations.Through,
        }, token.Subject!, key, from, until < longest ? until : longest, session);
    }

    private static DateTimeOffset? Time(long seconds) =>
        seconds is >= 0 and < 253_402_300_799 ? DateTimeOffset.FromUnixTimeSeconds(seconds) : null;

    private static FaultException Invalid(string rule) =>
        new(FaultKind.Denied, Reason.DelegationInvalid, $"the identity token {rule}: sign in again");
}
