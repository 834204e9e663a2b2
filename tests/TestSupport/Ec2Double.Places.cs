using System.Collections.Concurrent;
using System.Globalization;
using System.IO.Enumeration;
using Microsoft.AspNetCore.Http;

namespace Overture.TestSupport;

/// <summary>Places without room, images that are described, accounts and regions.</summary>
public sealed partial class Ec2Double
{
    private const string SiteField = "(site)";

    /// <summary>An image that DescribeImages lists.</summary>
    public sealed record Listing(string Id, string Name, string Owner, string Created, string Architecture = "x86_64",
        string State = "available", string Platform = "", string Alias = "");

    /// <summary>What has no room: a subnet's id, a type, "spot" or "on-demand"; with the error's code.</summary>
    public ConcurrentDictionary<string, string> Full { get; } = new(StringComparer.Ordinal);

    /// <summary>What has no room once a launch's answer was lost.</summary>
    public List<string> FullAfterLost { get; } = [];

    /// <summary>
    /// Room is looked at before the client token is: a launch that is repeated can be refused although its instance runs.
    /// </summary>
    public bool RoomFirst { get; set; }

    /// <summary>What DescribeImages finds without an id.</summary>
    public ConcurrentQueue<Listing> Images { get; } = new();

    /// <summary>What an alias of the parameter store stands for now.</summary>
    public string AliasedImage { get; set; } = "ami-0a11a5ed0a11a5ed0";

    /// <summary>Instances are seen by the key and in the region that launched them, alone.</summary>
    public bool HasSites { get; set; }

    /// <summary>How long the key of an assumed role is good.</summary>
    public TimeSpan RoleLife { get; set; } = TimeSpan.FromHours(1);

    /// <summary>Key, region and session token of every call, in order.</summary>
    public ConcurrentQueue<(string Key, string Region, string Session)> Signed { get; } = new();

    private string SiteOf(HttpRequest request)
    {
        var scope = request.Headers.Authorization.ToString().Split("Credential=")[^1].Split(',')[0].Split('/');
        var (key, region) = scope.Length > 2 ? (scope[0], scope[2]) : ("", "");
        Signed.Enqueue((key, region, request.Headers["X-Amz-Security-Token"].ToString()));
        return HasSites ? $"{key}/{region}" : "";
    }

    private (int, string)? NoRoom(Dictionary<string, string> form)
    {
        var market = form.ContainsKey("InstanceMarketOptions.MarketType") ? "spot" : "on-demand";
        foreach (var what in new[] { form.GetValueOrDefault("SubnetId") ?? form.GetValueOrDefault("NetworkInterface.1.SubnetId", ""),
            form["InstanceType"], market })
        {
            if (Full.TryGetValue(what, out var code))
                return (code == "InsufficientInstanceCapacity" ? 500 : 400, Error(code));
        }
        return null;
    }

    private string ImageOf(string asked) => asked.StartsWith("resolve:ssm:", StringComparison.Ordinal) ? AliasedImage : asked;

    private (int, string) DescribeImages(Dictionary<string, string> form)
    {
        if (form.ContainsKey("ImageId.1"))
        {
            return (200, "<DescribeImagesResponse><imagesSet><item><imageId>ami-1</imageId><imageState>available</imageState></item>"
                + "</imagesSet></DescribeImagesResponse>");
        }
        var filters = Enumerable.Range(1, 9).Where(i => form.ContainsKey($"Filter.{i}.Name"))
            .ToDictionary(i => form[$"Filter.{i}.Name"], i => form[$"Filter.{i}.Value.1"], StringComparer.Ordinal);
        if (strictness.Filters is not null && filters.Count > 0)
            return (400, Error("InvalidParameterValue"));
        var found = Images.Where(i => (strictness.IgnoresImageOwner || i.Owner == form["Owner.1"] || i.Alias == form["Owner.1"])
            && FileSystemName.MatchesSimpleExpression(filters.GetValueOrDefault("name", "*"), i.Name, ignoreCase: false)
            && filters.GetValueOrDefault("architecture", i.Architecture) == i.Architecture
            && filters.GetValueOrDefault("state", i.State) == i.State);
        return (200, $"<DescribeImagesResponse><imagesSet>{string.Concat(found.Select(Item))}</imagesSet></DescribeImagesResponse>");
    }

    private static string Item(Listing i) => $"<item><imageId>{i.Id}</imageId><name>{i.Name}</name><imageOwnerId>{i.Owner}</imageOwnerId>"
        + $"<imageOwnerAlias>{i.Alias}</imageOwnerAlias>"
        + $"<creationDate>{i.Created}</creationDate><architecture>{i.Architecture}</architecture><imageState>{i.State}</imageState>"
        + $"<platform>{i.Platform}</platform></item>";

    // The key of a role says whose it is, so that its calls are told from others'.
    private (int, string) AssumeRole(Dictionary<string, string> form)
    {
        var account = form["RoleArn"].Split(':')[4];
        if (form.GetValueOrDefault("ExternalId", "") == "wrong")
            return (403, "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>");
        var end = TimeProvider.System.GetUtcNow().Add(RoleLife).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
        return (200, $"<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>"
            + $"<AccessKeyId>ASIA{account}</AccessKeyId><SecretAccessKey>role-secret</SecretAccessKey>"
            + $"<SessionToken>session-{Calls.Count}</SessionToken><Expiration>{end}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>");
    }
}
