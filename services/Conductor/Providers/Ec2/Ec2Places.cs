using System.Globalization;
using Overture.Conductor.V1;
using Overture.Platform.Records;

namespace Overture.Conductor.Providers.Ec2;

/// <summary>
/// The places of a launch: every market (spot first), in it every type, of it every subnet, as the spec lists them. Each has a client token
/// of its own, since a token stands for one set of parameters. Pure.
/// </summary>
internal static class Ec2Places
{
    /// <summary>The most places that a launch may name.</summary>
    public const int Most = 32;

    public static IReadOnlyList<LaunchPlace> Of(LaunchSpec spec)
    {
        var ec2 = spec.Ec2 ?? new Ec2Settings();
        bool[] markets = ec2 is { Spot: true, SpotFallback: SpotFallback.OnDemand } ? [true, false] : [ec2.Spot];
        string[] types = [spec.InstanceType, .. ec2.InstanceTypes];
        string[] subnets = ec2.SubnetIds.Count > 0 ? [.. ec2.SubnetIds] : [ec2.SubnetId];
        var all = (from spot in markets from type in types from subnet in subnets select (spot, type, subnet)).ToList();
        return all.Count == 1 && ec2.SubnetIds.Count == 0 ? [new(0, "", spec)]
            : [.. all.Select((p, i) => new LaunchPlace(i, all.Count == 1 ? "" : Text(p.spot, p.type, p.subnet), At(spec, p.spot, p.type,
                p.subnet)))];
    }

    /// <summary>The client token of an instance at a place; at most 64 ASCII characters.</summary>
    public static string Token(CertName name, int place) =>
        place == 0 ? name.ToString() : string.Create(CultureInfo.InvariantCulture, $"{name}.{place}");

    /// <summary>The place that a token of this name stands for; null: it is none of this name.</summary>
    public static int? PlaceOf(string token, string name) =>
        token == name ? 0
        : token.StartsWith(name + ".", StringComparison.Ordinal)
            && int.TryParse(token[(name.Length + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var place)
            && place is > 0 and < Most && token.EndsWith($".{place}", StringComparison.Ordinal) ? place : null;

    /// <summary>Every token that an instance of this name may have.</summary>
    public static IReadOnlyList<string> Tokens(CertName name) => [.. Enumerable.Range(0, Most).Select(i => Token(name, i))];

    private static string Text(bool spot, string type, string subnet) =>
        $"{type}{(subnet.Length > 0 ? $" in {subnet}" : "")}, {(spot ? "spot" : "on demand")}";

    private static LaunchSpec At(LaunchSpec spec, bool spot, string type, string subnet)
    {
        var one = spec.Clone();
        one.InstanceType = type;
        var ec2 = one.Ec2 ??= new Ec2Settings();
        (ec2.Spot, ec2.SubnetId, ec2.SpotFallback) = (spot, subnet, SpotFallback.Unspecified);
        if (!spot)
            ec2.SpotMaxPrice = "";
        ec2.SubnetIds.Clear();
        ec2.InstanceTypes.Clear();
        return one;
    }
}
