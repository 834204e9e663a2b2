using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.V1;
using Overture.Platform.Records;

namespace Overture.Cli.Output;

/// <summary>How an instance, its state and its conditions read: "csr-received", "run-failed", "3m".</summary>
internal static class InstanceText
{
    public static string State(InstanceState state) => state == InstanceState.Unspecified ? "unknown" : EnumWord.Of(state);

    /// <summary>"csr-held".</summary>
    public static string Condition(ConditionType type) => type == ConditionType.Unspecified ? "unknown" : EnumWord.Of(type);

    /// <summary>All of them, what a person must mend first: "contested,revoked".</summary>
    public static string ConditionsOf(Instance instance) => string.Join(',', instance.Conditions.Select(c => Condition(c.Type)));

    /// <summary>Those that are not just information.</summary>
    public static IEnumerable<Condition> Wrong(Instance instance) =>
        instance.Conditions.Where(c => c.Severity > ConditionSeverity.Info);

    /// <summary>Every condition a person may name, in order.</summary>
    public static IReadOnlyDictionary<string, ConditionType> Conditions { get; } =
        System.Enum.GetValues<ConditionType>().Where(c => c != ConditionType.Unspecified).ToDictionary(Condition, c => c);

    /// <summary>Every state a person may name, in order.</summary>
    public static IReadOnlyDictionary<string, InstanceState> States { get; } =
        System.Enum.GetValues<InstanceState>().Where(s => s != InstanceState.Unspecified).ToDictionary(State, s => s);

    /// <summary>State, what is wrong, and of what comes first why.</summary>
    public static string Summary(Instance instance)
    {
        var wrong = Wrong(instance).ToList();
        var words = string.Join(", ", wrong.Select(c => Condition(c.Type)).Prepend(State(instance.State)));
        return wrong.Count == 0 ? words : $"{words}: {wrong[0].Message} {wrong[0].Next}".TrimEnd();
    }

    /// <summary>"team=blue, tier=web", by name.</summary>
    public static string Labels(Instance instance) =>
        string.Join(", ", instance.Labels.OrderBy(l => l.Key, StringComparer.Ordinal).Select(l => $"{l.Key}={l.Value}"));

    public static string Time(Timestamp? at) => at is null ? "" : Times.Exact(at.ToDateTimeOffset());

    public static string Age(Timestamp? since, TimeProvider clock)
    {
        if (since is null)
            return "";
        var age = clock.GetUtcNow() - since.ToDateTimeOffset();
        return age switch
        {
            { TotalSeconds: < 120 } => $"{Math.Max(0, (int)age.TotalSeconds)}s",
            { TotalMinutes: < 120 } => $"{(int)age.TotalMinutes}m",
            { TotalHours: < 48 } => $"{(int)age.TotalHours}h",
            _ => $"{(int)age.TotalDays}d",
        };
    }
}
