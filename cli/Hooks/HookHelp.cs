using System.Text;

namespace Overture.Cli.Hooks;

/// <summary>
/// --help of a hook. A certname may be spelled --help too, and 0 would sign its request or pass this text for its classification: so 0 is
/// for terminals alone, which puppetserver never gives a hook.
/// </summary>
internal static class HookHelp
{
    private const string Common = """

        Files:
          /etc/overture/hooks.yaml, or what OVERTURE_HOOKS_CONFIG names: where the service is, certificate, key and roots.
          It and the files it names belong to root or the user who runs the hook, and no one else may write them.

        """;

    private const string Codes = """
          2    wrong arguments; --help where stdout is no terminal, since a certname may be spelled --help
          3    not found
          4    the certificate's role may not ask this
          5    the service does not answer, or can't reach its store
          6    conflict: the name is in a state that forbids it
          7    no answer within two seconds
          70   a bug, here or in the service
          78   no usable configuration, certificate or key

        Next: overture health --config /etc/overture/hooks.yaml; docs/cli.md and docs/operations.md ("When a hook fails").

        """;

    private const string Enc = $"""
        overture-enc: Puppet's external node classifier. It asks Overture's Classifier what a node is, and prints that as YAML.

        Usage:
          overture-enc CERTNAME            as puppetserver calls it: node_terminus = exec, external_nodes = /usr/bin/overture-enc
          overture-enc --replay CERTNAME   the same, with each step and its time on stderr
        {Common}
        Exit codes:
          0    the classification is on stdout; with any other code nothing is, and one line on stderr says why
        {Codes}
        """;

    private const string Autosign = $"""
        overture-autosign: Puppet's policy autosign. It asks Overture's CertAuthority whether a certificate request is to be signed.

        Usage:
          overture-autosign CERTNAME < CSR.PEM           as puppetserver calls it: autosign = /usr/bin/overture-autosign
          overture-autosign --replay CERTNAME CSR.PEM    the same, with each step and its time on stderr
        {Common}
        Exit codes:
          0    sign it
          1    leave it: it waits, or is refused; the line on stderr says why
        {Codes}
        """;

    /// <returns>The exit code.</returns>
    public static int Print(string hook)
    {
        StandardStreams.Write(Encoding.UTF8.GetBytes(hook == "overture-enc" ? Enc : Autosign));
        return Console.IsOutputRedirected ? ExitCodes.Usage : ExitCodes.Ok;
    }
}
