using System.Collections.Concurrent;
using Overture.Conductor.Launch;
using Overture.Conductor.Providers;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.Conductor.Tests;

/// <summary>A provider in memory; held to the same suite as the real one (<see cref="ProviderSuite"/>).</summary>
internal sealed class FakeProvider(TimeProvider? clock = null) : IProvider
{
    private readonly TimeProvider clock = clock ?? TimeProvider.System;
    private volatile bool booted;
    private readonly ConcurrentDictionary<CertName, DateTimeOffset> running = new();

    public string Name => "local";
    public string Account { get; init; } = "fake-account";
    public string Region => "";
    public TimeSpan Settling { get; set; }
    public TimeSpan LookEvery => TimeSpan.FromSeconds(10);

    /// <summary>Instances really started, by certname.</summary>
    public ConcurrentDictionary<CertName, int> Starts { get; } = new();

    /// <summary>User data of every call, also of those that failed.</summary>
    public ConcurrentQueue<(CertName Name, string UserData)> Asked { get; } = new();

    public string? WhyUnfit { get; set; }

    /// <summary>Start throws this.</summary>
    public Exception? Refusal { get; set; }

    /// <summary>Start does its work, then throws this: the answer is lost.</summary>
    public Exception? LostAnswer { get; set; }

    /// <summary>Runs before Start does its work.</summary>
    public Func<CertName, Task>? BeforeStart { get; set; }

    public Exception? StopRefusal { get; set; }

    /// <summary>Awaited before Stop does its work.</summary>
    public Func<CertName, Task>? BeforeStop { get; set; }

    public Exception? InventoryRefusal { get; set; }

    public string? ConsoleText { get; set; }

    /// <summary>Awaited before Console answers.</summary>
    public Func<CancellationToken, Task>? BeforeConsole { get; set; }

    /// <summary>Start only accepts; instances run once <see cref="Boot"/> was called.</summary>
    public bool StartsPending { get; set; }

    public ICollection<CertName> Running => running.Keys;

    public Task<string?> CheckReady(CancellationToken cancel) => Task.FromResult(WhyUnfit);

    public IEnumerable<FieldProblem> Check(LaunchSpec spec) => spec.Image == "host" ? [] : [new("image", "must be host")];

    /// <summary>What Rehearse says, and when.</summary>
    public Func<CancellationToken, Task<Rehearsal?>> Says { get; set; } = _ => Task.FromResult<Rehearsal?>(null);

    public Task<Rehearsal?> Rehearse(CertName name, LaunchSpec spec, string userData, CancellationToken cancel) => Says(cancel);

    public async Task<Started> Start(CertName name, LaunchSpec spec, string userData, bool again, CancellationToken cancel)
    {
        await Task.Yield();
        Asked.Enqueue((name, userData));
        if (BeforeStart is not null)
            await BeforeStart(name);
        if (Refusal is not null)
            throw Refusal;
        if (running.TryAdd(name, clock.GetUtcNow()))
            Starts.AddOrUpdate(name, 1, (_, n) => n + 1);
        return LostAnswer is null ? new Started(IdOf(name), !StartsPending) : throw LostAnswer;
    }

    public async Task Stop(CertName name, string instanceId, DateTimeOffset since, CancellationToken cancel)
    {
        if (StopRefusal is not null)
            throw StopRefusal;
        if (BeforeStop is not null)
            await BeforeStop(name);
        running.TryRemove(name, out _);
    }

    public Task<Sighting> Look(CertName name, string instanceId, CancellationToken cancel) => Task.FromResult(See(name));

    public Task<IReadOnlyList<Listed>> Inventory(CancellationToken cancel) => InventoryRefusal is not null ? throw InventoryRefusal
        : Task.FromResult<IReadOnlyList<Listed>>([.. running.Select(r => new Listed(r.Key.ToString(), See(r.Key), r.Value))]);

    public async Task<string?> Console(CertName name, string instanceId, CancellationToken cancel)
    {
        await (BeforeConsole?.Invoke(cancel) ?? Task.CompletedTask);
        return ConsoleText;
    }

    public void Boot() => booted = true;

    /// <summary>An instance that was started elsewhere with our mark, or that was killed by hand.</summary>
    public void Seed(CertName name, DateTimeOffset since) => running[name] = since;

    public void Kill(CertName name) => running.TryRemove(name, out _);

    private static string IdOf(CertName name) => $"fake-{name.ToString()[..8]}";

    private Sighting See(CertName name) => !running.ContainsKey(name) ? Sighting.Gone
        : new Sighting(StartsPending && !booted ? Sighting.Pending : Sighting.Running, IdOf(name), ["127.0.0.1"]);
}
