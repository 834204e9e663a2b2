using Overture.Conductor.V1;
using Overture.Platform.Records;

namespace Overture.Conductor.Launch;

/// <summary>
/// csr_attributes.yaml, what an agent adds to its certificate request: the one-time token, and the extensions that the launch grants. Pure.
/// </summary>
internal static class CsrAttributes
{
    // PKCS #9 challengePassword (RFC 2985 §5.4.1): the token is not copied into the certificate.
    private const string ChallengePassword = "1.2.840.113549.1.9.7";

    /// <returns>YAML, of which each line begins with a quote or a space.</returns>
    public static string Write(LaunchSpec spec, string token)
    {
        var attributes = new Dictionary<string, object?>
        {
            ["custom_attributes"] = new Dictionary<string, object?> { [ChallengePassword] = token },
        };
        if (spec.Extensions.Count > 0)
        {
            attributes["extension_requests"] = spec.Extensions
                .OrderBy(e => e.Key, StringComparer.Ordinal).ToDictionary(e => e.Key, e => (object?)e.Value);
        }
        return QuotedYaml.Write(attributes);
    }
}
