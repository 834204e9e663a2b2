using System.Text;
using Overture.Platform.Records;

namespace Overture.Cli.Setup;

/// <summary>
/// What `overture setup` asks: kept in /etc/overture/setup.yaml, so that a later run, or one that goes on, asks none of it again.
/// </summary>
internal sealed record SetupAnswers
{
    public const string Local = "local", None = "none", New = "new";

    /// <summary>The object store: a directory, or s3://BUCKET.</summary>
    public string Store { get; init; } = "";

    /// <summary>Of an S3 server that is not AWS.</summary>
    public string S3Endpoint { get; init; } = "";

    public string S3Region { get; init; } = "";

    /// <summary>"local": one of its own on this host; else HOST:PORT.</summary>
    public string Redis { get; init; } = "";

    /// <summary>"local", "none" (instances are only registered), or "ec2:REGION".</summary>
    public string Provider { get; init; } = "";

    /// <summary>Names that nodes and puppetservers reach this host by, separated by commas.</summary>
    public string Names { get; init; } = "";

    /// <summary>"new", or the cadir of a puppetserver that is imported.</summary>
    public string Ca { get; init; } = "";

    /// <summary>Prefix of records and Redis keys; empty: none.</summary>
    public string Deployment { get; init; } = "";

    public IReadOnlyList<string> NameList => [.. Names.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)];
    public bool IsBucket => Store.StartsWith("s3://", StringComparison.Ordinal);
    public string Ec2Region => Provider.StartsWith("ec2:", StringComparison.Ordinal) ? Provider[4..] : "";

    private (string Key, string Value)[] Keys =>
    [
        ("store", Store), ("s3Endpoint", S3Endpoint), ("s3Region", S3Region), ("redis", Redis), ("provider", Provider), ("names", Names),
        ("ca", Ca), ("deployment", Deployment),
    ];

    /// <exception cref="Failure">The file is there and no such file.</exception>
    public static SetupAnswers Read(string file)
    {
        if (!File.Exists(file))
            return new SetupAnswers();
        var known = YamlFile.Read(file, ExitCodes.Config, "remove it, and overture setup asks again").Entries
            .ToDictionary(e => e.Key.Text, e => (e.Value as YamlScalar)?.Text ?? "", StringComparer.Ordinal);
        string Of(string key) => known.GetValueOrDefault(key, "");
        return new SetupAnswers
        {
            Store = Of("store"), S3Endpoint = Of("s3Endpoint"), S3Region = Of("s3Region"), Redis = Of("redis"), Provider = Of("provider"),
            Names = Of("names"), Ca = Of("ca"), Deployment = Of("deployment"),
        };
    }

    public string Text()
    {
        var text = new StringBuilder("# What overture setup was answered; it asks none of it again.\n");
        foreach (var (key, value) in Keys.Where(k => k.Value.Length > 0))
            text.Append(key).Append(": ").Append(OptionFile.Quoted(value)).Append('\n');
        return text.ToString();
    }

    /// <summary>Every rule that is broken.</summary>
    public IEnumerable<FieldProblem> Problems()
    {
        if (!IsBucket && !Path.IsPathRooted(Store))
            yield return new("--store", "must be an absolute directory, or s3://BUCKET");
        if (IsBucket && S3Endpoint.Length == 0 && S3Region.Length == 0)
            yield return new("--s3-region", "must be set for AWS, or --s3-endpoint for another server");
        if (Redis != Local && !CliConfigReader.IsEndpoint(Redis))
            yield return new("--redis", "must be local, or HOST:PORT");
        if (Provider is not (Local or None) && Ec2Region.Length == 0)
            yield return new("--provider", "must be local, ec2:REGION, or none");
        if (Ec2Region.Length > 0 && Deployment.Length == 0)
            yield return new("--deployment", "must be set with ec2: another Overture in the account would take our instances for its own");
        if (Deployment.Length > 32 || !Deployment.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-'))
            yield return new("--deployment", "must be empty or 1-32 of [a-z0-9-]");
        if (NameList.Count == 0 || NameList.Any(n => Uri.CheckHostName(n) != UriHostNameType.Dns))
            yield return new("--name", "must be DNS names that nodes reach this host by");
        if (Ca != New && !Path.IsPathRooted(Ca))
            yield return new("--ca", "must be new, or the absolute path of a puppetserver's cadir to import");
    }
}
