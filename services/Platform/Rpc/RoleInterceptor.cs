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
/// certificate is still good, and not revoked.
/// </summary>
public sealed class RoleInterceptor(RoleTable table, ServiceKeys keys, InternalCrls crls, RevokedPeers revoked, TimeProvider clock)
    : Interceptor
{
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

    public static PeerIdentity Peer(this ServerCallContext context) => Known.GetValue(
        context.GetHttpContext().Connection.ClientCertificate
            ?? throw new FaultException(FaultKind.Denied, Reason.RoleMissing, "no client certificate"), PeerIdentity.Of);
}
