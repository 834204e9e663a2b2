using System.Text;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.Conductor.Launch;

/// <summary>
/// What an instance boots from: one cloud-config document, the same for every provider but for who installs Puppet. Pure: the same inputs give
/// the same bytes, so a retried launch is the same launch. It holds the one-time token.
/// </summary>
internal static class UserData
{
    /// <summary>EC2's limit, and so everybody's.</summary>
    public const int MostBytes = 16 * 1024;

    /// <summary>Of user data that is fetched by its URL; cloud-init would take more.</summary>
    public const int MostFetchedBytes = 256 * 1024;
    private const string ChallengePassword = "1.2.840.113549.1.9.7";

    /// <param name="name">The certname.</param>
    /// <param name="spec">A planned spec, defaults filled in.</param>
    /// <param name="environment">Of the node definition.</param>
    /// <param name="token">The one-time secret.</param>
    /// <param name="caBundle">PEM: the agent trusts this CA from the start, never the first one it meets.</param>
    /// <param name="install">Whether cloud-init installs Puppet; false where the image has it (no network needed at boot).</param>
    /// <param name="most">Bytes that whoever hands it to the instance takes.</param>
    /// <exception cref="FaultException">More than that.</exception>
    public static string Render(CertName name, LaunchSpec spec, string environment, string token, string caBundle, bool install, int most = MostBytes)
    {
        if (!caBundle.Contains("-----BEGIN CERTIFICATE-----", StringComparison.Ordinal))
            throw new ArgumentException("user data without a pinned CA would trust on first use", nameof(caBundle));
        var document = new Dictionary<string, object?>();
        if (install)
            document["package_update"] = true;
        document["puppet"] = Puppet(name, spec, environment, token, caBundle, install);
        var text = QuotedYaml.Write(document, "#cloud-config");
        var size = Encoding.UTF8.GetByteCount(text);
        return size <= most ? text : throw new FaultException(FaultKind.Invalid, Reason.TooLarge,
            $"the user data would have {size} bytes; at most {most} are taken: give fewer extensions, or a shorter CA bundle",
            new FieldProblem("spec", $"makes user data of {size} bytes; at most {most}"));
    }

    private static Dictionary<string, object?> Puppet(CertName name, LaunchSpec spec, string environment, string token, string caBundle, bool install)
    {
        var puppet = new Dictionary<string, object?> { ["install"] = install };
        if (install)
            puppet["package_name"] = "puppet-agent";
        puppet["start_service"] = true;
        puppet["conf"] = new Dictionary<string, object?>
        {
            ["main"] = new Dictionary<string, object?>
            {
                ["certname"] = name.ToString(),
                ["ca_server"] = spec.Puppet.CaServer,
                ["ca_port"] = spec.Puppet.CaPort,
                ["waitforcert"] = 5,
            },
            ["agent"] = new Dictionary<string, object?>
            {
                ["server"] = spec.Puppet.Server,
                ["serverport"] = spec.Puppet.Serverport,
                ["environment"] = environment,
                ["crl_refresh_interval"] = "1d",
            },
            ["ca_cert"] = caBundle,
        };
        var attributes = new Dictionary<string, object?>
        {
            ["custom_attributes"] = new Dictionary<string, object?> { [ChallengePassword] = token },
        };
        if (spec.Extensions.Count > 0)
        {
            attributes["extension_requests"] = spec.Extensions
                .OrderBy(e => e.Key, StringComparer.Ordinal).ToDictionary(e => e.Key, e => (object?)e.Value);
        }
        puppet["csr_attributes"] = attributes;
        return puppet;
    }
}
