using Overture.Platform.Records;

namespace Overture.Cli.Pki;

/// <summary>
/// An administrator's ssldir as `puppetserver ca` wants it, with a puppet.conf beside: its --config is the only option it needs.
/// </summary>
/// <param name="directory">Absolute.</param>
/// <param name="certname">Also the names of the files.</param>
public sealed class AdminDirectory(string directory, string certname)
{
    private const string Signature = "# written by overture ca admin-cert";

    public string ConfigFile => Path.Combine(directory, "puppet.conf");
    public string KeyFile => Path.Combine(directory, "private_keys", $"{certname}.pem");
    public string CertificateFile => Path.Combine(directory, "certs", $"{certname}.pem");

    /// <summary>Why it can't be here, or null.</summary>
    public string? Problem()
    {
        // puppetserver's own reader of puppet.conf ends a value at white space, '{' and '#', and puts in what '$' names.
        if (directory.Any(c => char.IsWhiteSpace(c) || c is '{' or '#' or '$'))
            return $"{directory} holds white space, '{{', '#' or '$', which `puppetserver ca` can't read in a puppet.conf";
        return File.Exists(ConfigFile) && !File.ReadLines(ConfigFile).FirstOrDefault("").StartsWith(Signature, StringComparison.Ordinal)
            ? $"{ConfigFile} exists, and was not written by overture"
            : null;
    }

    /// <summary>Key first; what is there of an earlier run is replaced.</summary>
    public void Write(string key, string certificate, string bundle, string crl, string caServer, int caPort)
    {
        PrivateFile.MakeDirectory(directory);
        PrivateFile.MakeDirectory(Path.Combine(directory, "private_keys"));
        PrivateFile.MakeDirectory(Path.Combine(directory, "certs"));
        PrivateFile.Write(KeyFile, key.EndsWith('\n') ? key : key + "\n");
        PrivateFile.Write(CertificateFile, certificate, PuppetCaInit.Public);
        PrivateFile.Write(Path.Combine(directory, "certs", "ca.pem"), bundle, PuppetCaInit.Public);
        PrivateFile.Write(Path.Combine(directory, "crl.pem"), crl, PuppetCaInit.Public);
        PrivateFile.Write(ConfigFile,
            $"{Signature}\n[main]\ncertname = {certname}\nssldir = {directory}\nca_server = {caServer}\nca_port = {caPort}\n",
            PuppetCaInit.Public);
    }
}
