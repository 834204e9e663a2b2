using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Overture.Platform.Tls;

namespace Overture.Cli.Doctor;

/// <summary>What a service showed in a handshake, whether or not it is to be trusted.</summary>
/// <param name="Certificate">Its own.</param>
/// <param name="Errors">Of the handshake.</param>
/// <param name="Chain">What is wrong with its chain; none: nothing.</param>
internal sealed record ShownCertificate(X509Certificate2 Certificate, SslPolicyErrors Errors, X509ChainStatusFlags Chain);

/// <summary>Whether a service's certificate is good, by its dates, its issuer, its names and its role. Pure.</summary>
internal static class ServiceCertificate
{
    private const string Renew = "overture pki init --home DIR makes another; the service reads it by itself once it has the file";
    private static readonly TimeSpan Soon = TimeSpan.FromDays(14);

    /// <param name="service">certauthority.</param>
    /// <param name="host">By which it was called.</param>
    /// <param name="roots">The file of the CA that it should be of.</param>
    /// <param name="shown">What it showed.</param>
    /// <param name="now">The time.</param>
    public static DoctorLine Of(string service, string host, string roots, ShownCertificate shown, DateTimeOffset now)
    {
        var certificate = shown.Certificate;
        var (begin, end) = (certificate.NotBefore.ToUniversalTime(), certificate.NotAfter.ToUniversalTime());
        var issuer = certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: true);
        var identity = PeerIdentity.Of(certificate);
        var text = $"{identity.Name} by {issuer}, until {end:yyyy-MM-dd}";
        if (end <= now.UtcDateTime)
            return Failed($"{identity.Name} by {issuer} ended on {end:yyyy-MM-dd}: every call of it fails", Renew);
        if (begin > now.UtcDateTime)
        {
            return Failed($"{identity.Name} by {issuer} is valid from {begin:yyyy-MM-dd HH:mm:ss}Z only",
                "set this host's clock and the service's by NTP");
        }
        if ((shown.Chain & ~X509ChainStatusFlags.NotTimeValid) != 0)
        {
            return Failed($"{identity.Name} is issued by {issuer}, which is not the CA of {roots}",
                "give the service a certificate of this site's PKI (overture pki init --home DIR), or this host that CA's ca.pem");
        }
        if ((shown.Errors & SslPolicyErrors.RemoteCertificateNameMismatch) != 0)
        {
            return Failed($"{identity.Name} does not have the name {host}; it has {Names(certificate)}",
                $"overture pki init --home DIR --host {host} makes one that has it; or call the service by a name that it has");
        }
        if (!identity.Roles.Select(RoleNames.Of).Contains(service))
        {
            return Failed($"{identity.Name} by {issuer} is not a {service}'s", "correct the address in the configuration: another party "
                + "answers there");
        }
        // Its own time is good, as was seen above.
        if ((shown.Chain & X509ChainStatusFlags.NotTimeValid) != 0)
        {
            return Failed($"the certificate of {issuer}, which issued {identity.Name}, is not valid now: every call of it fails",
                "the internal CA is over, or this host's clock is wrong (docs/operations.md)");
        }
        return end - now.UtcDateTime < Soon ? new DoctorLine("certificates", $"{service} certificate", DoctorStatus.Warning, text, Renew)
            : new DoctorLine("certificates", $"{service} certificate", DoctorStatus.Ok, text);

        DoctorLine Failed(string detail, string next) =>
            new("certificates", $"{service} certificate", DoctorStatus.Failed, detail, next);
    }

    private static string Names(X509Certificate2 certificate)
    {
        var names = certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>()
            .SelectMany(e => e.EnumerateDnsNames().Concat(e.EnumerateIPAddresses().Select(a => $"{a}"))).ToList();
        return names.Count == 0 ? "none" : string.Join(", ", names);
    }
}
