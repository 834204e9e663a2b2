using System.Collections.Concurrent;
using Overture.Conductor.Providers;
using Overture.Conductor.V1;
using Overture.Platform.Records;

namespace Overture.Conductor.Tests;

/// <summary>A provider in memory; held to the same suite as the real one (<see cref="ProviderSuite"/>).</summary>
internal sealed class FakeProvider : IProvider
{
    private readonly ConcurrentDictionary<CertName, bool> running = new();

    public string Name => "local";
    public string Account { get; init; } = "fake-account";
    public IReadOnlyList<string> Images { get; } = ["host"];
    public bool InstallsPuppet => false;

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

    public ICollection<CertName> Running => running.Keys;

    public Task<string?> Unfit(CancellationToken cancel) => Task.FromResult(WhyUnfit);

    public async Task<string> Start(CertName name, LaunchSpec spec, string userData, CancellationToken cancel)
    {
        await Task.Yield();
        Asked.Enqueue((name, userData));
        if (BeforeStart is not null)
            await BeforeStart(name);
        if (Refusal is not null)
            throw Refusal;
        if (running.TryAdd(name, true))
            Starts.AddOrUpdate(name, 1, (_, n) => n + 1);
        return LostAnswer is null ? $"fake-{name.ToString()[..8]}" : throw LostAnswer;
    }

    public Task Stop(CertName name, CancellationToken cancel)
    {
        if (StopRefusal is not null)
            throw StopRefusal;
        running.TryRemove(name, out _);
        return Task.CompletedTask;
    }

    public Task<Sighting> Look(CertName name, CancellationToken cancel) =>
        Task.FromResult(running.ContainsKey(name) ? new Sighting(Sighting.Running, $"fake-{name.ToString()[..8]}", ["127.0.0.1"]) : Sighting.Gone);
}
