using System.Security.Cryptography.X509Certificates;
using System.Text;
using Overture.Cli.Pki;
using Overture.Platform.Records;

namespace Overture.Cli.Setup;

/// <summary>
/// Keys, certificates and passwords below /var/lib/overture, each party's own readable for that party alone. What is there is kept; a
/// certificate past two thirds of its life is replaced. A CA is never written over.
/// </summary>
internal sealed class SetupKeys(SetupHost host, SetupAnswers answers, TimeProvider clock)
{
    private static readonly string[] Servers = ["conductor", "certauthority", "classifier", "console"];
    private const string Published = $"{SetupHost.Etc}/ca_crt.pem";
    private const int MostOfABundle = 1 << 20;
    private string Home => host.At(SetupHost.Home);

    /// <returns>The files written.</returns>
    public async Task<IReadOnlyList<string>> Make(CancellationToken cancel)
    {
        if (File.Exists(host.At(Published)) && WholeDirectory.IsFree(Path.Combine(Home, "ca")))
            throw Gone("ca");
        Directory.CreateDirectory(Home);
        List<string> written = [.. new InternalPki(Home, clock).Init(answers.NameList)];
        written.AddRange(Ca());
        written.AddRange(new RegistryUsers(Home).Init(answers.Deployment));
        var bundle = PublicOf($"{SetupHost.Home}/ca/{PuppetCaInit.Bundle}", follow: false);
        // First the CA that signs for nodes; ours signs what they meet at the listeners of Conductor and CertAuthority.
        if (answers.StockCa.Length > 0)
            bundle = PublicOf(SetupCa.Roots, follow: true) + bundle;
        if (host.Write(Published, bundle))
            written.Add(Published);
        await Own(cancel);
        return written;
    }

    /// <summary>Certificates of the internal PKI alone: makes no CA and no launch key, which a disk that is away lacks.</summary>
    /// <returns>The files written.</returns>
    public async Task<IReadOnlyList<string>> Renew(CancellationToken cancel)
    {
        if (!File.Exists(host.At($"{SetupHost.Etc}/setup.yaml")))
            throw Failure.Config($"there is no {SetupHost.Etc}/setup.yaml", "overture setup, without --keys, makes all of it");
        foreach (var needed in new[] { "pki/ca.pem", "pki/ca.key", "launch/signing.key", $"ca/{PuppetCaInit.Bundle}" })
        {
            if (!File.Exists(Path.Combine(Home, needed)))
                throw Gone(needed);
        }
        var written = new InternalPki(Home, clock).Init(answers.NameList);
        await OwnPki(cancel);
        return written;
    }

    private static Failure Gone(string what) => new(ExitCodes.Config,
        $"{SetupHost.Home}/{what} is gone, and was there: nothing is made in its place",
        $"mount {SetupHost.Home}, or restore it from a backup; to begin with a new CA remove {Published}");

    // Only ever certificates: the CA's folder is CertAuthority's own, so that what its user puts there is read here as root. There no link
    // is followed; in a folder of root's, a person may have put one.
    private string PublicOf(string path, bool follow)
    {
        var certificates = new X509Certificate2Collection();
        try
        {
            if (Libc.Read(host.At(path), MostOfABundle, follow) is not { Body: { } body })
                throw Failure.Config($"{path} is no file of at most {MostOfABundle} bytes", "restore it from a backup");
            certificates.ImportFromPem(Encoding.UTF8.GetString(body));
        }
        catch (IOException e)
        {
            throw Failure.Config($"{path} can't be read, or is a link: {e.Message}", "put the file itself there, from a backup");
        }
        return certificates.Count > 0 ? certificates.ExportCertificatePems() + "\n"
            : throw Failure.Config($"{path} has no certificate", "restore it from a backup");
    }

    private IReadOnlyList<string> Ca()
    {
        var directory = Path.Combine(Home, "ca");
        // Also says what a CA lacks that is there in part.
        if (!SetupCa.IsImported(answers.Ca) || !WholeDirectory.IsFree(directory))
            return new PuppetCaInit(directory, clock).Init(answers.NameList[0]);
        SetupCa.ReadImport(answers.Ca, host, clock).Write(directory);
        return [directory];
    }

    private async Task Own(CancellationToken cancel)
    {
        const string Home = SetupHost.Home;
        await OwnPki(cancel);
        // CertAuthority refuses a key that others may read, so they are its own; the root's key, where there is one beside, stays root's.
        // The folder is given away last, and once: from then on its user may put links there, which root must not follow.
        const string Owner = "overture-certauthority:overture-certauthority";
        if (host.IsImage || await host.OwnerOf($"{Home}/ca", cancel) != Owner)
        {
            await host.Own("root:root", "0700", cancel, $"{Home}/ca");
            string[] within = [.. Directory.EnumerateFileSystemEntries(host.At($"{Home}/ca"))
                .Where(f => Path.GetFileName(f) != PuppetCaInit.RootKey)];
            await SetupHost.Run("chmod", ["-R", "u=rwX,go=", .. within], cancel);
            if (!host.IsImage)
                await SetupHost.Run("chown", ["-hR", Owner, .. within], cancel);
            await host.Own(Owner, "0700", cancel, $"{Home}/ca");
        }
        await host.Own("root:overture-certauthority", "0750", cancel, SetupCa.Folder);
        await host.Own("root:overture-certauthority", "0640", cancel, SetupCa.Key, SetupCa.Certificate, SetupCa.Roots);
        await host.Own("root:overture-redis", "0750", cancel, $"{Home}/redis");
        await host.Own("root:overture-redis", "0640", cancel, $"{Home}/redis/users.conf");
    }

    // Folders of root's alone.
    private async Task OwnPki(CancellationToken cancel)
    {
        const string Home = SetupHost.Home;
        // What is within is each file's own matter: services must be able to get there.
        await host.Own("root:root", "0755", cancel, Home, $"{Home}/pki", $"{Home}/launch", $"{Home}/launch/trusted");
        await host.Own("root:root", "0644", cancel, [.. Servers.Select(s => $"{Home}/pki/{s}.pem"), $"{Home}/pki/ca.pem",
            $"{Home}/launch/trusted/conductor.pem"]);
        foreach (var service in Servers)
            await host.Own($"root:overture-{service}", "0640", cancel, $"{Home}/pki/{service}.key");
    }
}
