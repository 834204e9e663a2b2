using System.Threading.Channels;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Serving;

namespace Overture.Conductor.Instances;

/// <summary>Follows instances: each at once, then at every change. A change that was missed is found within a sweep.</summary>
internal sealed class InstanceWatch(InstanceTable table, Drain drain, TimeProvider clock)
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(2);

    /// <param name="names">1-100.</param>
    /// <param name="untilSettled">End when each is converged, failed or terminated.</param>
    /// <param name="send">Takes each new state.</param>
    /// <param name="cancel">The caller hung up.</param>
    public async Task Follow(IReadOnlyList<CertName> names, bool untilSettled, Func<Instance, Task> send, CancellationToken cancel)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancel, drain.Closing);
        var news = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        var wanted = names.Select(n => n.ToString()).ToHashSet(StringComparer.Ordinal);
        void Wake(Instance instance)
        {
            if (wanted.Contains(instance.Certname))
                news.Writer.TryWrite(true);
        }

        table.Changed += Wake;
        try
        {
            // 1. everything asked for exists
            foreach (var name in names)
                _ = await table.Refold(name, ending.Token) ?? throw Lookup.Unknown(name);
            // 2. what is new since the last look, until canceled
            var sent = new Dictionary<CertName, Instance>();
            while (true)
            {
                foreach (var name in names)
                {
                    var now = table.Current(name)!; // step 1 saw it, and instances are never forgotten
                    if (!now.Equals(sent.GetValueOrDefault(name)))
                        await send(sent[name] = now);
                }
                if (untilSettled && sent.Values.All(i => InstanceProjection.IsSettled(i.State, i.Trouble)))
                    return;
                await Next(news.Reader, ending.Token);
            }
        }
        catch (OperationCanceledException) when (drain.Closing.IsCancellationRequested)
        {
            throw new FaultException(FaultKind.Unavailable, Reason.ShuttingDown, "the Conductor is shutting down; watch again");
        }
        finally
        {
            table.Changed -= Wake;
        }
    }

    private async Task Next(ChannelReader<bool> news, CancellationToken ending)
    {
        using var limit = new CancellationTokenSource(LookAgain, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, ending);
        try
        {
            await news.ReadAsync(either.Token);
        }
        catch (OperationCanceledException) when (!ending.IsCancellationRequested)
        {
            // looked at again all the same
        }
    }
}
