using Overture.Platform.Connections;
using Overture.Platform.Faults;

namespace Overture.CertAuthority.PuppetApi.Limits;

/// <summary>
/// How much the listener for agents takes; no agent that behaves meets any of it (docs/decisions/0005-limits.md says why these numbers).
/// </summary>
public sealed record PuppetLimitOptions : HttpListenerLimits
{
    // A whole NAT may boot at once.
    public PuppetLimitOptions() => (Connections, PerAddress, UnfinishedPerAddress, RequestsPerConnection) = (10_000, 4_000, 2_000, 500);

    /// <summary>From a request's headers to the beginning of its answer. 1s to 10m.</summary>
    public TimeSpan Request { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Certificate requests under one name, a minute. Over it only those with the right token go on. 1 to 1000000.</summary>
    public int CsrPerMinute { get; init; } = 30;

    /// <summary>How many of them may come at once. 1 to 1000000.</summary>
    public int CsrBurst { get; init; } = 30;

    /// <summary>Certificate requests with the right token that go on all the same, under one name, a minute. 1 to 1000000.</summary>
    public int ProvenPerMinute { get; init; } = 120;

    /// <summary>How many of them may come at once. 1 to 1000000.</summary>
    public int ProvenBurst { get; init; } = 100;

    /// <summary>Looks at one name's certificate from one address, a minute. 1 to 1000000.</summary>
    public int PollsPerMinute { get; init; } = 60;

    /// <summary>How many of them may come at once. 1 to 1000000.</summary>
    public int PollBurst { get; init; } = 60;

    /// <summary>
    /// Looks of one address at names that have no certificate, a minute; but for names whose request came from that address and was taken.
    /// 1 to 1000000.
    /// </summary>
    public int UnfoundPerMinute { get; init; } = 12_000;

    /// <summary>How many of them may come at once. 1 to 1000000.</summary>
    public int UnfoundBurst { get; init; } = 6_000;

    /// <summary>Renewals under one name, a minute. 1 to 1000000.</summary>
    public int RenewalsPerMinute { get; init; } = 6;

    /// <summary>How many of them may come at once. 1 to 1000000.</summary>
    public int RenewalBurst { get; init; } = 30;

    /// <summary>
    /// Failures of one address a minute: answers 4xx (but for a GET's 404), and connections that end without a request. 1 to 1000000.
    /// </summary>
    public int FailuresPerMinute { get; init; } = 12_000;

    /// <summary>How many of them may come at once. 1 to 1000000.</summary>
    public int FailureBurst { get; init; } = 6_000;

    /// <summary>
    /// Names (and addresses) that are remembered at most; what did not come for longest is forgotten first. 1000 to 10000000.
    /// </summary>
    public int Remembered { get; init; } = 100_000;

    public override IEnumerable<FieldProblem> Problems(string at)
    {
        foreach (var problem in base.Problems(at))
            yield return problem;
        var counts = new (string Field, int Value, int Least, int Most)[]
        {
            ("csrPerMinute", CsrPerMinute, 1, 1_000_000), ("csrBurst", CsrBurst, 1, 1_000_000),
            ("provenPerMinute", ProvenPerMinute, 1, 1_000_000), ("provenBurst", ProvenBurst, 1, 1_000_000),
            ("pollsPerMinute", PollsPerMinute, 1, 1_000_000), ("pollBurst", PollBurst, 1, 1_000_000),
            ("unfoundPerMinute", UnfoundPerMinute, 1, 1_000_000), ("unfoundBurst", UnfoundBurst, 1, 1_000_000),
            ("renewalsPerMinute", RenewalsPerMinute, 1, 1_000_000), ("renewalBurst", RenewalBurst, 1, 1_000_000),
            ("failuresPerMinute", FailuresPerMinute, 1, 1_000_000), ("failureBurst", FailureBurst, 1, 1_000_000),
            ("remembered", Remembered, 1_000, 10_000_000),
        };
        foreach (var (field, value, least, most) in counts)
        {
            if (value < least || value > most)
                yield return new($"{at}.{field}", $"must be {least} to {most}");
        }
        if (Request < TimeSpan.FromSeconds(1) || Request > TimeSpan.FromMinutes(10))
            yield return new($"{at}.request", "must be 1s to 10m");
    }
}
