using System.Text;
using Overture.Platform.Records;

namespace Overture.Cli.Setup;

/// <summary>
/// What `overture setup` asks: kept in /etc/overture/setup.yaml, so that a later run, or one that goes on, asks none of it again.
/// </summary>
internal sealed record SetupAnswers
{
    public const string Local = "local", None = "none";

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

    /// <summary>"new", the cadir of a puppetserver that is imported, or "stock:HOST:PORT" of one whose CA stays.</summary>
    public string Ca { get; init; } = "";

    /// <summary>Prefix of records and Redis keys; empty: none.</summary>
    public string Deployment { get; init; } = "";

    private const string EachService = "/etc/overture/{conductor,certauthority,classifier}.yaml";
    private static readonly Dictionary<string, (string Option, string Where)> Options = new(StringComparer.Ordinal)
    {
        ["store"] = ("store", $"move the records (docs/operations.md), then edit bucket in {EachService}"),
        ["s3Endpoint"] = ("s3-endpoint", $"edit s3.serviceUrl in {EachService}"),
        ["s3Region"] = ("s3-region", $"edit s3.region in {EachService}"),
        ["redis"] = ("redis", $"edit registry.endpoint in {EachService}"),
        ["provider"] = ("provider", "edit local or ec2 in /etc/overture/conductor.yaml; the local one needs its drop-in too"),
        ["names"] = ("name", "edit reports.dnsNames in conductor.yaml and puppetApi.dnsNames in certauthority.yaml"),
        ["ca"] = ("ca", "a CA is never replaced by another one"),
        ["deployment"] = ("deployment", "records and keys of Redis have it in their names"),
    };

    // Of the system, or not seen by the services (ProtectHome, PrivateTmp).
    private static readonly string[] NoStores = ["/usr/local", "/var/lib", "/var/lib/overture", "/var/log", "/var/cache", "/var/spool"];
    private static readonly string[] NotWithin =
        ["/bin/", "/boot/", "/dev/", "/etc/", "/home/", "/lib/", "/lib64/", "/proc/", "/root/", "/run/", "/sbin/", "/sys/", "/tmp/",
            "/usr/", "/var/tmp/", "/var/run/", "/var/lib/overture/ca", "/var/lib/overture/pki", "/var/lib/overture/launch",
            "/var/lib/overture/redis", "/var/lib/overture/setup"];

    public IReadOnlyList<string> NameList => [.. Names.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)];
    public bool IsBucket => Store.StartsWith("s3://", StringComparison.Ordinal);
    public string Ec2Region => Provider.StartsWith("ec2:", StringComparison.Ordinal) ? Provider[4..] : "";


    /// <summary>HOST:PORT of the puppetserver whose own CA signs; empty: Overture's does.</summary>
    public string StockCa => SetupCa.StockEndpoint(Ca);

    private bool IsOwnDirectory => Path.GetFullPath(Store) == Store && Store.Count(c => c == '/') > 1 && !NoStores.Contains(Store)
        && !NotWithin.Any(d => Store.StartsWith(d, StringComparison.Ordinal));

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

    /// <summary>
    /// What cannot be answered otherwise any more: files, keys and records are by the first answer, and a person may have changed them.
    /// </summary>
    public IEnumerable<FieldProblem> Differences(SetupAnswers first)
    {
        foreach (var ((key, now), (_, before)) in Keys.Zip(first.Keys).Where(k => k.First.Value != k.Second.Value))
        {
            yield return new("--" + Options[key].Option,
                $"was answered with {(before.Length > 0 ? before : "nothing")}, and {now} would be applied in part: {Options[key].Where}");
        }
    }

    /// <summary>Every rule that is broken.</summary>
    public IEnumerable<FieldProblem> Problems()
    {
        if (!IsBucket && !Path.IsPathRooted(Store))
            yield return new("--store", "must be an absolute directory, or s3://BUCKET");
        else if (!IsBucket && !IsOwnDirectory)
            yield return new("--store", "must be a directory of its own, as /srv/overture, and not of the system or a person's");
        else if (!IsBucket && !Store.All(c => char.IsAsciiLetterOrDigit(c) || c is '/' or '.' or '_' or '-'))
            yield return new("--store", "must be of letters, digits and . _ - alone: units of systemd name it");
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
        else if (NameList[0].Length > 50)
            yield return new("--name", "the first must have at most 50 characters: it is in the CA's name");
        if (StockCa.Length > 0 && !CliConfigReader.IsEndpoint(StockCa))
            yield return new("--ca", "must have HOST or HOST:PORT of the puppetserver behind stock:");
        else if (StockCa.Length == 0 && Ca != SetupCa.New && !SetupCa.IsImported(Ca))
            yield return new("--ca", "must be new, import, the absolute path of a puppetserver's cadir, stock, or stock:HOST:PORT");
    }
}
