namespace Overture.Platform.Registry;

/// <summary>
/// What a service does in Redis, as the rules of its ACL user: commands and keys that it needs, and no others. From here come the users
/// that `overture registry init` writes, and the question whether the user that is there has them. Pure.
/// </summary>
public sealed class RegistryRights
{
    // The client library's: to log in, and to see once a second which server is the primary.
    private static readonly string[] Connection = ["-@all", "+@connection", "-@dangerous", "+info", "+role"];
    private static readonly string[] Scripts = ["+eval", "+evalsha", "+script|load"];

    // A command line each, of which the part after ~ is a key below our prefix.
    private static readonly string[] OfAll =
    [
        "setrange ~probe 0 v", "hsetnx ~timeline:* k v", "xadd ~changes * k v", "xrevrange ~changes + -", "xread STREAMS ~changes 0",
    ];

    private static readonly string[] OfTheConductor =
    [
        "set ~instance:* v", "mset ~instance:* v", "get ~instance:*", "zadd ~instances 1 m", "zrevrangebyscore ~instances + -",
        "zcard ~instances", "hgetall ~timeline:*", "expire ~timeline:* 1", "pexpire ~timeline:* 1", "set ~lease:* v", "get ~lease:*",
        "pexpire ~lease:* 1", "del ~lease:*",
        "zadd ~last-runs NX 1 m", "zscore ~last-runs m", "zrangebyscore ~last-runs 0 1", "hset ~bad-runs k v", "hdel ~bad-runs k",
        "hmget ~bad-runs k", "zrem ~last-runs m", "hgetall ~broken-definitions",
        "hmget ~broken-definitions k", "hdel ~broken-definitions k",
        "set ~console-session:* v", "get ~console-session:*",
    ];

    private static readonly string[] OfTheClassifier = ["hset ~broken-definitions k v"];

    /// <summary>The services, by the names that their users have.</summary>
    public static readonly IReadOnlyList<string> Services = ["conductor", "certauthority", "classifier"];

    /// <param name="service">One of <see cref="Services"/>.</param>
    /// <param name="deployment">As in the option of this name.</param>
    public RegistryRights(string service, string deployment)
    {
        var prefix = Prefix(deployment);
        string[] own = service == Services[0] ? OfTheConductor : service == Services[2] ? OfTheClassifier : [];
        Samples = [.. OfAll.Concat(own).Select(line => line.Replace("~", $"{prefix}:", StringComparison.Ordinal))];
        var keys = OfAll.Concat(own).SelectMany(line => line.Split(' ')).Where(part => part[0] == '~').Distinct()
            .Select(key => $"~{prefix}:{key[1..]}");
        var commands = OfAll.Concat(own).Select(line => $"+{line.Split(' ')[0]}").Distinct();
        Service = service;
        Rules = string.Join(' ', keys.Prepend("resetkeys resetchannels").Concat(Connection).Concat(Scripts).Concat(commands));
        Additions = string.Join(' ', Rules.Split(' ').Where(rule => rule[0] is '+' or '~'));
    }

    public string Service { get; }

    /// <summary>For ACL SETUSER, or a line `user NAME` of redis.conf.</summary>
    public string Rules { get; }

    /// <summary>The rules that only give: for a user who is not this service's alone.</summary>
    public string Additions { get; }

    /// <summary>A command line of each kind that the service sends, with * where a name is.</summary>
    public IReadOnlyList<string> Samples { get; }

    /// <summary>What every key begins with.</summary>
    public static string Prefix(string deployment) => deployment.Length == 0 ? "overture" : $"overture:{deployment}";
}
