using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.Platform.Connections;
using Overture.Platform.Records;

namespace Overture.Platform.PuppetHost;

/// <summary>
/// The certificate of the Puppet CA that a listener for puppetservers shows, and the files it is kept in (stateDirectory/puppet-host).
/// Until there is one every handshake fails; a newer one is taken without a restart.
/// </summary>
public sealed class PuppetHostCertificate
{
    private const string CurrentName = "current";
    private readonly PuppetCaBundle bundle;
    private readonly TimeProvider clock;
    private readonly string directory;
    private readonly Lock gate = new();
    private volatile X509Certificate2? leaf;
    private volatile string? revoked;
    private (X509Certificate2 Leaf, PuppetCaBundle.Loaded Trust, SslStreamCertificateContext Context)? shown;

    public PuppetHostCertificate(string stateDirectory, PuppetCaBundle bundle, TimeProvider clock)
    {
        this.bundle = bundle;
        this.clock = clock;
        directory = Path.Combine(stateDirectory, "puppet-host");
        PrivateFile.MakeDirectory(directory);
        leaf = Load();
    }

    public X509Certificate2? Current => leaf;

    /// <summary>CertAuthority has revoked it: no puppetserver accepts it.</summary>
    public bool IsRevoked => revoked is not null && revoked == leaf?.SerialNumber;

    /// <summary>Why the last try to get another failed; null: none did.</summary>
    public string? WhyNoOther { get; set; }

    /// <summary>Two thirds of its life are over, it is revoked, or there is none.</summary>
    public bool WantsRenewal => leaf is null || IsRevoked
        || clock.GetUtcNow() >= leaf.NotBefore + ((leaf.NotAfter - leaf.NotBefore) * 2 / 3);

    /// <summary>It is this name's, not past its end, and not revoked.</summary>
    public bool IsOf(string certname) => leaf is not null && !IsRevoked
        && leaf.GetNameInfo(X509NameType.SimpleName, forIssuer: false) == certname
        && clock.GetUtcNow() < leaf.NotAfter;

    public string FileOf(string name) => Path.Combine(directory, name);

    /// <summary>Peers must show a certificate that the Puppet CA signed itself.</summary>
    /// <exception cref="AuthenticationException">There is no certificate yet.</exception>
    public ListenerTls Listener()
    {
        var now = leaf ?? throw new AuthenticationException("the listener for puppetservers has no certificate yet");
        var trust = bundle.Current;
        lock (gate)
        {
            // One context a certificate: with one for each connection, an idle one costs twice as much.
            if (shown is not { } last || last.Leaf != now || last.Trust != trust)
                shown = last = (now, trust, SslStreamCertificateContext.Create(now, [.. trust.Intermediates], offline: true));
            // puppetserver's Java may offer 1.2 at most
            return new ListenerTls(last.Context, trust.Policy(), [trust.Signer]) { Protocols = SslProtocols.Tls12 | SslProtocols.Tls13 };
        }
    }

    /// <summary>The P-256 key of a name, made on first use.</summary>
    public ECDsa KeyOf(string certname)
    {
        var file = FileOf($"{certname}.key");
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        if (File.Exists(file))
            key.ImportFromPem(File.ReadAllText(file));
        else
            PrivateFile.Write(file, key.ExportPkcs8PrivateKeyPem());
        return key;
    }

    /// <summary>The one that is in use is revoked: another is wanted.</summary>
    public void MarkRevoked() => revoked = leaf?.SerialNumber;

    /// <summary>Takes a certificate into use, if it is this name's and this key's; other names' files go.</summary>
    /// <exception cref="CryptographicException">It is not ours.</exception>
    public void Take(string certname, string pem, ECDsa key)
    {
        using var bare = X509Certificate2.CreateFromPem(pem);
        using var certified = bare.GetECDsaPublicKey();
        if (bare.GetNameInfo(X509NameType.SimpleName, forIssuer: false) != certname
            || certified is null || !certified.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(key.ExportSubjectPublicKeyInfo()))
        {
            throw new CryptographicException("the CA sent a certificate of another name or key");
        }
        var fresh = bare.CopyWithPrivateKey(key);
        PrivateFile.Write(FileOf($"{certname}.pem"), pem);
        PrivateFile.Write(FileOf(CurrentName), certname);
        (leaf, WhyNoOther) = (fresh, null);
        foreach (var old in Directory.EnumerateFiles(directory)
            .Where(f => Path.GetExtension(f) is ".key" or ".pem" && Path.GetFileNameWithoutExtension(f) != certname))
        {
            File.Delete(old);
        }
    }

    private X509Certificate2? Load()
    {
        try
        {
            var certname = File.ReadAllText(FileOf(CurrentName));
            var found = X509Certificate2.CreateFromPemFile(FileOf($"{certname}.pem"), FileOf($"{certname}.key"));
            return clock.GetUtcNow() < found.NotAfter ? found : null;
        }
        catch (Exception e) when (e is IOException or CryptographicException)
        {
            return null; // none yet, or half of one
        }
    }
}
