using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Overture.Platform.Faults;

namespace Overture.Platform.Objects;

/// <summary>
/// Puts the store's promises to the test before anything is served (one that breaks them stops the start), and again every hour, and within
/// a minute where its name has an address more, or where it refused a replacement of the current version: while it breaks one, the
/// service is not ready. Servers are upgraded and clusters lose nodes. Says too which objects were found unreadable, and tidies up. A
/// store that has no id yet is put to the test once it has.
/// </summary>
public sealed partial class StoreWatch : BackgroundService
{
    private const int MaxRemembered = 1000;
    private static readonly TimeSpan Usual = TimeSpan.FromHours(1), Step = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan WhileWaiting = TimeSpan.FromSeconds(1);
    private readonly StoreIdentity identity;
    private readonly StoreProbe probe;
    private readonly ObjectStore store;
    private readonly TimeProvider clock;
    private readonly ILogger<StoreWatch> log;
    // When each object was last said to be unreadable.
    private readonly Dictionary<string, long> said = new(StringComparer.Ordinal);
    private bool untested;
    private ETagForm form = ETagForm.Quoted;
    private long looked;
    private IReadOnlyList<string> proved = [];
    // Done: the store refused a replacement of the current version since the last look.
    private TaskCompletionSource doubt = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public StoreWatch(StoreIdentity identity, StoreProbe probe, ObjectStore store, TimeProvider clock, ILogger<StoreWatch> log)
    {
        (this.identity, this.probe, this.store, this.clock, this.log) = (identity, probe, store, clock, log);
        store.UnreadableFound += Say;
        store.CurrentRefused += () => doubt.TrySetResult();
    }

    /// <summary>The promise it breaks, in a sentence; null: none that we know.</summary>
    public string? Broken { get; private set; }

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        untested = identity.Waits;
        if (untested)
        {
            Broken = $"the promises of the object store {store.Name} have not been tested yet";
        }
        else
        {
            await First(cancellationToken);
            if (Broken is { } broken)
                throw new FaultException(FaultKind.Precondition, Faults.Reason.StoreUnavailable, broken);
        }
        await base.StartAsync(cancellationToken);
    }

    private async Task First(CancellationToken cancel)
    {
        await probe.Run(rounds: 2, writers: 8, cancel);
        await Look(cancel);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            // As the start found it: the store may have its id by now, and is untested all the same.
            while (untested)
            {
                await Task.Delay(WhileWaiting, clock, stoppingToken);
                untested = !await Try(async () =>
                {
                    if (await identity.Wrong(stoppingToken) is not null)
                        return false;
                    await First(stoppingToken);
                    return true;
                });
            }
            while (true)
            {
                var step = Task.Delay(Step, clock, stoppingToken);
                // At once, but no more often than each step: a store may go on refusing.
                await (clock.GetElapsedTime(looked) < Step ? step : await Task.WhenAny(step, doubt.Task));
                await Try(async () =>
                {
                    if (Broken is not null || doubt.Task.IsCompleted || clock.GetElapsedTime(looked) >= Usual
                        || await HasNewAddress(stoppingToken))
                    {
                        await Look(stoppingToken);
                    }
                    return true;
                });
            }
        }
        catch (OperationCanceledException)
        {
            // stopping
        }
    }

    private static async Task<bool> Try(Func<Task<bool>> look)
    {
        try
        {
            return await look();
        }
        catch (Exception e) when (FaultException.Of(e) is not null)
        {
            // It does not answer: the readiness check reports that by itself, and nothing new is known of its promises.
            return false;
        }
    }

    // Behind an address that was not there may be another server, or one that keeps its promises with itself alone.
    private async Task<bool> HasNewAddress(CancellationToken cancel)
    {
        var more = string.Join(", ", (await store.Addresses(cancel)).Except(proved, StringComparer.Ordinal));
        if (more.Length > 0)
            NewAddress(log, store.Name, more);
        return more.Length > 0;
    }

    private async Task Look(CancellationToken cancel)
    {
        looked = clock.GetTimestamp();
        doubt = new(TaskCreationOptions.RunContinuationsAsynchronously);
        var seen = await probe.Check(writers: 8, cancel);
        Broken = probe.Broken(seen.Promises, seen.Settings);
        if (Broken is null)
            (proved, store.ETagForm) = (seen.Addresses, seen.Form);
        if (store.ETagForm is { } now && now != form)
            FormFound(log, store.Name, (form = now) == ETagForm.Bare ? "without their quotes" : "in quotes");
        if (Broken is { } broken)
            Untrustworthy(log, broken);
        if (seen.Settings.Public)
            OpenToAll(log, store.Name);
        if (await store.Tidy(clock.GetUtcNow(), cancel) is > 0 and var removed)
            Tidied(log, removed, store.Name);
    }

    // Asked for at each request, it is said once an hour.
    private void Say(UnreadableObjectException found)
    {
        lock (said)
        {
            if (said.TryGetValue(found.Key, out var at) && clock.GetElapsedTime(at) < Usual)
                return;
            if (said.Count >= MaxRemembered)
                said.Clear();
            said[found.Key] = clock.GetTimestamp();
        }
        Unreadable(log, found.Message);
    }

    [LoggerMessage(EventId = 20, EventName = "store.untrustworthy", Level = LogLevel.Critical, Message = "not ready: {What}")]
    private static partial void Untrustworthy(ILogger logger, string what);

    [LoggerMessage(EventId = 80, EventName = "store.etag_form", Level = LogLevel.Information,
        Message = "{Store} compares ETags in If-Match {Form}, as its probe found: they are sent so from now on")]
    private static partial void FormFound(ILogger logger, string store, string form);

    [LoggerMessage(EventId = 81, EventName = "store.new_address", Level = LogLevel.Information,
        Message = "the name of {Store} has an address that was not tested yet ({Addresses}): its promises are tested now")]
    private static partial void NewAddress(ILogger logger, string store, string addresses);

    [LoggerMessage(EventId = 27, EventName = "store.unreadable", Level = LogLevel.Error,
        Message = "{What}. Nothing is decided from it; restore it from a backup (docs/operations.md)")]
    private static partial void Unreadable(ILogger logger, string what);

    [LoggerMessage(EventId = 28, EventName = "store.tidied", Level = LogLevel.Information,
        Message = "{Count} temporary files that killed writers left in {Store} are removed")]
    private static partial void Tidied(ILogger logger, int count, string store);

    [LoggerMessage(EventId = 21, EventName = "store.public", Level = LogLevel.Warning,
        Message = "{Store} can be read by anybody, without a key: block public access to the bucket (docs/operations.md)")]
    private static partial void OpenToAll(ILogger logger, string store);
}
