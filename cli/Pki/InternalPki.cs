using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.Platform.Records;

namespace Overture.Cli.Pki;

/// <summary>
/// The internal PKI: who may talk to whom between CLI, hooks and services. ECDSA P-256; a root, and one certificate a party with its roles
/// as URI SANs overture://role/&lt;role&gt;. Also the Conductor's launch keys. Files: pki/ca.{pem,key}, pki/&lt;name&gt;.{pem,key},
/// launch/signing.key, launch/token.key, launch/trusted/conductor.pem. Keys are mode 0600. What is there already is left as it is.
/// </summary>
public sealed class InternalPki(string home, TimeProvider clock)
{
    private static readonly TimeSpan RootLife = TimeSpan.FromDays(3650), LeafLife = TimeSpan.FromDays(90);

    /// <summary>Everyone who gets a certificate: name and roles. Services also serve, so theirs carry host names.</summary>
    public static readonly IReadOnlyList<(string Name, string[] Roles)> Parties =
    [
        ("conductor", ["conductor"]),
        ("certauthority", ["certauthority"]),
        ("classifier", ["classifier"]),
        ("console", ["console"]),
        ("admin", ["admin"]),
        ("operator", ["operator"]),
        ("viewer", ["viewer"]),
        ("enc", ["enc"]),
        ("autosign", ["autosign"]),
    ];

    private const string ServerAuth = "1.3.6.1.5.5.7.3.1", ClientAuth = "1.3.6.1.5.5.7.3.2";
    private static readonly string[] Services = ["conductor", "certauthority", "classifier", "console"];

    private string Pki => Path.Combine(home, "pki");
    private string Launch => Path.Combine(home, "launch");

    /// <summary>Makes what is missing, and replaces what is past two thirds of its life.</summary>
    /// <param name="hosts">DNS names and addresses that services are reached by, beside localhost, 127.0.0.1 and ::1.</param>
    /// <returns>The files written.</returns>
    public IReadOnlyList<string> Init(IReadOnlyList<string> hosts)
    {
        var written = new List<string>();
        PrivateFile.MakeDirectory(Pki);
        PrivateFile.MakeDirectory(Launch);
        var rootFile = Path.Combine(Pki, "ca.pem");
        if (!File.Exists(rootFile))
            MakeRoot(rootFile, written);
        using var root = X509Certificate2.CreateFromPemFile(rootFile, Path.Combine(Pki, "ca.key"));
        foreach (var (name, roles) in Parties)
        {
            if (!StillYoung(Path.Combine(Pki, $"{name}.pem")))
                MakeLeaf(root, name, roles, hosts, written);
        }
        if (!File.Exists(Path.Combine(Launch, "signing.key")))
            MakeLaunchKeys(written);
        return written;
    }

    private void MakeRoot(string file, List<string> written)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=Overture internal CA", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        using var root = request.CreateSelfSigned(clock.GetUtcNow().AddHours(-1), clock.GetUtcNow() + RootLife);
        Write(Path.Combine(Pki, "ca.key"), key.ExportPkcs8PrivateKeyPem(), written);
        Write(file, root.ExportCertificatePem(), written);
    }

    private void MakeLeaf(X509Certificate2 root, string name, string[] roles, IReadOnlyList<string> hosts, List<string> written)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        foreach (var role in roles)
            names.AddUri(new Uri($"overture://role/{role}"));
        // Only certificates of services and of the console, which browsers open, carry host names, so that no other certificate can pass
        // for a service's.
        var serves = Services.Contains(name);
        foreach (var host in serves ? hosts.Concat(["localhost", "127.0.0.1", "::1"]).Distinct() : [])
        {
            if (IPAddress.TryParse(host, out var address))
                names.AddIpAddress(address);
            else
                names.AddDnsName(host);
        }
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(serves
            ? [new Oid(ServerAuth), new Oid(ClientAuth)] : [new Oid(ClientAuth)], false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(root, true, false));
        var end = clock.GetUtcNow() + LeafLife;
        using var leaf = request.Create(root, clock.GetUtcNow().AddHours(-1), end < root.NotAfter ? end : root.NotAfter,
            RandomNumberGenerator.GetBytes(16));
        // Key first: a reader that sees the pair half-written fails to match it and looks again.
        Write(Path.Combine(Pki, $"{name}.key"), key.ExportPkcs8PrivateKeyPem(), written);
        Write(Path.Combine(Pki, $"{name}.pem"), leaf.ExportCertificatePem(), written);
    }

    private void MakeLaunchKeys(List<string> written)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Directory.CreateDirectory(Path.Combine(Launch, "trusted"));
        Write(Path.Combine(Launch, "trusted", "conductor.pem"), key.ExportSubjectPublicKeyInfoPem(), written);
        var token = Path.Combine(Launch, "token.key");
        if (!File.Exists(token))
            Write(token, Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32)), written);
        Write(Path.Combine(Launch, "signing.key"), key.ExportPkcs8PrivateKeyPem(), written);
    }

    private bool StillYoung(string file)
    {
        if (!File.Exists(file))
            return false;
        using var leaf = X509Certificate2.CreateFromPem(File.ReadAllText(file));
        return clock.GetUtcNow() < leaf.NotBefore + ((leaf.NotAfter - leaf.NotBefore) * 2 / 3);
    }

    private static void Write(string file, string text, List<string> written)
    {
        PrivateFile.Write(file, text.EndsWith('\n') ? text : text + "\n");
        written.Add(file);
    }
}
