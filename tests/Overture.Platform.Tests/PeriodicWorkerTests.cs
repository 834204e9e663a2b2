using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Time.Testing;
using Overture.Platform.Faults;
using Overture.Platform.Serving;
using Overture.TestSupport;

namespace Overture.Platform.Tests;

/// <summary>When a worker has its turns, and what a turn that fails comes to.</summary>
public sealed class PeriodicWorkerTests
{
    private static readonly FaultException Away = new(FaultKind.Unavailable, Reason.StoreUnavailable, "the store is away");
    private readonly TimerClock clock = new();

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public async Task Turns_AreAtEachIntervalAndWhereWantedAtStartAndStop(bool atStart, bool atStop)
    {
        using var worker = new Worker(clock, _ => Task.CompletedTask) { Starts = atStart, Stops = atStop };
        await worker.StartAsync(default);
        await clock.TimerCreated.Task;
        var turns = atStart ? 1 : 0;
        await worker.Had(turns);
        for (var interval = 0; interval < 3; interval++)
        {
            clock.Advance(Worker.Interval);
            await worker.Had(++turns);
        }
        await worker.StopAsync(default);
        Assert.Equal(atStop ? turns + 1 : turns, worker.Turns.Count);
        // Nothing cancels the last one.
        Assert.Equal(atStop ? 1 : 0, worker.Turns.Count(cancel => !cancel.CanBeCanceled));
    }

    [Fact]
    public async Task Turn_ThatFailsAsExpected_IsReportedAndTheNextGoesOn()
    {
        var failures = new Queue<Exception>([Away, new UnreadableObjectException("nodes/n", "is damaged"), Away]);
        using var worker = new LoggingWorker(clock, _ => failures.TryDequeue(out var e) ? Task.FromException(e) : Task.CompletedTask)
            { Starts = true, Stops = true };
        await worker.StartAsync(default);
        await clock.TimerCreated.Task;
        await worker.Had(1);
        clock.Advance(Worker.Interval);
        await worker.Had(2);
        await worker.StopAsync(default);
        Assert.Equal(3, worker.Turns.Count);
        Assert.Equal(["the store is away", "the object nodes/n is damaged", "the store is away"], worker.Failures.Select(e => e.Message));
        Assert.True(worker.ExecuteTask!.IsCompletedSuccessfully);
    }

    /// <summary>A bug; a cancellation that is not the stop; and any failure of a worker that does not say what it expects.</summary>
    [Fact]
    public async Task Turn_ThatFailsOtherwise_EndsTheHost()
    {
        await EndsTheHost<LoggingWorker>(new InvalidOperationException("a bug"));
        await EndsTheHost<LoggingWorker>(new OperationCanceledException("of something else"));
        await EndsTheHost<Worker>(Away);
    }

    [Fact]
    public async Task Stop_InATurn_CancelsItAndIsNoFailure()
    {
        using var worker = new LoggingWorker(
            clock, cancel => cancel.CanBeCanceled ? Task.Delay(Timeout.Infinite, cancel) : Task.CompletedTask)
            { Starts = true, Stops = true, All = true };
        await worker.StartAsync(default);
        await worker.Had(1);
        await worker.StopAsync(default);
        Assert.Equal(2, worker.Turns.Count);
        Assert.Empty(worker.Failures);
        Assert.True(worker.ExecuteTask!.IsCompletedSuccessfully);
    }

    private async Task EndsTheHost<T>(Exception failure) where T : Worker
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddSingleton<TimeProvider>(clock);
        builder.Services.AddSingleton<Func<CancellationToken, Task>>(_ => Task.FromException(failure));
        builder.Services.AddSingleton<T>().AddHostedService(p => p.GetRequiredService<T>());
        using var host = builder.Build();
        var worker = host.Services.GetRequiredService<T>();
        worker.Starts = true;
        await host.StartAsync();
        var stopping = host.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        await Eventually.True(() => stopping.IsCancellationRequested, $"{failure.Message}: the host stops");
        Assert.Single(worker.Turns);
        Assert.Empty(worker.Failures);
    }

    private class Worker(TimeProvider clock, Func<CancellationToken, Task> turn) : PeriodicWorker(Interval, clock)
    {
        public static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);
        private readonly Lock gate = new();

        public List<CancellationToken> Turns { get; } = [];
        public List<Exception> Failures { get; } = [];
        public bool Starts { get; set; }
        public bool Stops { get; init; }
        public bool All { get; init; }

        protected override bool AtStart => Starts;
        protected override bool AtStop => Stops;

        public Task Had(int turns) => Eventually.True(() =>
        {
            lock (gate)
                return Turns.Count == turns;
        }, $"turn {turns}");

        protected override Task Turn(CancellationToken cancel)
        {
            lock (gate)
                Turns.Add(cancel);
            return turn(cancel);
        }
    }

    private sealed class LoggingWorker(TimeProvider clock, Func<CancellationToken, Task> turn) : Worker(clock, turn)
    {
        protected override bool IsExpected(Exception e) => All || base.IsExpected(e);
        protected override void Failed(Exception e) => Failures.Add(e);
    }

    // A tick before the worker has its timer would be none.
    private sealed class TimerClock : FakeTimeProvider
    {
        public TaskCompletionSource TimerCreated { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = base.CreateTimer(callback, state, dueTime, period);
            TimerCreated.TrySetResult();
            return timer;
        }
    }
}
