using System.Collections.Concurrent;
using System.Threading.Channels;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Serving;

namespace Overture.Conductor.Instances;

/// <summary>Follows instances: each at once, then at every change. A change that was missed is found within a sweep.</summary>
internal sealed class InstanceWatch(InstanceTable table, InstanceList list, Drain drain, TimeProvider clock)
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(2);

    /// <param name="names">1-100.</param>
    /// <param name="untilSettled">End when each is converged, failed or terminated.</param>
    /// <param name="send">Takes each new state.</param>
    /// <param name="cancel">The caller hung up.</param>
    public async Task Follow(IReadOnlyList<CertName> names, bool untilSettled, Func<Instance, Task> send, CancellationToken cancel)
    {
        using var changes = new Changes(table, drain, clock, cancel);
        await changes.UntilClosing(async ending =>
        {
            // 1. everything asked for exists
            foreach (var name in names)
                _ = await table.Refold(name, ending) ?? throw Lookup.Unknown(name);
            // 2. what is new since the last look, until canceled
            var sent = new Dictionary<CertName, Instance>();
            while (true)
            {
                foreach (var name in names)
                    await SendIfNew(name, sent, send);
                if (untilSettled && sent.Values.All(i => InstanceProjection.IsSettled(i.State, i.Conditions)))
                    return;
                await changes.Next(ending);
            }
        });
    }

    /// <summary>The same, of those that match, now or later.</summary>
    public async Task Follow(InstanceQuery query, bool untilSettled, Func<Instance, Task> send, CancellationToken cancel)
    {
        using var changes = new Changes(table, drain, clock, cancel);
        await changes.UntilClosing(async ending =>
        {
            // 1. all that match now
            await list.Complete(ending);
            var sent = new Dictionary<CertName, Instance>();
            foreach (var row in table.Rows.Take(null, int.MaxValue, query.Matches, kinds: query.MayMatch))
                await SendIfNew(row.Name, sent, send);
            // 2. what changed, where it matches or did when it was sent last
            while (!(untilSettled && sent.Values.All(i => InstanceProjection.IsSettled(i.State, i.Conditions))))
            {
                foreach (var name in await changes.Next(ending))
                {
                    var matches = table.Rows.Find(name) is { } row && query.Matches(row);
                    if (matches || sent.ContainsKey(name))
                        await SendIfNew(name, sent, send);
                    if (!matches)
                        sent.Remove(name);
                }
            }
        });
    }

    private async Task SendIfNew(CertName name, Dictionary<CertName, Instance> sent, Func<Instance, Task> send)
    {
        if (table.Current(name) is { } now && !now.Equals(sent.GetValueOrDefault(name)))
            await send(sent[name] = now);
    }

    // The names with news, for one watch.
    private sealed class Changes : IDisposable
    {
        private readonly Channel<bool> wake = Channel.CreateBounded<bool>(
            new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        private readonly ConcurrentDictionary<CertName, bool> changed = new();
        private readonly CancellationTokenSource ending;
        private readonly InstanceTable table;
        private readonly Drain drain;
        private readonly TimeProvider clock;

        public Changes(InstanceTable table, Drain drain, TimeProvider clock, CancellationToken cancel)
        {
            (this.table, this.drain, this.clock) = (table, drain, clock);
            ending = CancellationTokenSource.CreateLinkedTokenSource(cancel, drain.Closing);
            table.Changed += Note;
        }

        public async Task UntilClosing(Func<CancellationToken, Task> follow)
        {
            try
            {
                await follow(ending.Token);
            }
            catch (OperationCanceledException) when (drain.Closing.IsCancellationRequested)
            {
                throw new FaultException(FaultKind.Unavailable, Reason.ShuttingDown, "the Conductor is shutting down; watch again");
            }
        }

        // At the next change, or after a while all the same.
        public async Task<IReadOnlyList<CertName>> Next(CancellationToken ending)
        {
            using var limit = new CancellationTokenSource(LookAgain, clock);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, ending);
            try
            {
                await wake.Reader.ReadAsync(either.Token);
            }
            catch (OperationCanceledException) when (!ending.IsCancellationRequested)
            {
                // looked at again all the same
            }
            return [.. changed.Keys.Where(name => changed.TryRemove(name, out _))];
        }

        public void Dispose()
        {
            table.Changed -= Note;
            ending.Dispose();
        }

        private void Note(Instance instance)
        {
            changed[CertName.Parse(instance.Certname)] = true;
            wake.Writer.TryWrite(true);
        }
    }
}
