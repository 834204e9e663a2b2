using System.Security.Cryptography.X509Certificates;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Signing;
using Overture.Platform.Certificates;
using Overture.Platform.Records;
using Overture.Platform.Rpc;

namespace Overture.CertAuthority.PuppetApi;

/// <summary>Who may call a route (docs/puppet-contracts.md §1.2). A route without one is open to no client.</summary>
internal enum Access
{
    /// <summary>Also without a certificate.</summary>
    Anyone,
    /// <summary>Any certificate of this CA that is good.</summary>
    AnyNode,
    /// <summary>A certificate with pp_cli_auth.</summary>
    Admin,
}

/// <summary>Who calls, by the TLS handshake alone; headers such as X-Client-DN say nothing here.</summary>
/// <param name="Name">Common name.</param>
/// <param name="IsAdmin">The certificate carries pp_cli_auth = true.</param>
internal sealed record PuppetClient(string Name, bool IsAdmin, X509Certificate2 Certificate)
{
    public SerialNumber Serial => SerialNumber.Of(Certificate);

    public bool May(Access access) => access != Access.Admin || IsAdmin;

    public static PuppetClient? Of(HttpContext context)
    {
        if (context.Connection.ClientCertificate is not { } certificate)
            return null;
        var name = certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false);
        var admin = CertificateExtensionsReader.PuppetExtensions(certificate).TryGetValue(PuppetExtensions.CliAuth, out var value)
            && value == "true";
        return new PuppetClient(CertName.TryParse(name, out var parsed, out _) ? parsed.ToString() : "unnamed", admin, certificate);
    }

    /// <summary>For records.</summary>
    public Caller By(HttpContext context) => new(Name, Caller.Agent(context.Connection.RemoteIpAddress).Peer);
}

internal static class RouteAccess
{
    public static TBuilder For<TBuilder>(this TBuilder endpoint, Access access) where TBuilder : IEndpointConventionBuilder =>
        endpoint.WithMetadata((object)access);

    /// <summary>Null: no client may.</summary>
    public static Access? Of(HttpContext context) =>
        context.GetEndpoint()?.Metadata.OfType<Access>().Select(a => (Access?)a).FirstOrDefault();
}
