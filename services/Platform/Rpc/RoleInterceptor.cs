using System.Runtime.CompilerServices;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.AspNetCore.Http;
using Overture.Platform.Connections;
using Overture.Platform.Faults;
using Overture.Platform.Serving;
using Overture.Platform.Tls;

namespace Overture.Platform.Rpc;

/// <summary>
/// Holds every RPC against the <see cref="RoleTable"/>; who calls is known from the TLS handshake alone, and asked again whether that
/// certificate is still good, and not revoked. A console calls as the person whose delegation it brings (<see cref="ConsoleCallers"/>).
/// </summary>
public sealed class RoleInterceptor(RoleTable table, ServiceKeys keys, InternalCrls crls, RevokedPeers revoked, ConsoleCallers callers,
    TimeProvider clock)
    : Interceptor
{
    // A file of barred subjects says nothing when it changes.
    private static readonly TimeSpan Barring = TimeSpan.FromSeconds(10);

    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        await Check(context);
        return await continuation(request, context);
    }

    public override async Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context,
        ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        await Check(context);
        await continuation(request, responseStream, context);
    }

    public override async Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, ServerCallContext context,
        ClientStreamingServerMethod<TRequest, TResponse> continuation)
    {
        await Check(context);
        return await continuation(requestStream, context);
    }

    public override async Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, IServerStreamWriter<TResponse> responseStream, ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation)
    {
        await Check(context);
        await continuation(requestStream, responseStream, context);
    }

    // From here on the call is the person's: roles, scope, and the name in records.
    private async ValueTask<PeerIdentity> ActFor(PeerIdentity console, X509Certificate2 certificate,
        string brought, ServerCallContext context)
    {
        if (console.Problem.Length > 0 || !console.Roles.SetEquals([Role.Console]))
            throw Delegations.NoConsole(console);
        await crls.Known(context.CancellationToken);
        var delegated = await callers.Of(certificate, Bytes(brought), context.CancellationToken);
        if (delegated is CertifiedPeer certified)
            keys.Note(certified.Certificate);
        var http = context.GetHttpContext();
        http.Features.Set<DelegatedPeer>(delegated);
        CertificateTerm.Also(http, delegated.End, () => callers.Problem(delegated), delegated is IdentifiedPeer ? Barring : null);
        return delegated.Peer;
    }

    // gRPC's base64, which need not be padded. Of two headers, which come as one text with a comma, there is none to go by.
    private static byte[] Bytes(string text)
    {
        var bytes = new byte[text.Length];
        return Convert.TryFromBase64String(text.PadRight((text.Length + 3) / 4 * 4, '='), bytes, out var length) ? bytes[..length] : [];
    }

    private async ValueTask Check(ServerCallContext context)
    {
        var peer = context.Peer();
        if (context.GetHttpContext().Connection.ClientCertificate is { } certificate)
        {
            if (CertificateTerm.Problem(certificate, clock.GetUtcNow()) is { } over)
                throw CertificateTerm.Fault(over.Sentence);
            // What a service or a hook does must go on without the store; a person may wait for it.
            if (peer.IsPerson)
                await crls.Known(context.CancellationToken);
            if (revoked.Problem(certificate) is { } sentence)
                throw RevokedPeers.Fault(sentence);
            keys.Note(certificate);
            if (context.GetHttpContext().Request.Headers.TryGetValue(DelegationStatement.Header, out var brought))
                peer = await ActFor(peer, certificate, brought.ToString(), context);
        }
        if (peer.Problem.Length > 0)
            throw new FaultException(FaultKind.Denied, Reason.RoleMissing, $"the certificate of {peer.Name} {peer.Problem}");
        if (!table.Allows(context.Method, peer))
        {
            var needed = string.Join(" or ", table.RolesOf(context.Method).Select(RoleNames.Of));
            throw new FaultException(FaultKind.Denied, Reason.RoleMissing,
                $"{peer.Caller} may not call {context.Method}: it needs the role {(needed.Length == 0 ? "(none is allowed)" : needed)}");
        }
        if (!table.TakesScope(context.Method))
            peer.DemandNoScope($"call {context.Method}");
    }
}

/// <summary>The caller of an RPC.</summary>
public static class PeerOfCall
{
    // One certificate a connection, read once: reading it takes longer than a short call.
    private static readonly ConditionalWeakTable<X509Certificate2, PeerIdentity> Known = [];

    /// <summary>Of a console's call, the person it acts for.</summary>
    public static PeerIdentity Peer(this ServerCallContext context) =>
        context.GetHttpContext().Features.Get<DelegatedPeer>()?.Peer ?? Known.GetValue(
        context.GetHttpContext().Connection.ClientCertificate
            ?? throw new FaultException(FaultKind.Denied, Reason.RoleMissing, "no client certificate"), PeerIdentity.Of);
}
