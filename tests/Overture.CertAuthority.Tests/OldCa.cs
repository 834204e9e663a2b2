using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>
/// A site's CA of before Overture: made by the real `puppetserver ca setup` (root and intermediate), or one self-signed by openssl. Its
/// certificates and lists are openssl's, its bookkeeping is puppetserver's.
/// </summary>
public sealed class OldCa : IDisposable
{
    private readonly TempDirectory home = new();
    private readonly List<(int Serial, string Name, string How)> issued = [];
    private int crlNumber;

    private OldCa()
    {
    }

    public string Path => home.File("ca");

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public string Text(string name) => System.IO.File.ReadAllText(File(name));

    public static async Task<OldCa> BySetup()
    {
        var old = new OldCa();
        Write(old.home.File("puppet.conf"),
            $"[main]\ncertname = puppet.example.org\nconfdir = {old.home.File("conf")}\nssldir = {old.home.File("ssl")}\ncadir = "
                + $"{old.Path}\nkeylength = 2048\n");
        Directory.CreateDirectory(old.home.File("conf"));
        await Ok("puppetserver", "ca", "setup", "--config", old.home.File("puppet.conf"));
        old.issued.Add((1, "puppet.example.org", "V"));
        return old;
    }

    /// <summary>As a puppetserver that initialised itself; with an RSA key (PKCS#1), or an EC key (SEC 1) on a curve.</summary>
    public static async Task<OldCa> SelfSigned(string? curve = null)
    {
        var old = new OldCa();
        Directory.CreateDirectory(old.File("signed"));
        var key = old.File("ca_key.pem");
        await (curve is not null
            ? Ok("openssl", "ecparam", "-name", curve, "-genkey", "-out", key)
            : Ok("openssl", "genrsa", "-traditional", "-out", key, "2048"));
        await Ok("openssl", "req", "-x509", "-new", "-key", key, "-subj", "/CN=Puppet CA: old.example.org", "-days", "1825", "-set_serial",
            "1", "-out", old.File("ca_crt.pem"),
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign");
        await System.IO.File.WriteAllTextAsync(
            old.File("inventory.txt"),
            "# Inventory of signed certificates\n# SERIAL NOT_BEFORE NOT_AFTER SUBJECT\n0x0001 2026-01-01T00:00:00UTC "
                + "2031-01-01T00:00:00UTC /CN=Puppet CA: old.example.org\n");
        await System.IO.File.WriteAllTextAsync(old.File("serial"), "0002");
        await old.Publish();
        return old;
    }

    /// <summary>Signs a new key of an agent, and writes its ssldir.</summary>
    /// <param name="name">Also the file in signed/; a name that was signed before loses its file there, as at puppetserver.</param>
    /// <param name="serial">Written in upper-case hex, or lower-case where it is odd.</param>
    /// <param name="extensions">Lines of an openssl extension file.</param>
    /// <param name="days">Its life.</param>
    public async Task<string> Sign(string name, int serial, string extensions = "", int days = 1825)
    {
        var ssl = home.File($"agent-{name}-{serial}");
        Directory.CreateDirectory($"{ssl}/certs");
        Directory.CreateDirectory($"{ssl}/private_keys");
        Write(home.File("extensions"),
            $"basicConstraints=critical,CA:FALSE\nextendedKeyUsage=critical,serverAuth,clientAuth\nkeyUsage=critical,digitalSignature,keyEncipherment\n{extensions}\n");
        await Ok("openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", $"{ssl}/private_keys/{name}.pem", "-subj",
            $"/CN={name}", "-out", home.File("csr.pem"));
        await Ok("openssl", "x509", "-req", "-in", home.File("csr.pem"), "-CA", SigningCertificate(), "-CAkey", File("ca_key.pem"),
            "-set_serial", $"{serial}", "-days", $"{days}", "-extfile", home.File("extensions"), "-out", File($"signed/{name}.pem"));
        System.IO.File.Copy(File($"signed/{name}.pem"), $"{ssl}/certs/{name}.pem");
        System.IO.File.Copy(File("ca_crt.pem"), $"{ssl}/certs/ca.pem");
        System.IO.File.Copy(File("ca_crl.pem"), $"{ssl}/crl.pem");
        var now = TimeProvider.System.GetUtcNow();
        var hex = serial.ToString(serial % 2 == 0 ? "X4" : "x4", CultureInfo.InvariantCulture);
        var line = $"0x{hex} {Time(now.AddDays(-1))} {Time(now.AddDays(days))} /CN={name}";
        await System.IO.File.AppendAllTextAsync(
            File("inventory.txt"), Text("inventory.txt").EndsWith('\n') ? line + "\n" : "\n" + line + "\n");
        issued.Add((serial, name, "V"));
        return ssl;
    }

    /// <summary>Signs a new key under a name that openssl does not take: more than 64 characters, say. Not in the inventory.</summary>
    /// <returns>The certificate with its key.</returns>
    public X509Certificate2 SignAny(string name, byte serial)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var caKey = RSA.Create();
        caKey.ImportFromPem(Text("ca_key.pem"));
        using var ca = X509Certificate2.CreateFromPem(Text("ca_crt.pem"));
        var subject = new X500DistinguishedNameBuilder();
        subject.AddCommonName(name);
        var request = new CertificateRequest(subject.Build(), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(ca, true, false));
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = request.Create(ca.SubjectName, X509SignatureGenerator.CreateForRSA(caKey, RSASignaturePadding.Pkcs1),
            now.AddMinutes(-5), now.AddDays(365), [serial]);
        Write(File($"signed/{name}.pem"), certificate.ExportCertificatePem() + "\n");
        return certificate.CopyWithPrivateKey(key);
    }

