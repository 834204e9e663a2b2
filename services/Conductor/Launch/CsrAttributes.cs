using System.Globalization;
using Overture.Platform.Records;

namespace Overture.Conductor.Launch;

/// <summary>
/// The command that writes csr_attributes.yaml, with the one-time token in it, on an instance and removes it later. cloud-init's puppet
/// module would write it world-readable and never remove it; write_files gives a file its mode only after its content. Pure.
/// </summary>
internal static class CsrAttributes
{
    /// <summary>Where the agent looks for it, by its puppet.conf; the package's own path on Debian.</summary>
    public const string Path = "/etc/puppet/csr_attributes.yaml";

    // A comment to YAML, before the certname.
    private const string Mark = "# overture ";

    /// <summary>
    /// For bootcmd, at every boot: before users or an agent exist, the file is written once, by a shell that makes it readable by root
    /// alone; and a shell waits for the certificate, for as long as it takes, to remove it, if its first line still says that it is this
    /// name's: what another name or an administrator wrote there is kept. The secret is in no command line.
    /// </summary>
    /// <param name="name">The certname.</param>
    /// <param name="attributes">The file's text, ASCII: QuotedYaml, whose lines begin with a quote or a space.</param>
    public static string Command(CertName name, string attributes) => string.Create(CultureInfo.InvariantCulture, $$"""
        f={{Path}} w=/var/lib/cloud/instance/overture_token
        mkdir -p ${f%/*}
        [ -e $w ] || (umask 077; rm -f $f
        cat >$f && : >$w || { rm -f $f; echo "overture: $f could not be written" >&2; }) <<'EOF'
        {{Mark}}{{name}}
        {{attributes.TrimEnd('\n')}}
        EOF
        (until for d in /var/lib/puppet /etc/puppetlabs/puppet /etc/puppet; do [ -s $d/ssl/certs/{{name}}.pem ] && break; done
        do sleep 5; done; read -r l <$f && [ "$l" = "{{Mark}}{{name}}" ] && rm -f $f) </dev/null >/dev/null 2>&1 &
        """).ReplaceLineEndings("\n");
}
