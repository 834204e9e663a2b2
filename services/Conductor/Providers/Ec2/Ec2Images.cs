using System.Collections.Concurrent;
using System.IO.Enumeration;
using System.Xml.Linq;
using Overture.Conductor.V1;

namespace Overture.Conductor.Providers.Ec2;

/// <summary>Images: whether one can boot at all, and which one a description means.</summary>
internal sealed class Ec2Images(Ec2Client client, Ec2Dialect dialect, string region, TimeProvider clock)
{
    /// <summary>How an image id begins that EC2 itself looks up in the parameter store, at each launch.</summary>
    public const string Alias = "resolve:ssm:";

    private const string AnyArchitecture = "x86_64", Self = "self";
    private static readonly TimeSpan Memory = TimeSpan.FromMinutes(5);
    private readonly ConcurrentDictionary<string, (Unfit? Why, DateTimeOffset At)> known = new(StringComparer.Ordinal);

    /// <summary>Why an image can't boot.</summary>
    /// <param name="Final">It will not boot later either.</param>
    public sealed record Unfit(string Text, bool Final);

    /// <summary>Null: nothing is known against it; of an alias that is seen when it is launched.</summary>
    public async Task<Unfit?> Check(string image, CancellationToken cancel)
    {
        if (image.StartsWith(Alias, StringComparison.Ordinal))
            return null;
        if (known.TryGetValue(image, out var old) && clock.GetUtcNow() - old.At < Memory)
            return old.Why;
        var found = All(await client.Call("DescribeImages", [("ImageId.1", image)], cancel)).FirstOrDefault();
        var why = found is null ? new Unfit($"there is no image {image} in {region}", Final: true)
            : Of(found, "imageState") is { Length: > 0 } state and not "available"
                ? new Unfit($"the image {image} is {state}, not available", Final: state is not ("pending" or "transient"))
            : IsWindows(found)
                ? new Unfit($"the image {image} is Windows, which cloud-init and this user data do not support", Final: true)
            : null;
        known[image] = (why, clock.GetUtcNow());
        return why;
    }

    /// <summary>The id of the newest available image of that description; of two of one moment the one with the later name.</summary>
    /// <exception cref="ProviderException">There is none: final.</exception>
    /// <exception cref="Ec2Exception">The cloud does not say.</exception>
    public async Task<string> Newest(Ec2Image wanted, CancellationToken cancel)
    {
        var architecture = wanted.Architecture.Length > 0 ? wanted.Architecture : AnyArchitecture;
        (string, string)[] filters = !dialect.ImageFilters ? []
            : [("Filter.1.Name", "name"), ("Filter.1.Value.1", wanted.Name), ("Filter.2.Name", "architecture"),
                ("Filter.2.Value.1", architecture), ("Filter.3.Name", "state"), ("Filter.3.Value.1", "available")];
        var answer = await client.Call("DescribeImages", [("Owner.1", wanted.Owner), .. filters], cancel);
        // Filters and owner may be ignored, and a name proves nothing of whose image it is.
        var newest = All(answer)
            .Where(i => FileSystemName.MatchesSimpleExpression(wanted.Name, Of(i, "name"), ignoreCase: false)
                && IsOrUnknown(i, "architecture", architecture) && IsOrUnknown(i, "imageState", "available") && !IsWindows(i)
                && IsOf(i, wanted.Owner))
            .OrderByDescending(i => Of(i, "creationDate"), StringComparer.Ordinal)
            .ThenByDescending(i => Of(i, "name"), StringComparer.Ordinal).ThenBy(i => Of(i, "imageId"), StringComparer.Ordinal)
            .FirstOrDefault();
        return newest is not null ? Of(newest, "imageId")
            : throw new ProviderException($"no available {architecture} image of {wanted.Owner} in {region} has a name like {wanted.Name}",
                final: true);
    }

    private static bool IsOrUnknown(XElement image, string name, string value) => Of(image, name) is var found
        && (found == "" || found == value);

    // What "self" means the server alone knows: it is refused where the server ignores the owner.
    private static bool IsOf(XElement image, string owner) => Ec2Launch.IsAccount(owner) ? Of(image, "imageOwnerId") == owner
        : owner == Self || Of(image, "imageOwnerAlias") == owner;

    private static bool IsWindows(XElement image) => Of(image, "platform").Equals("windows", StringComparison.OrdinalIgnoreCase);

    private static IEnumerable<XElement> All(XElement answer) =>
        answer.DescendantsAndSelf().FirstOrDefault(e => e.Name.LocalName == "imagesSet")?.Elements() ?? [];

    private static string Of(XElement image, string name) =>
        image.Elements().FirstOrDefault(e => e.Name.LocalName == name)?.Value.Trim() ?? "";
}
