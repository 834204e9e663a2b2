using Overture.Cli.Pki;

namespace Overture.Cli.Setup;

/// <summary>
/// Keys, certificates and passwords below /var/lib/overture, each party's own readable for that party alone. What is there is kept; a
/// certificate past two thirds of its life is replaced. A CA is never written over.
/// </summary>
internal sealed class SetupKeys(SetupHost host, SetupAnswers answers, TimeProvider clock)
{
    private static readonly string[] Servers = ["conductor", "certauthority", "classifier", "console"];
    private string Home => host.At(SetupHost.Home);

    /// <returns>The files written.</returns>
    public async Task<IReadOnlyList<string>> Make(CancellationToken cancel)
    {
        Directory.CreateDirectory(Home);
        List<string> written = [.. new InternalPki(Home, clock).Init(answers.NameList)];
        written.AddRange(Ca());
        written.AddRange(new RegistryUsers(Home).Init(answers.Deployment));
        if (host.Write($"{SetupHost.Etc}/ca_crt.pem", await File.ReadAllTextAsync(Path.Combine(Home, "ca", "ca_crt.pem"), cancel)))
            written.Add($"{SetupHost.Etc}/ca_crt.pem");
        await Own(cancel);
        return written;
    }

    private IReadOnlyList<string> Ca()
    {
        var directory = Path.Combine(Home, "ca");
        if (!WholeDirectory.IsFree(directory))
            return [];
        if (answers.Ca == SetupAnswers.New)
            return new PuppetCaInit(directory, clock).Init(answers.NameList[0]);
        var import = PuppetCaImport.Read(answers.Ca, clock);
        if (import.Findings.Problems.Count > 0)
        {
            throw new Failure(ExitCodes.Usage, $"{answers.Ca} is not a CA that can be imported; nothing of it was written",
                $"overture ca import {answers.Ca} --check says all of it; correct a copy, name that with --ca, "
                    + "and run overture setup again");
        }
        import.Write(directory);
        return [directory];
    }

    private async Task Own(CancellationToken cancel)
    {
        const string Home = SetupHost.Home;
        // What is within is each file's own matter: services must be able to get there.
        await host.Own("root:root", "0755", cancel, Home, $"{Home}/pki", $"{Home}/launch", $"{Home}/launch/trusted");
        await host.Own("root:root", "0644", cancel, [.. Servers.Select(s => $"{Home}/pki/{s}.pem"), $"{Home}/pki/ca.pem",
            $"{Home}/launch/trusted/conductor.pem"]);
        foreach (var service in Servers)
            await host.Own($"root:overture-{service}", "0640", cancel, $"{Home}/pki/{service}.key");
        // CertAuthority refuses a key that others may read, so they are its own; the root's key, where there is one beside, stays root's.
        const string Owner = "overture-certauthority:overture-certauthority";
        await host.Own(Owner, "0700", cancel, $"{Home}/ca");
        await host.Own(Owner, "0600", cancel, [.. Directory.EnumerateFiles(host.At($"{Home}/ca"))
            .Select(f => $"{Home}/ca/{Path.GetFileName(f)}").Where(f => !f.Contains(PuppetCaInit.RootKey, StringComparison.Ordinal))]);
        foreach (var folder in Directory.EnumerateDirectories(host.At($"{Home}/ca")))
        {
            await SetupHost.Run("chmod", ["-R", "u=rwX,go=", folder], cancel);
            if (!host.IsImage)
                await SetupHost.Run("chown", ["-R", Owner, folder], cancel);
        }
        await host.Own("root:overture-redis", "0750", cancel, $"{Home}/redis");
        await host.Own("root:overture-redis", "0640", cancel, $"{Home}/redis/users.conf");
    }
}
