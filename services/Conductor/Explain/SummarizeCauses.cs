using System.Runtime.CompilerServices;
using Overture.Conductor.Instances;
using Overture.Conductor.V1;
using Overture.Platform.Records;

namespace Overture.Conductor.Explain;

/// <summary>
/// The causes of a fleet: how many instances each keeps from being ready, the worst first. Of each instance it is the first that
/// <see cref="ExplainInstance"/> says, from what is known of all: no record is read for it, and no console, other than of those that are
/// late, which were read when they became so.
/// </summary>
internal sealed class SummarizeCauses(InstanceTable table, InstanceList list, UncollectedCertificates uncollected)
{
    private const int MaxExamples = 3;
    // Half of a large fleet may be broken, and pages ask again and again: what is known of a row stays so, and goes with it.
    private readonly ConditionalWeakTable<InstanceRow, Known> known = [];

    public async Task<SummarizeCausesResponse> Run(InstanceFilter? filter, CancellationToken cancel)
    {
        // 1. those that may have a cause
        var query = new InstanceQuery(filter ?? new InstanceFilter());
        await list.Complete(cancel);
        var some = table.Rows.Take(null, int.MaxValue, query.Matches, kinds: k => k.MayHaveCause && query.MayMatch(k))
            .ConvertAll(row => (Row: row, Known: known.GetValue(row, Look)));
        var total = table.Rows.Kinds(query).Sum(k => k.Count);

        // 2. of those that are late with their certificate, whether it was fetched
        var unfetched = await uncollected.Find([.. some.Where(s => s.Known.InDoubt).Select(s => s.Row.Name)]);

        // 3. the first cause of each, counted
        var found = new Dictionary<string, Counted>(StringComparer.Ordinal);
        foreach (var (row, own) in some)
        {
            var first = unfetched.TryGetValue(row.Name, out var cause) ? Brief.Of(First(row, row.Records(), cause)) : own.First;
            if (first is null)
                continue;
            if (!found.TryGetValue(first.Reason, out var count))
                found[first.Reason] = count = new Counted(row, first);
            count.Add(row, first);
        }

        // 4. in words, of one each
        var causes = found.Values.Select(c => c.Answer(row => First(row, row.Records(), unfetched.GetValueOrDefault(row.Name))!.Cause));
        return new SummarizeCausesResponse
        {
            Total = total,
            Broken = found.Values.Sum(c => c.Count),
            Causes =
            {
                causes.OrderByDescending(c => c.Severity).ThenBy(c => c.Type == ConditionType.Unspecified).ThenBy(c => c.Type)
                    .ThenByDescending(c => c.Count).ThenBy(c => c.Reason, StringComparer.Ordinal),
            },
        };
    }

    private static Known Look(InstanceRow row)
    {
        var records = row.Records();
        return new Known(Brief.Of(First(row, records, null)), UncollectedCertificates.IsInDoubt(records, row.Conditions));
    }

    private static FoundCause? First(InstanceRow row, InstanceRecords records, Cause? uncollected) => InstanceCauses.Of(records,
        row.Conditions, InstanceCauses.Shown(records), InstanceCauses.Said(records, uncollected)).FirstOrDefault();

    // What is counted of a cause: its words are long, and made again of the few that are shown.
    private sealed record Brief(string Reason, ConditionType Type, ConditionSeverity Severity, DateTimeOffset? Since)
    {
        public static Brief? Of(FoundCause? found) => found is null ? null
            : new(found.Cause.Reason, found.Type, found.Severity, found.Cause.Since.Maybe());
    }

    /// <param name="First">Its first cause, unless it is that its certificate was not fetched; null: none.</param>
    /// <param name="InDoubt">Whether it may be that (<see cref="UncollectedCertificates.IsInDoubt"/>).</param>
    private sealed record Known(Brief? First, bool InDoubt);

    // The instances of one reason.
    private sealed class Counted(InstanceRow example, Brief first)
    {
        private readonly List<string> names = [];
        private (InstanceRow Row, DateTimeOffset? Since) oldest = (example, null);
        private Brief worst = first;

        public int Count { get; private set; }

        public void Add(InstanceRow row, Brief cause)
        {
            Count++;
            if (names.Count < MaxExamples)
                names.Add($"{row.Name}");
            if (Rank(cause).CompareTo(Rank(worst)) < 0)
                worst = cause;
            if (cause.Since is not null && (oldest.Since is null || cause.Since < oldest.Since))
                oldest = (row, cause.Since);
        }

        public CauseCount Answer(Func<InstanceRow, Cause> causeOf)
        {
            var since = causeOf(oldest.Row);
            return new CauseCount
            {
                Type = worst.Type, Severity = worst.Severity, Reason = worst.Reason, Sentence = causeOf(example).Sentence,
                Next = since.Next,
                Since = since.Since, Count = Count, Certnames = { names },
            };
        }

        // The least is the worst.
        private static (int, bool, ConditionType) Rank(Brief cause) =>
            (-(int)cause.Severity, cause.Type == ConditionType.Unspecified, cause.Type);
    }
}
