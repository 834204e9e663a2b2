using Overture.Conductor.Providers;
using Overture.Conductor.V1;

namespace Overture.Conductor.Reconcile;

/// <summary>
/// Records against one provider's inventory, taken before the records were listed: an instance in it has its record, or never had one.
/// Pure.
/// </summary>
/// <param name="Settling">How long the provider may not list what it started; zero: its answer is current at once.</param>
/// <param name="Records">All that this provider holds.</param>
/// <param name="Inventory">All that it lists, with what has ended.</param>
/// <param name="Foreign">Whether a name that is in no record of this provider is in another's.</param>
/// <param name="Missed">In how many looks in a row, this one included, the name was not listed.</param>
/// <param name="Now">Time of the inventory.</param>
internal sealed record Comparison(
    TimeSpan Settling, IReadOnlyCollection<ComparedRecord> Records, IReadOnlyCollection<Providers.Listed> Inventory,
    Func<string, bool> Foreign, Func<string, int> Missed, DateTimeOffset Now)
{
    private static readonly TimeSpan LaunchTime = TimeSpan.FromMinutes(5), OrphanGrace = TimeSpan.FromMinutes(30);
    private const int LeastBrake = 5, BrakeShare = 20;

    /// <summary>How many ends at once look like an accident of ours.</summary>
    public int Brake => BrakeOf(Living);

    /// <summary>The provider is a further account or region.</summary>
    public bool IsFurther { get; init; }

    // By the provider's own word: these need no second look.
    private readonly HashSet<string> ended = Inventory.Where(l => l.Seen is { IsGone: true, InstanceId.Length: > 0 })
        .Select(l => l.Seen.InstanceId).ToHashSet(StringComparer.Ordinal);

    public int Living =>
        Records.Count(r => r.IsLaunched && !r.Terminating && r.Terminated is null);

    /// <param name="limit">Instead of <see cref="Brake"/>; 0: the brake.</param>
    public IReadOnlyList<Discrepancy> All(int limit = 0)
    {
        var there = Inventory.Where(l => !l.Seen.IsGone).ToList();
        var listed = there.GroupBy(l => l.Name, StringComparer.Ordinal)
            .ToDictionary(g => g.Key, g => g.ToList(), StringComparer.Ordinal);
        var known = Records.Select(r => r.Name).ToHashSet(StringComparer.Ordinal);
        var all = Records.Select(r => OfRecord(r, listed.GetValueOrDefault(r.Name))).OfType<Discrepancy>()
            .Concat(Records.SelectMany(r => Doubles(r, listed.GetValueOrDefault(r.Name))))
            .Concat(there.Where(l => !known.Contains(l.Name) && !Foreign(l.Name)).Select(Orphan))
            .OrderBy(d => d.Kind).ThenBy(d => d.Name, StringComparer.Ordinal).ToList();
        var most = limit > 0 ? limit : Rule.IsBlind ? 0 : Brake;
        return Braked(all, Ends(all), most);
    }

    /// <summary>
    /// What was found at the accounts and regions of one cloud: together they have one brake, or many small ones would have none.
    /// </summary>
    /// <param name="found">Of each, as <see cref="All"/> returned.</param>
    /// <param name="living">How many they should list, together.</param>
    public static IReadOnlyList<IReadOnlyList<Discrepancy>> Together(IReadOnlyList<IReadOnlyList<Discrepancy>> found, int living) =>
        [.. found.Select(f => Braked(f, found.Sum(Ends), BrakeOf(living)))];

    private static int BrakeOf(int living) => Math.Max(LeastBrake, living / BrakeShare);

    private static int Ends(IReadOnlyList<Discrepancy> found) => found.Count(d => d.Ends && d.HeldBack.Length == 0);

    private static IReadOnlyList<Discrepancy> Braked(IReadOnlyList<Discrepancy> found, int ends, int most) =>
        ends <= most ? found : [.. found.Select(d => d.Ends && d.HeldBack.Length == 0 ? d with { HeldBack = TooMany(ends, most) } : d)];

    private Unlisted Rule => new(Settling, Inventory.Count, Living) { IsFurther = IsFurther };

    // A wrong region, account or filter looks like this too.
    private static string TooMany(int ends, int most) =>
        $"brake: {ends} terminations at once exceed the limit of {most}; check the provider's account, region and credentials and the "
            + $"bucket, then run overture gc --apply --limit {ends}";

    private Discrepancy? OfRecord(ComparedRecord record, List<Providers.Listed>? listed)
    {
        if (record.Terminated is { } terminated)
        {
            return listed is not null
                ? new Discrepancy(FindingKind.Ghost, record.Name, listed[0].Seen.InstanceId,
                    $"terminated at {At(terminated)}, and the provider still lists it as {listed[0].Seen.State}", Remedy.Stop)
                : record.Unrevoked ? new Discrepancy(FindingKind.ZombieCertificate, record.Name, "",
                    $"terminated at {At(terminated)} without CertAuthority, which has not confirmed since that its certificate is revoked",
                    Remedy.Remind)
                : null;
        }
        if (record.Terminating)
            return null; // the saga's
        return listed is not null ? Unwritten(record, listed[0]) : Missing(record);
    }

    // Which of them is the right one, the record of the launch says; what has no such record is adopted first.
    private static IEnumerable<Discrepancy> Doubles(ComparedRecord record, List<Providers.Listed>? listed) =>
        listed is not { Count: > 1 } || !record.IsLaunched || record.Terminated is not null ? []
        : listed.Where(l => l.Seen.InstanceId != record.InstanceId).Select(l => new Discrepancy(
            FindingKind.Orphan, record.Name, l.Seen.InstanceId,
            $"{l.Seen.InstanceId} is a second instance of this name; {record.InstanceId} is the first", Remedy.Stop,
            "terminate it at the provider yourself, by its id"));

    private static Discrepancy? Unwritten(ComparedRecord record, Providers.Listed listed) =>
        record.IsLaunched ? null
        : new Discrepancy(FindingKind.Lost, record.Name, listed.Seen.InstanceId,
            $"it is {listed.Seen.State} as {listed.Seen.InstanceId}, and its launch was not fully recorded", Remedy.Adopt);

    private Discrepancy? Missing(ComparedRecord record)
    {
        var (name, id) = (record.Name, record.InstanceId);
        if (record.Launched is not { } launched)
        {
            var open = !record.LaunchFailed && Now >= record.NotBefore + LaunchTime && Now < record.Deadline;
            return open ? new Discrepancy(FindingKind.Lost, name, "", "its launch was interrupted before the provider answered",
                Remedy.AskAgain) : null;
        }
        var certain = ended.Contains(id);
        if (!certain && Rule.MayCome(launched, Now))
            return null;
        var looks = certain ? 1 : Rule.LooksNeeded;
        var held = record.Protected ? "it is protected: overture instance protect --off, then terminate it"
            : Missed(name) < looks ? $"missing in {Missed(name)} of {looks} checks; the next is within a minute" : "";
        return record.Serial is null
            ? new Discrepancy(FindingKind.Lost, name, id, $"{id} is gone, and was not terminated here", Remedy.Terminate, held)
            : new Discrepancy(FindingKind.ZombieCertificate, name, id, $"{id} is gone, and its certificate {record.Serial} is still valid",
                Remedy.Terminate, held);
    }

    private Discrepancy Orphan(Providers.Listed listed)
    {
        var held = !Platform.Records.CertName.TryParse(listed.Name, out _, out _)
            ? "its mark is not a certname: terminate it at the provider yourself"
            : listed.Since is null || Now < listed.Since.Value + OrphanGrace
                ? $"younger than {OrphanGrace.TotalMinutes:0} min: its record may not be written yet" : "";
        return new Discrepancy(FindingKind.Orphan, listed.Name, listed.Seen.InstanceId,
            $"{listed.Seen.InstanceId} carries our mark, and there is no record of it", Remedy.Stop, held);
    }

    private static string At(DateTimeOffset at) => $"{at:yyyy-MM-dd'T'HH:mm:ss'Z'}";
}