    /// <summary>Many agents, each with a key of its own, with files and lines in the inventory: agent-1.example.org and so on.</summary>
    public async Task SignMany(int count, int firstSerial)
    {
        using var caKey = RSA.Create();
        caKey.ImportFromPem(Text("ca_key.pem"));
        using var ca = X509Certificate2.CreateFromPem(Text("ca_crt.pem"));
        var signer = X509SignatureGenerator.CreateForRSA(caKey, RSASignaturePadding.Pkcs1);
        var now = DateTimeOffset.FromUnixTimeSeconds(TimeProvider.System.GetUtcNow().ToUnixTimeSeconds());
        var lines = new System.Text.StringBuilder(Text("inventory.txt").EndsWith('\n') ? "" : "\n");
        for (var i = 1; i <= count; i++)
        {
            var (name, serial) = ($"agent-{i}.example.org", firstSerial + i - 1);
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
            request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(ca, true, false));
            var bytes = new System.Numerics.BigInteger(serial).ToByteArray(isUnsigned: false, isBigEndian: true);
            using var certificate = request.Create(ca.SubjectName, signer, now.AddDays(-1), now.AddDays(1825), bytes);
            Write(File($"signed/{name}.pem"), certificate.ExportCertificatePem() + "\n");
            lines.Append(CultureInfo.InvariantCulture, $"0x{serial:X4} {Time(now.AddDays(-1))} {Time(now.AddDays(1825))} /CN={name}\n");
            issued.Add((serial, name, "V"));
        }
        await System.IO.File.AppendAllTextAsync(File("inventory.txt"), lines.ToString());
    }

    /// <summary>Revokes a serial, and publishes.</summary>
    public async Task Revoke(int serial, string reason = "keyCompromise")
    {
        var at = issued.FindIndex(i => i.Serial == serial);
        issued[at] = issued[at] with { How = $"R {reason}" };
        await Publish();
    }

    /// <summary>A new list, one number higher; openssl's own database says who is on it.</summary>
    public async Task Publish(int days = 1825)
    {
        Write(home.File("index.txt"), string.Concat(issued.Select(i => i.How == "V"
            ? $"V\t310101000000Z\t\t{i.Serial:X4}\tunknown\t/CN={i.Name}\n"
            : $"R\t310101000000Z\t260301120000Z,{i.How[2..]}\t{i.Serial:X4}\tunknown\t/CN={i.Name}\n")));
        Write(home.File("crlnumber"), $"{++crlNumber:X4}\n");
        Write(home.File("ca.cnf"),
            $"[ca]\ndefault_ca = own\n[own]\ndatabase = {home.File("index.txt")}\ncrlnumber = {home.File("crlnumber")}\ndefault_md = "
                + "sha256\nunique_subject = no\ncrl_extensions = crl\n[crl]\nauthorityKeyIdentifier = keyid\n");
        string[] period = days > 0 ? ["-crldays", $"{days}"] : ["-crl_lastupdate", "20260101000000Z", "-crl_nextupdate", "20260201000000Z"];
        await Ok("openssl", ["ca", "-config", home.File("ca.cnf"), "-gencrl", "-cert", SigningCertificate(), "-keyfile", File("ca_key.pem"),
            "-out", home.File("own.crl"), .. period]);
        var parents = System.IO.File.Exists(File("ca_crl.pem"))
            ? Platform.Certificates.CrlPem.Split(Text("ca_crl.pem")).Skip(1).Select(Platform.Certificates.CrlPem.Write)
            : [];
        Write(File("ca_crl.pem"), await System.IO.File.ReadAllTextAsync(home.File("own.crl")) + string.Concat(parents));
    }

    public void Dispose() => home.Dispose();

    // openssl takes the first certificate of the file, which is the one that signs.
    private string SigningCertificate() => File("ca_crt.pem");

    private static string Time(DateTimeOffset time) => time.ToString("yyyy-MM-dd'T'HH:mm:ss'UTC'", CultureInfo.InvariantCulture);

    private static void Write(string file, string text) => System.IO.File.WriteAllText(file, text);

    private static async Task Ok(string program, params string[] arguments)
    {
        var (exit, output) = await Tool.Run(program, arguments);
        Assert.True(exit == 0, $"{program} {string.Join(' ', arguments)}\n{output}");
    }
}
