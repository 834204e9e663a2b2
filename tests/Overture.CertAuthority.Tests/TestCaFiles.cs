using System.Security.Cryptography;
using Overture.Cli.Pki;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>
/// The Puppet CA of all houses, and another, each made once: RSA keys take a while, and so does what the passphrase is stretched by, at
/// each start of a CertAuthority. Here that is a thousand rounds.
/// </summary>
internal static class TestCaFiles
{
    private static readonly Lazy<IReadOnlyList<(string Name, byte[] Body, UnixFileMode Mode)>> made = new(() => Make("test"));
    private static readonly Lazy<IReadOnlyList<(string Name, byte[] Body, UnixFileMode Mode)>> other = new(() => Make("another"));

    /// <summary>A copy, which the test may change.</summary>
    /// <param name="directory">Where to.</param>
    /// <param name="another">Of the CA that is not the houses'.</param>
    public static void Write(string directory, bool another = false)
    {
        Directory.CreateDirectory(directory);
        foreach (var (file, body, mode) in (another ? other : made).Value)
        {
            File.WriteAllBytes(Path.Combine(directory, file), body);
            File.SetUnixFileMode(Path.Combine(directory, file), mode);
        }
    }

    private static IReadOnlyList<(string, byte[], UnixFileMode)> Make(string name)
    {
        using var home = new TempDirectory();
        var files = new PuppetCaInit(home.File("ca"), TimeProvider.System).Init(name, 2048);
        var passphrase = File.ReadAllText(home.File($"ca/{PuppetCaInit.Passphrase}")).Trim();
        foreach (var file in new[] { home.File($"ca/{PuppetCaInit.Key}"), home.File($"ca/{PuppetCaInit.RootKey}") })
        {
            using var key = RSA.Create();
            key.ImportFromEncryptedPem(File.ReadAllText(file), passphrase);
            var quick = new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1_000);
            File.WriteAllText(file, key.ExportEncryptedPkcs8PrivateKeyPem(passphrase, quick) + "\n");
        }
        return [.. files.Select(f => (Path.GetFileName(f), File.ReadAllBytes(f), File.GetUnixFileMode(f)))];
    }
}
