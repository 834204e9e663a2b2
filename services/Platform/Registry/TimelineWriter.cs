using Microsoft.Extensions.Logging;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Records.V1;
using StackExchange.Redis;

namespace Overture.Platform.Registry;

/// <summary>One line of a timeline with its message on the change feed; or, without an event, the message alone.</summary>
internal sealed record TimelineLine(CertName Name, string Key, TimelineEvent? Event);

/// <summary>
/// Lines on their way to Redis, in the order they were written, many to a call. Bounded in number and in time: what does not fit, and what
/// waits while Redis is away, is logged and passed over.
/// </summary>
internal sealed class TimelineWriter(RegistryConnection registry, RegistryKeys keys, ILogger log)
{
    private const int Most = 10_000, AtOnce = 200;

    // Under load a call takes along what came meanwhile. Real time, also where a test holds the clock.
    private static readonly TimeSpan Linger = TimeSpan.FromMilliseconds(5);

    // Gives back the numbers of those that could not be written (the key has another type), and goes on behind them.
    private const string WriteAndAnnounce = """
        local missed = {}
        for i = 2, #KEYS do
          local key, json, name = ARGV[i * 3 - 5], ARGV[i * 3 - 4], ARGV[i * 3 - 3]
          local new = json == '' and 1 or redis.pcall('HSETNX', KEYS[i], key, json)
          if type(new) == 'table' then
            missed[#missed + 1] = i - 2
          elseif new == 1 then
            redis.call('XADD', KEYS[1], 'MAXLEN', '~', 10000, '*', 'certname', name, 'what', key)
          end
        end
        return missed
        """;

    private readonly object gate = new();
    private readonly Queue<TimelineLine> waiting = new();
    private readonly Queue<(long After, TaskCompletionSource Done)> readers = new();
    private long added, sent;
    private bool running;

    public void Add(TimelineLine line)
    {
        lock (gate)
        {
            if (waiting.Count == Most)
            {
                RegistryLog.Skipped(log, line.Key);
                return;
            }
            waiting.Enqueue(line);
            added++;
            if (running)
                return;
            running = true;
        }
        // Not in the trace, nor under the locks, of the first writer.
        ThreadPool.UnsafeQueueUserWorkItem(async _ => await Pump(), null);
    }

    /// <summary>Waits until what was added before is in Redis, or given up.</summary>
    public Task Flushed()
    {
        lock (gate)
        {
            if (sent == added)
                return Task.CompletedTask;
            var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            readers.Enqueue((added, done));
            return done.Task;
        }
    }

    private async Task Pump()
    {
        do
            await Task.Delay(Linger);
        while (Done(await Send(Next())));
    }

    private List<TimelineLine> Next()
    {
        lock (gate)
        {
            var batch = new List<TimelineLine>(Math.Min(waiting.Count, AtOnce));
            while (batch.Count < AtOnce && waiting.TryDequeue(out var line))
                batch.Add(line);
            return batch;
        }
    }

    // How many are dealt with: while Redis is away, also all that wait, since each would wait for its deadline in turn.
    private async Task<int> Send(List<TimelineLine> batch)
    {
        try
        {
            foreach (var missed in await Call(batch))
                RegistryLog.Skipped(log, batch[missed].Key);
            return batch.Count;
        }
        catch (Exception e)
        {
            // Nothing may end the pump, or readers would wait forever.
            if (e is not FaultException)
                RegistryLog.LinesFailed(log, batch.Count, e);
            lock (gate)
            {
                batch.AddRange(waiting);
                waiting.Clear();
            }
            foreach (var line in batch)
                RegistryLog.Skipped(log, line.Key);
            return batch.Count;
        }
    }

    private async Task<int[]> Call(List<TimelineLine> batch)
    {
        var (names, values) = (new RedisKey[batch.Count + 1], new RedisValue[batch.Count * 3]);
        names[0] = keys.Changes;
        for (var i = 0; i < batch.Count; i++)
        {
            names[i + 1] = keys.Timeline(batch[i].Name);
            values[i * 3] = batch[i].Key;
            values[i * 3 + 1] = batch[i].Event is { } line ? RecordJson.WriteText(line) : "";
            values[i * 3 + 2] = batch[i].Name.ToString();
        }
        return (int[]?)await registry.Run(db => db.ScriptEvaluateAsync(WriteAndAnnounce, names, values)) ?? [];
    }

    // Whether there is more to do.
    private bool Done(int count)
    {
        lock (gate)
        {
            sent += count;
            while (readers.TryPeek(out var reader) && reader.After <= sent)
                readers.Dequeue().Done.SetResult();
            return running = waiting.Count > 0;
        }
    }
}
