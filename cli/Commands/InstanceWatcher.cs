using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>How watching ended, and what each instance was then.</summary>
/// <param name="Instances">In the order asked for.</param>
/// <param name="TimedOut">The time given ran out first.</param>
internal sealed record Watched(IReadOnlyList<Instance> Instances, bool TimedOut)
{
    /// <summary>And nothing that a person must mend: a certificate that is revoked or contested, a run that failed since.</summary>
    public bool Converged => Instances.All(i => i.State == InstanceState.Converged
        && i.Conditions.All(c => c.Severity != ConditionSeverity.Error));
}

/// <summary>Follows instances over WatchInstances, for as long as is given.</summary>
internal sealed class InstanceWatcher(Session session)
{
    /// <param name="start">What is known of each already.</param>
    /// <param name="filter">Where start is empty: which.</param>
    /// <param name="untilSettled">End when each is converged, failed or terminated.</param>
    /// <param name="limit">The time given.</param>
    /// <param name="answered">The Conductor has answered this command before, so that a connection that fails is worth a further
    /// try.</param>
    /// <param name="report">Gets each new state.</param>
    /// <param name="say">Gets what becomes of the connection, in sentences.</param>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="Failure">The Conductor refuses, or can't be reached any more.</exception>
    public async Task<Watched> Follow(
        IReadOnlyList<Instance> start, InstanceFilter? filter, bool untilSettled, TimeSpan limit, bool answered, Action<Instance> report,
        Action<string> say, CancellationToken cancel)
    {
        var latest = start.ToDictionary(i => i.Certname, i => i, StringComparer.Ordinal);
        var stream = new WatchedStream(session, session.Clock.GetUtcNow() + limit, answered, say);
        var ended = await stream.Follow((client, options) => client.WatchInstances(
            start.Count > 0 ? new WatchInstancesRequest { Certnames = { latest.Keys }, UntilSettled = untilSettled }
            : new WatchInstancesRequest { Filter = filter, UntilSettled = untilSettled }, options), answer =>
        {
            latest[answer.Instance.Certname] = answer.Instance;
            report(answer.Instance);
        }, cancel);
        return new Watched([.. latest.Values], TimedOut: !ended);
    }
}
