using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Overture.Conductor.Launch;
using Overture.Conductor.Providers;
using Overture.Conductor.V1;
using Overture.Platform.Records;
using Overture.Platform.Registry;

namespace Overture.Conductor.State;

/// <summary>Puts the last lines of the console of an instance that stalled into its timeline, beside the step that is missing: they are gone when it is.</summary>
internal sealed class StallReporter(
    StateKeeper keeper, EvidenceReader reader, ProviderSet providers, LaunchKeys keys, EventLog events, ILogger<StallReporter> log) : BackgroundService
{
    private const int MostText = 600;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var stalled = Channel.CreateBounded<CertName>(new BoundedChannelOptions(1000) { FullMode = BoundedChannelFullMode.DropWrite });
        void Hear(Instance instance)
        {
            if (instance.Trouble == InstanceTrouble.BootStalled)
                stalled.Writer.TryWrite(CertName.Parse(instance.Certname));
        }

        keeper.Changed += Hear;
        try
        {
            await foreach (var name in stalled.Reader.ReadAllAsync(stoppingToken))
                await Report(name, stoppingToken);
        }
        catch (OperationCanceledException)
        {
            // stopping
        }
        finally
        {
            keeper.Changed -= Hear;
        }
    }

    private async Task Report(CertName name, CancellationToken cancel)
    {
        try
        {
            if (await reader.Read(name, cancel) is not { } evidence || keeper.Current(name) is not { Trouble: InstanceTrouble.BootStalled } instance)
                return;
            // Its console is another Conductor's to read, and so is the line to write: it is written once.
            var holder = providers.HolderOf(evidence.Launch);
            if (holder is null && evidence.Launch.Provider != LaunchPlan.Registered)
                return;
            var detail = instance.TroubleDetail;
            if (holder is not null && await holder.Console(name, instance.InstanceId, cancel) is { } console)
                detail += $" Its console ends: {Tail(console.Replace(keys.Token(evidence.Launch.RequestId, name), "********", StringComparison.OrdinalIgnoreCase))}";
            // Once for each step that is missed.
            await events.Write("conductor", name, $"boot-stalled:{instance.State}", detail);
        }
        catch (Exception e) when (!cancel.IsCancellationRequested)
        {
            Log.NoConsole(log, name, e.Message);
        }
    }

    /// <summary>The last lines, one after the other, without what a terminal would act on.</summary>
    internal static string Tail(string console)
    {
        var lines = console[^Math.Min(console.Length, 8 * MostText)..].Split('\n').Select(Plain).Where(l => l.Length > 0).ToList();
        var tail = string.Join(" | ", lines);
        return tail.Length <= MostText ? tail : tail[^MostText..];
    }

    private static string Plain(string line) => string.Concat(line.Where(c => !char.IsControl(c) && !char.IsSurrogate(c))).Trim();
}
