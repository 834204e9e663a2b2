using Overture.Platform.Records;
using Overture.Platform.Faults;
using Overture.Platform.Options;

namespace Overture.Conductor.Providers.Ec2;

/// <summary>
/// An EC2-compatible cloud. Credentials come the way every AWS tool finds them (AWS_ACCESS_KEY_ID…, AWS_PROFILE, web identity, the host's
/// role), never from here.
/// </summary>
public sealed record Ec2Options
{
    /// <summary>URL of the API; empty: AWS in <see cref="Region"/>, or no such provider where that is empty too.</summary>
    public string Endpoint { get; init; } = "";

    /// <summary>Region, also in the signature.</summary>
    public string Region { get; init; } = "";

    /// <summary>What the endpoint understands: aws, eucalyptus or ec2api.</summary>
    public string Dialect { get; init; } = "aws";

    /// <summary>A name for the account, used in launch records. Empty: the endpoint's host and the region. Must stay the same.</summary>
    public string Account { get; init; } = "";

    /// <summary>PEM file of the CAs that sign the endpoint's certificate; empty: the system's.</summary>
    public string TlsRoots { get; init; } = "";

    /// <summary>Launches a second, over all replicas that share the account's limit. 1 to 1000; AWS gives 2.</summary>
    public int LaunchesPerSecond { get; init; } = 2;

    /// <summary>How long a call may take with all its tries. 1 s to 5 min.</summary>
    public TimeSpan Budget { get; init; } = TimeSpan.FromSeconds(60);

    internal bool IsOn => Endpoint.Length > 0 || Region.Length > 0;

    internal Uri Url => new(Endpoint.Length > 0 ? Endpoint : $"https://ec2.{Region}.amazonaws.com/");

    internal IEnumerable<FieldProblem> Problems(string deployment)
    {
        if (!IsOn)
            yield break;
        if (deployment.Length == 0)
        {
            yield return new("deployment",
                "must be set where ec2 is: another Overture in the same account would take our instances for its own orphans");
        }

        if (Endpoint.Length > 0
            && (!Uri.TryCreate(Endpoint, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https") || url.UserInfo.Length > 0
                || url.Query.Length > 0))
        {
            yield return new("ec2.endpoint", "must be http://HOST[:PORT] or https://HOST[:PORT], without credentials");
        }

        if (Region.Length == 0 || Region.Any(c => !char.IsAsciiLetterLower(c) && !char.IsAsciiDigit(c) && c != '-'))
            yield return new("ec2.region", "must be a region's name, e.g. eu-central-1");
        if (Ec2Dialect.Preset(Dialect) is null)
            yield return new("ec2.dialect", "must be aws, eucalyptus or ec2api");
        if (TlsRoots.Length > 0 && OptionRules.FileProblem(TlsRoots) is { } rule)
            yield return new("ec2.tlsRoots", rule);
        if (LaunchesPerSecond is < 1 or > 1000)
            yield return new("ec2.launchesPerSecond", "must be 1 to 1000");
        if (Budget < TimeSpan.FromSeconds(1) || Budget > TimeSpan.FromMinutes(5))
            yield return new("ec2.budget", "must be 1s to 5m");
    }
}
