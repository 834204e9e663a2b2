using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.Platform.Certificates;
using Overture.Platform.Records;
using Overture.Platform.Tls;

namespace Overture.Cli.Pki;

/// <summary>A certificate of the internal PKI that was issued to a person.</summary>
/// <param name="Peer">What services read of it.</param>
public sealed record PersonalCertificate(PeerIdentity Peer, SerialNumber Serial, DateTimeOffset NotAfter);

/// <summary>
/// Certificates of the internal PKI for people: one role, the person's name, and maybe a scope, as URI SANs
/// (docs/decisions/0012-people.md). Each is kept as pki/issued/SERIAL.pem before its key leaves for the person.
/// </summary>
public sealed class PersonalCertificates(string home, TimeProvider clock)
{
    /// <summary>How long one may live.</summary>
    public static readonly TimeSpan ShortestLife = TimeSpan.FromHours(1), LongestLife = TimeSpan.FromDays(365);

    private const string ClientAuth = "1.3.6.1.5.5.7.3.2";

    private string Issued => Path.Combine(home, "pki", "issued");

    /// <param name="name">By <see cref="PersonName"/>.</param>
    /// <param name="role">Admin, operator or viewer.</param>
    /// <param name="scope">None for a viewer.</param>
    /// <param name="life">1 h to 365 d; it ends with its CA at the latest.</param>
    /// <param name="directory">Gets NAME.key, NAME.pem and ca.pem, mode 0600; nothing there is replaced.</param>
    /// <exception cref="InvalidOperationException">There is no CA, or something lies where the files belong.</exception>
    /// <exception cref="ArgumentException">A value breaks its rule.</exception>
    public PersonalCertificate Issue(string name, Role role, Scope scope, TimeSpan life, string directory)
    {
        // 1. A certificate that services will take.
        if (PersonName.Broken(name) is { } rule)
            throw new ArgumentException($"the name {rule}", nameof(name));
        if (life < ShortestLife || life > LongestLife)
            throw new ArgumentException("the life must be 1h to 365d", nameof(life));
        using var ca = InternalCa.Open(home);
        var roots = ca.Certificate.ExportCertificatePem() + "\n";
        CheckFree(directory, name, roots);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var leaf = Sign(ca, key, name, role, scope, life);
        var peer = PeerIdentity.Of(leaf);
        if (peer.Problem.Length > 0)
            throw new ArgumentException($"no service would take such a certificate: it {peer.Problem}", nameof(role));
        // A URI is rewritten where it can be shortened, and services read what then is in the certificate.
        if (peer.Name != name || !peer.IsPerson || !peer.Roles.SetEquals([role]) || !peer.Scope.Equals(scope))
        {
            throw new ArgumentException($"services would read it as {peer.Caller} with the scope '{peer.Scope}', not '{scope}'",
                nameof(scope));
        }
        // 2. Written down here first: one that exists can be listed and revoked.
        var serial = SerialNumber.Of(leaf);
        PrivateFile.MakeDirectory(Issued);
        PrivateFile.Write(Path.Combine(Issued, $"{serial}.pem"), leaf.ExportCertificatePem() + "\n");
        // 3. The person's files, key first.
        PrivateFile.MakeDirectory(directory);
        PrivateFile.Write(Path.Combine(directory, $"{name}.key"), key.ExportPkcs8PrivateKeyPem() + "\n");
        PrivateFile.Write(Path.Combine(directory, $"{name}.pem"), leaf.ExportCertificatePem() + "\n");
        PrivateFile.Write(Path.Combine(directory, "ca.pem"), roots);
        return new PersonalCertificate(peer, serial, leaf.NotAfter);
    }

    /// <summary>All that were issued here, oldest first.</summary>
    /// <param name="damaged">Gets each file that is none.</param>
    public IReadOnlyList<PersonalCertificate> All(Action<string> damaged)
    {
        var all = new List<(DateTime From, PersonalCertificate Certificate)>();
        foreach (var file in Directory.Exists(Issued) ? Directory.GetFiles(Issued, "*.pem") : [])
        {
            try
            {
                using var leaf = X509CertificateLoader.LoadCertificateFromFile(file);
                all.Add((leaf.NotBefore, new PersonalCertificate(PeerIdentity.Of(leaf), SerialNumber.Of(leaf), leaf.NotAfter)));
            }
            catch (CryptographicException)
            {
                damaged(file);
            }
        }
        return [.. all.OrderBy(c => c.From).ThenBy(c => $"{c.Certificate.Serial}", StringComparer.Ordinal).Select(c => c.Certificate)];
    }

    /// <summary>The certificates of <see cref="InternalPki.Parties"/> that lie here now: party and serial.</summary>
    public IReadOnlyList<(string Party, SerialNumber Serial)> OfParties()
    {
        var found = new List<(string, SerialNumber)>();
        foreach (var (party, _) in InternalPki.Parties)
        {
            var file = Path.Combine(home, "pki", $"{party}.pem");
            if (!File.Exists(file))
                continue;
            using var leaf = X509Certificate2.CreateFromPem(File.ReadAllText(file));
            found.Add((party, SerialNumber.Of(leaf)));
        }
        return found;
    }

    private static void CheckFree(string directory, string name, string roots)
    {
        foreach (var file in new[] { $"{name}.key", $"{name}.pem" })
        {
            if (Path.Exists(Path.Combine(directory, file)))
                throw new InvalidOperationException($"{Path.Combine(directory, file)} exists, and is not replaced");
        }
        var root = Path.Combine(directory, "ca.pem");
        if (Path.Exists(root) && File.ReadAllText(root) != roots)
            throw new InvalidOperationException($"{root} exists, is not this CA's certificate, and is not replaced");
    }

    private X509Certificate2 Sign(InternalCa ca, ECDsa key, string name, Role role, Scope scope, TimeSpan life)
    {
        var subject = new X500DistinguishedNameBuilder();
        subject.AddCommonName(name);
        var request = new CertificateRequest(subject.Build(), key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        foreach (var uri in PeerIdentity.UrisOf(name, role, scope))
            names.AddUri(uri);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(ClientAuth)], false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(ca.Certificate, true, false));
        var (now, last) = (clock.GetUtcNow(), new DateTimeOffset(ca.Certificate.NotAfter));
        if (now >= last)
            throw new InvalidOperationException("the CA of the internal PKI has expired");
        return request.Create(ca.Certificate.SubjectName, ca.Signer(), now.AddHours(-1), now + life < last ? now + life : last,
            RandomNumberGenerator.GetBytes(16));
    }
}
