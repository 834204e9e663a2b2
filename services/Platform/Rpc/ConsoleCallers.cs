using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Microsoft.Extensions.DependencyInjection;
using Overture.Platform.Faults;
using Overture.Platform.Tls;
using Delegation = Overture.Protos.Delegation;

namespace Overture.Platform.Rpc;

/// <summary>For whom a console calls: by what the person's key signed, or by what the identity provider did.</summary>
public sealed class ConsoleCallers(Delegations delegations, IdentityTokens tokens)
{
    /// <param name="console">What the peer showed in the handshake, or what this process would show to others.</param>
    /// <param name="brought">A <see cref="Delegation"/> in protobuf's encoding.</param>
    /// <param name="cancel">Of the call.</param>
    /// <exception cref="FaultException">As of <see cref="Delegations.Verify"/> and <see cref="IdentityTokens.Verify"/>.</exception>
    public async ValueTask<DelegatedPeer> Of(X509Certificate2 console, byte[] brought, CancellationToken cancel) =>
        TokenOf(brought) is { } token ? await tokens.Verify(console, token, cancel) : delegations.Verify(console, brought);

    /// <returns>Null: it is good now. Else the error that a call gets.</returns>
    public FaultException? Problem(DelegatedPeer peer) => peer switch
    {
        CertifiedPeer certified => delegations.Problem(certified),
        IdentifiedPeer identified => tokens.Problem(identified),
        _ => throw new ArgumentOutOfRangeException(nameof(peer)),
    };

    /// <summary>What a console brings of a person of the identity provider.</summary>
    public static byte[] Encode(string idToken) => new Delegation { IdToken = idToken }.ToByteArray();

    private static string? TokenOf(byte[] brought)
    {
        if (brought.Length > Delegations.Largest)
            return null;
        try
        {
            // With anything else beside it, it is for the other to refuse: there are not two ways in one.
            return Delegation.Parser.ParseFrom(brought) is { IdToken: { Length: > 0 } token } read
                && read.Equals(new Delegation { IdToken = token }) ? token : null;
        }
        catch (InvalidProtocolBufferException)
        {
            return null;
        }
    }
}

/// <summary>Registration; it wants PeerCertificates, RevokedPeers and the clock.</summary>
public static class ConsoleCallersModule
{
    public static IServiceCollection AddConsoleCallers(this IServiceCollection services, IdentityProviderOptions options) =>
        services.AddSingleton(options).AddSingleton<IssuerKeys>().AddSingleton<IdentityTokens>().AddSingleton<Delegations>()
            .AddSingleton<ConsoleCallers>();
}
