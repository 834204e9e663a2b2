using Overture.Platform.Faults;

namespace Overture.Platform.Connections;

/// <summary>
/// How many connections a listener holds, and how many of them one address may have. A process that has not the files or the memory for the
/// sum over its listeners lowers them at start, and says so (<see cref="ConnectionBudget"/>).
/// </summary>
public record ListenerLimits
{
    internal const int FewestConnections = 100, FewestPerAddress = 10, Most = 1_000_000;

    /// <summary>Connections open at once; when all are taken, the address with most of them gives way. 100 to 1000000.</summary>
    public int Connections { get; init; } = 1_000;

    /// <summary>Of one address, connections open at once. 10 to 1000000.</summary>
    public int PerAddress { get; init; } = 500;

    /// <summary>Of one address, connections that have not completed a request yet. 10 to 1000000.</summary>
    public int UnfinishedPerAddress { get; init; } = 250;

    /// <param name="at">Of the option file, for errors: "reports.limits".</param>
    public virtual IEnumerable<FieldProblem> Problems(string at)
    {
        foreach (var (field, value, least) in new[]
        {
            ("connections", Connections, FewestConnections), ("perAddress", PerAddress, FewestPerAddress),
            ("unfinishedPerAddress", UnfinishedPerAddress, FewestPerAddress),
        })
        {
            if (value < least || value > Most)
                yield return new($"{at}.{field}", $"must be {least} to {Most}");
        }
    }
}

/// <summary>Of a listener that speaks HTTP/1.1.</summary>
public record HttpListenerLimits : ListenerLimits
{
    /// <summary>Requests on one connection; the last answer closes it. 10 to 1000000.</summary>
    public int RequestsPerConnection { get; init; } = 1_000;

    public override IEnumerable<FieldProblem> Problems(string at) =>
        RequestsPerConnection is < 10 or > Most ? base.Problems(at).Append(new($"{at}.requestsPerConnection", $"must be 10 to {Most}"))
            : base.Problems(at);
}
