using System.Text.RegularExpressions;
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
    /// <summary>
    /// URL of the API, with <c>{region}</c> in its host where there are several regions; empty: AWS in <see cref="Region"/>, or no such
    /// provider where that is empty too.
    /// </summary>
    public string Endpoint { get; init; } = "";

    /// <summary>Region, also in the signature.</summary>
    public string Region { get; init; } = "";

    /// <summary>Further regions that a launch may name (ec2.region). At most 20.</summary>
    public IReadOnlyList<string> Regions { get; init; } = [];

    /// <summary>Further accounts that a launch may name (ec2.account), by that name: 1-32 of [a-z0-9-]. At most 20.</summary>
    public IReadOnlyDictionary<string, Ec2AccountOptions> Accounts { get; init; } = new Dictionary<string, Ec2AccountOptions>();

    /// <summary>URL of the token service (STS) that accounts' roles are asked of, with its path; empty: AWS's in the region.</summary>
    public string StsEndpoint { get; init; } = "";

    /// <summary>What the endpoint understands: aws, eucalyptus, ec2api or spinifex.</summary>
    public string Dialect { get; init; } = "aws";

    /// <summary>A name for the account, used in launch records. Empty: the endpoint's host and the region. Must stay the same.</summary>
    public string Account { get; init; } = "";

    /// <summary>PEM file of the CAs that sign the endpoint's certificate; empty: the system's.</summary>
    public string TlsRoots { get; init; } = "";

    /// <summary>Launches a second, over all replicas that share the account's limit. 1 to 1000; AWS gives 2.</summary>
    public int LaunchesPerSecond { get; init; } = 2;

    /// <summary>How long a call may take with all its tries. 1 s to 5 min.</summary>
    public TimeSpan Budget { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Has no effect: instances find out at boot. Kept, so that a configuration that sets it is read.</summary>
    public bool InstallsPuppet { get; init; } = true;

    private const int MaxSites = 20;

    internal static bool IsRegion(string text) =>
        text.Length is > 0 and <= 63 && text.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-');

    internal bool IsOn => Endpoint.Length > 0 || Region.Length > 0;

    internal Uri Url => new(Endpoint.Length > 0 ? In(Endpoint, Region) : $"https://ec2.{Region}.{Domain}/");

    internal Uri StsUrl => new(StsEndpoint.Length > 0 ? In(StsEndpoint, Region) : $"https://sts.{Region}.{Domain}/");

    private static string In(string endpoint, string region) => endpoint.Replace("{region}", region, StringComparison.Ordinal);

    // By its host: the path of the endpoint is the dialect's.
    private bool HasOneUrl => Endpoint.Length > 0
        && Uri.TryCreate(In(Endpoint, "a"), UriKind.Absolute, out var one)
        && Uri.TryCreate(In(Endpoint, "b"), UriKind.Absolute, out var other) && one.Authority == other.Authority;

    private string Domain => Region.StartsWith("cn-", StringComparison.Ordinal) ? "amazonaws.com.cn" : "amazonaws.com";

    internal IReadOnlyList<FieldProblem> Problems(string deployment)
    {
        var found = Rules(deployment).ToList();
        if (IsOn && found.Count == 0 && Ec2Sites.Doubled(this) is { } label)
        {
            found.Add(new("ec2.accounts",
                $"must not make two providers labeled {label}: name each account once, and give ec2.account another name"));
        }
        return found;
    }

    private IEnumerable<FieldProblem> Rules(string deployment)
    {
        if (!IsOn)
            yield break;
        if (deployment.Length == 0)
        {
            yield return new("deployment",
                "must be set where ec2 is: another Overture in the same account would take our instances for its own orphans");
        }

        foreach (var (field, text) in new[] { ("ec2.endpoint", Endpoint), ("ec2.stsEndpoint", StsEndpoint) })
        {
            if (text.Length > 0 && (!Uri.TryCreate(In(text, Region), UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https")
                || url.UserInfo.Length > 0 || url.Query.Length > 0))
            {
                yield return new(field, "must be http://HOST[:PORT] or https://HOST[:PORT], without credentials");
            }
        }

        if (!IsRegion(Region))
            yield return new("ec2.region", "must be a region's name, e.g. eu-central-1");
        if (Regions.Count > MaxSites || !Regions.All(IsRegion))
            yield return new("ec2.regions", $"must be at most {MaxSites} regions' names, e.g. eu-central-1");
        if (Accounts.Count > MaxSites || Accounts.ContainsKey(Account))
            yield return new("ec2.accounts", $"must be at most {MaxSites}, none of them named as ec2.account is");
        foreach (var problem in Accounts.SelectMany(a => a.Value.Problems(a.Key)))
            yield return problem;
        if (HasOneUrl && Regions.Concat(Accounts.Values.Select(a => a.Region)).Any(r => r.Length > 0 && r != Region))
            yield return new("ec2.endpoint", "must have {region} in its host where regions, or accounts in other regions, are set");
        if (Endpoint.Length > 0 && StsEndpoint.Length == 0 && Accounts.Count > 0)
            yield return new("ec2.stsEndpoint", "must be set where endpoint and accounts are: the Conductor's key is no key of AWS");
        if (Ec2Dialect.Preset(Dialect) is null)
            yield return new("ec2.dialect", "must be aws, eucalyptus, ec2api or spinifex");
        if (TlsRoots.Length > 0 && OptionRules.FileProblem(TlsRoots) is { } rule)
            yield return new("ec2.tlsRoots", rule);
        if (LaunchesPerSecond is < 1 or > 1000)
            yield return new("ec2.launchesPerSecond", "must be 1 to 1000");
        if (Budget < TimeSpan.FromSeconds(1) || Budget > TimeSpan.FromMinutes(5))
            yield return new("ec2.budget", "must be 1s to 5m");
    }
}

/// <summary>A further account: the Conductor takes on a role there.</summary>
public sealed partial record Ec2AccountOptions
{
    /// <summary>ARN of the role, which must trust the Conductor's key. Required.</summary>
    public string RoleArn { get; init; } = "";

    /// <summary>What the role's trust policy may demand beside (sts:ExternalId); no secret.</summary>
    public string ExternalId { get; init; } = "";

    /// <summary>Where launches go that name no region; empty: ec2.region.</summary>
    public string Region { get; init; } = "";

    /// <summary>Of the account, as the ARN has it.</summary>
    internal string Number => RoleArn.Split(':')[4];

    internal IEnumerable<FieldProblem> Problems(string name)
    {
        if (!Name().IsMatch(name))
            yield return new($"ec2.accounts.{name}", "must have a name of 1-32 of [a-z0-9-]");
        if (!Arn().IsMatch(RoleArn))
            yield return new($"ec2.accounts.{name}.roleArn", "must be arn:aws:iam::ACCOUNT:role/NAME");
        if (ExternalId.Length > 0 && !External().IsMatch(ExternalId))
            yield return new($"ec2.accounts.{name}.externalId", "must have 2-1224 of [A-Za-z0-9+=,.@:/-]");
        if (Region.Length > 0 && !Ec2Options.IsRegion(Region))
            yield return new($"ec2.accounts.{name}.region", "must be a region's name, e.g. eu-central-1");
    }

    [GeneratedRegex(@"\A[a-z0-9][a-z0-9-]{0,31}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Name();

    [GeneratedRegex(@"\Aarn:aws[a-z-]{0,12}:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]{1,512}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Arn();

    [GeneratedRegex(@"\A[A-Za-z0-9+=,.@:/_-]{2,1224}\z", RegexOptions.CultureInvariant)]
    private static partial Regex External();
}
