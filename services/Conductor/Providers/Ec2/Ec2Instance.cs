using System.Globalization;
using System.Xml.Linq;

namespace Overture.Conductor.Providers.Ec2;

/// <summary>An instance in an answer of the API. Pure; unknown elements are passed over.</summary>
/// <param name="Name">What our mark says; empty: it has none.</param>
/// <param name="Token">The client token it was launched with. It cannot be changed, so it decides whose instance it is, and not the
/// mark.</param>
/// <param name="Reason">Why it ended, where the cloud says so.</param>
internal sealed record Ec2Instance(string Id, Sighting Seen, string Name, string Token, DateTimeOffset? Since, string Reason)
{
    private const int LowByte = 0xFF, PendingCode = 0;

    /// <summary>
    /// Launched by us under the name in its mark; a mark alone can be set by others, and counts only where the cloud lists no token.
    /// </summary>
    public bool IsOurs(Ec2Dialect dialect) => Name.Length > 0 && (Place is not null || (!dialect.ListsToken && Token.Length == 0));

    /// <summary>The place that its token stands for; null: its token is not of the name in its mark.</summary>
    public int? Place => Ec2Places.PlaceOf(Token, Name.Length > 0 ? Name : Token.Split('.')[0]);

    /// <summary>The image's id.</summary>
    public string Image { get; init; } = "";

    /// <summary>Every instance in the answer, whatever reservation it is of.</summary>
    public static IReadOnlyList<Ec2Instance> All(XElement answer) =>
        [.. answer.DescendantsAndSelf().Where(e => e.Name.LocalName == "instancesSet").SelectMany(e => e.Elements()).Select(Of)];

    private static Ec2Instance Of(XElement item)
    {
        var id = Text(item, "instanceId");
        var code = int.TryParse(Text(Child(item, "instanceState"), "code"), NumberStyles.None, CultureInfo.InvariantCulture, out var read)
            ? read & LowByte : PendingCode;
        var state = StateOf(code);
        var why = Text(Child(item, "stateReason"), "message") is { Length: > 0 } reason ? reason : Text(item, "reason");
        var addresses = new[] { Text(item, "ipAddress"), Text(item, "privateIpAddress"), Text(item, "ipv6Address") }
            .Where(a => a.Length > 0).ToList();
        var tags = Child(item, "tagSet")?.Elements().FirstOrDefault(t => Text(t, "key") == Ec2Tags.CertName);
        return new Ec2Instance(
            id,
            new Sighting(state, id, state == Sighting.Running ? addresses : []) { Phase = PhaseOf(code, state), Why = why },
            tags is null ? "" : Text(tags, "value"),
            Text(item, "clientToken"),
            DateTimeOffset.TryParse(Text(item, "launchTime"), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var since)
                ? since : null,
            why) { Image = Text(item, "imageId") };
    }

    // 0 pending, 16 running, 32 shutting-down, 48 terminated, 64 stopping, 80 stopped. What is on its way out does not come back; an
    // unknown state ends nothing.
    private static string StateOf(int code) => code switch
    {
        16 => Sighting.Running,
        64 or 80 => Sighting.Stopped,
        32 or 48 => Sighting.Gone.State,
        _ => Sighting.Pending,
    };

    private static string PhaseOf(int code, string state) => code switch
    {
        32 => "shutting-down",
        48 => "terminated",
        64 => "stopping",
        80 => "stopped",
        _ => state,
    };

    private static XElement? Child(XElement? of, string name) => of?.Elements().FirstOrDefault(e => e.Name.LocalName == name);

    private static string Text(XElement? of, string name) => Child(of, name)?.Value.Trim() ?? "";
}

/// <summary>Our marks on instances.</summary>
internal static class Ec2Tags
{
    public const string CertName = "overture:certname", Deployment = "overture:deployment";
}
