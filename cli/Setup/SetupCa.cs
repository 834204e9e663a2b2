using Overture.Cli.Pki;

namespace Overture.Cli.Setup;

/// <summary>
/// The answer to --ca: "new"; the absolute path of a cadir that is imported; or "stock:HOST:PORT", where puppetserver's own CA goes on
/// signing and CertAuthority decides (docs/operations.md, "Keeping puppetserver's own CA"). Given without a place, `import` and `stock`
/// mean the puppetserver on this host.
/// </summary>
internal static class SetupCa
{
    public const string New = "new", Import = "import", Stock = "stock";

    /// <summary>What CertAuthority shows puppetserver's CA, and what it trusts there; a person puts the files here.</summary>
    public const string Folder = $"{SetupHost.Etc}/stock";

    public const string Certificate = $"{Folder}/overture.pem", Key = $"{Folder}/overture.key", Roots = $"{Folder}/ca_crt.pem";

    private const string StockAt = $"{Stock}:", Port = "8140";

    // All-in-one packages and Debian's, each with that of versions before 6 behind it.
    private static readonly string[] Cadirs =
    [
        "/etc/puppetlabs/puppetserver/ca", "/etc/puppetlabs/puppet/ssl/ca", "/etc/puppet/puppetserver/ca", "/var/lib/puppet/ssl/ca",
        "/var/lib/puppetserver/ca",
    ];

    /// <param name="answer">As it was given.</param>
    /// <param name="kept">What was answered before, or nothing.</param>
    /// <param name="host">Where a cadir is looked for.</param>
    /// <param name="name">Of this host.</param>
    /// <returns>As the installed system will see it: without the folder of an image.</returns>
    /// <exception cref="Failure">There is no CA to import on this host.</exception>
    public static string Resolve(string answer, string kept, SetupHost host, string name) => answer switch
    {
        Stock => $"{StockAt}{name}:{Port}",
        // It was read once: what its folder holds by now, if there still is one, is no answer.
        Import when IsImported(kept) => kept,
        Import => Array.Find(Cadirs, d => File.Exists(Path.Combine(host.At(d), PuppetCaInit.Key)))
            ?? throw Failure.Usage($"--ca: no puppetserver on this host has a CA: there is no {PuppetCaInit.Key} in "
                + string.Join(", ", Cadirs), "copy the cadir here, and name it: --ca DIR; or --ca new"),
        _ => answer.StartsWith(StockAt, StringComparison.Ordinal) && !answer[StockAt.Length..].Contains(':', StringComparison.Ordinal)
            ? $"{answer}:{Port}" : answer,
    };

    /// <summary>HOST:PORT of the puppetserver; empty: the CA is ours.</summary>
    public static string StockEndpoint(string answer) =>
        answer.StartsWith(StockAt, StringComparison.Ordinal) ? answer[StockAt.Length..] : "";

    public static bool IsImported(string answer) => Path.IsPathRooted(answer);

    /// <param name="answer">The cadir of a puppetserver, within the image where that has it; it is only read.</param>
    /// <param name="host">This host, or the image.</param>
    /// <param name="clock">What has expired.</param>
    /// <exception cref="Failure">It is not a CA that can be imported.</exception>
    public static PuppetCaImport ReadImport(string answer, SetupHost host, TimeProvider clock)
    {
        var cadir = Directory.Exists(host.At(answer)) ? host.At(answer) : answer;
        var import = PuppetCaImport.Read(cadir, clock);
        return import.Findings.Problems.Count == 0 ? import : throw Failure.Usage(
            $"--ca: {cadir} is not a CA that can be imported; nothing was written",
            $"overture ca import {cadir} --check says all of it; correct a copy, name that with --ca, and run overture setup again");
    }

    /// <summary>Before anything is written: CertAuthority would not start without them.</summary>
    /// <exception cref="Failure">A file is missing.</exception>
    public static void CheckFiles(SetupHost host, string answer)
    {
        if (StockEndpoint(answer).Length == 0)
            return;
        string[] missing = [.. new[] { Certificate, Key, Roots }.Where(f => !File.Exists(host.At(f)))];
        if (missing.Length == 0)
            return;
        throw Failure.Usage($"--ca: a puppetserver's own CA stays, and there is no {string.Join(", no ", missing)}",
            $"on the puppetserver's host, while it is stopped: puppetserver ca generate --ca-client --certname overture. From its ssldir "
                + $"(puppet config print ssldir) bring certs/overture.pem, private_keys/overture.pem (as overture.key) and certs/ca.pem "
                + $"(as ca_crt.pem) into {Folder}, and run overture setup again");
    }

    /// <summary>What is left to a person, in sentences.</summary>
    public static IEnumerable<string> Needs(string answer)
    {
        if (IsImported(answer))
        {
            yield return "let the puppetserver that has this CA sign nothing any more (its CA service off), and point ca_server and "
                + "ca_port of agents at this host, 8141: two CAs with one key know nothing of each other's revocations";
        }
        if (StockEndpoint(answer) is { Length: > 0 } puppetserver)
        {
            yield return $"on {puppetserver}: install overture-puppet, write /etc/overture/hooks.yaml with certAuthority and tls of the "
                + $"internal PKI ({SetupHost.Home}/pki/autosign.pem, autosign.key, ca.pem), set [server] autosign = "
                + "/usr/bin/overture-autosign in puppet.conf, restart it; overture hook check says whether it would ask";
            yield return $"launch files have attestation: token, and under puppet: ca_server and ca_port of {puppetserver}";
        }
    }
}
