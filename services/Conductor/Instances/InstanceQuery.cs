using Google.Protobuf;
using Overture.Conductor.V1;
using Overture.Platform.Faults;

namespace Overture.Conductor.Instances;

/// <summary>Which instances an InstanceFilter asks for: decided by their kind first, then by a row, without unpacking it.</summary>
internal sealed class InstanceQuery
{
    private const int MaxText = 253;
    private readonly InstanceFilter filter;
    private readonly LabelSelector labels;
    private readonly long since, before;
    private readonly uint states, conditions;

    /// <exception cref="FaultException">INVALID_FIELD: which field, and its rule.</exception>
    public InstanceQuery(InstanceFilter filter)
    {
        this.filter = filter;
        if (filter.States.Any(s => s == InstanceState.Unspecified || !Enum.IsDefined(s)))
            throw FaultException.Invalid("filter.states", "names a state that there is not");
        if (filter.Conditions.Any(c => c == ConditionType.Unspecified || !Enum.IsDefined(c)))
            throw FaultException.Invalid("filter.conditions", "names a condition that there is not");
        if (!LabelSelector.TryParse(filter.Selector, out labels, out var rule))
            throw FaultException.Invalid("filter.selector", rule);
        if (filter.Prefix.Length > MaxText)
            throw FaultException.Invalid("filter.prefix", $"must have at most {MaxText} characters");
        states = filter.States.Aggregate(0u, (mask, s) => mask | (1u << (int)s));
        conditions = filter.Conditions.Aggregate(0u, (mask, c) => mask | InstanceKind.Bit(c));
        since = filter.Since?.ToDateTimeOffset().ToUnixTimeMilliseconds() ?? long.MinValue;
        before = filter.Before?.ToDateTimeOffset().ToUnixTimeMilliseconds() ?? long.MaxValue;
    }

    /// <summary>The filter as it was asked for; for a page token.</summary>
    public byte[] Canonical => filter.ToByteArray();

    /// <summary>The request's, with its older fields.</summary>
    public static InstanceQuery Of(ListInstancesRequest request)
    {
        if (!Enum.IsDefined(request.State))
            throw FaultException.Invalid("state", "is not a state");
        var filter = request.Filter?.Clone() ?? new InstanceFilter();
        if (request.State != InstanceState.Unspecified)
            filter.States.Add(request.State);
        if (request.Profile.Length > 0)
            filter.Profile = request.Profile;
        filter.ShowTerminated |= request.ShowTerminated;
        return new InstanceQuery(filter);
    }

    /// <summary>The kind decides: there is nothing that each row must be asked.</summary>
    public bool IsByKind => since == long.MinValue && before == long.MaxValue && filter.Prefix.Length == 0 && labels.IsEmpty;

    public bool Matches(InstanceRow row) => MayMatch(row.Kind)
        && row.Place.LaunchedMs >= since && row.Place.LaunchedMs < before
        && (filter.Prefix.Length == 0 || row.Name.ToString().StartsWith(filter.Prefix, StringComparison.Ordinal)
            || row.InstanceId.StartsWith(filter.Prefix, StringComparison.Ordinal))
        && labels.Matches(row.Labels);

    /// <summary>Whether any of a kind can match; all of it do where <see cref="IsByKind"/>.</summary>
    public bool MayMatch(InstanceKind kind) =>
        (states == 0 ? filter.ShowTerminated || kind.State != InstanceState.Terminated : (states & (1u << (int)kind.State)) != 0)
        && (filter.ShowOwn || !kind.IsOwn)
        && (conditions == 0 || (conditions & kind.Conditions) != 0)
        && (filter.Profile.Length == 0 || kind.Profile == filter.Profile)
        && (filter.LaunchedBy.Length == 0 || kind.LaunchedBy == filter.LaunchedBy);
}
