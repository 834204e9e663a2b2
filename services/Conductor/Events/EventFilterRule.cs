using Overture.Conductor.Instances;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.Conductor.Events;

/// <summary>Which events an EventFilter asks for. Pure.</summary>
internal sealed class EventFilterRule
{
    private const int MostTerms = 100;
    private readonly EventFilter filter;
    private readonly LabelSelector labels;
    private readonly IReadOnlyList<string> types;
    private readonly HashSet<string> certnames;

    /// <exception cref="FaultException">INVALID_FIELD: which field, and its rule.</exception>
    public EventFilterRule(EventFilter filter)
    {
        this.filter = filter;
        if (Problem(filter) is { } problem)
            throw FaultException.Invalid(problem);
        if (!LabelSelector.TryParse(filter.Selector, out labels, out var rule))
            throw FaultException.Invalid("filter.selector", rule);
        types = [.. filter.Types_.Select(Whole)];
        certnames = [.. filter.Certnames];
    }

    /// <summary>The rule that a filter breaks, or null.</summary>
    public static FieldProblem? Problem(EventFilter filter)
    {
        if (filter.Types_.Count > MostTerms || filter.Certnames.Count > MostTerms)
            return new(filter.Types_.Count > MostTerms ? "filter.types" : "filter.certnames", $"must be at most {MostTerms}");
        if (filter.Types_.FirstOrDefault(t => !EventTypes.All.Any(known => IsWithin(known, Whole(t)))) is { } unknown)
        {
            return new("filter.types", $"names no event: {PrintableText.Of(unknown)}; e.g. condition, condition.stalled or "
                + "instance.converged (docs/events.md)");
        }
        return LabelSelector.TryParse(filter.Selector, out _, out var rule) ? null : new("filter.selector", rule);
    }

    public bool Matches(Event found) =>
        (types.Count == 0 || types.Any(t => IsWithin(found.Type, t)))
        && (filter.Profile.Length == 0 || found.Profile == filter.Profile)
        && (certnames.Count == 0 || certnames.Contains(found.Certname))
        && labels.Matches([.. found.Labels]);

    private static string Whole(string type) =>
        type.StartsWith(EventTypes.Prefix, StringComparison.Ordinal) ? type : EventTypes.Prefix + type;

    private static bool IsWithin(string type, string part) =>
        type.StartsWith(part, StringComparison.Ordinal) && (type.Length == part.Length || type[part.Length] == '.');
}
