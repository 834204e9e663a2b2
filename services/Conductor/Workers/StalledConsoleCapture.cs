using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Overture.Conductor.Console;
using Overture.Conductor.Instances;
using Overture.Conductor.Providers;
using Overture.Conductor.Specs;
using Overture.Conductor.V1;
using Overture.Platform.Records;
using Overture.Platform.Registry;

namespace Overture.Conductor.Workers;

/// <summary>
/// Copies the findings and last lines of a stalled instance's console into its timeline: the console is gone when the instance is.
/// </summary>
internal sealed class StalledConsoleCapture(
    InstanceTable table, InstanceRecordsReader reader, ProviderSet providers, LaunchKeys keys, Timeline timeline,
    ILogger<StalledConsoleCapture> log) : BackgroundService
{
    private const int MaxText = 600;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var stalled = Channel.CreateBounded<CertName>(new BoundedChannelOptions(1000) { FullMode = BoundedChannelFullMode.DropWrite });
        void Hear(Instance instance)
        {
            if (instance.Conditions.Any(c => c.Type == ConditionType.Stalled))
                stalled.Writer.TryWrite(CertName.Parse(instance.Certname));
        }

        table.Changed += Hear;
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
            table.Changed -= Hear;
        }
    }

    private async Task Report(CertName name, CancellationToken cancel)
    {
        try
        {
            if (await reader.Read(name, cancel) is not { } records || table.Current(name) is not { } instance
                || instance.Conditions.FirstOrDefault(c => c.Type == ConditionType.Stalled) is not { } condition)
            {
                return;
            }

            // Its console is another Conductor's to read, and so is the line to write: it is written once.
            var holder = providers.HolderOf(records.Launch);
            if (holder is null && records.Launch.Provider != InstanceRecords.RegisteredProvider)
                return;
            var detail = $"{condition.Message} {condition.Next}";
            if (holder is not null && await holder.Console(name, instance.InstanceId, cancel) is { } console)
            {
                var masked = console.Replace(keys.Token(records.Launch.RequestId, name), "********", StringComparison.OrdinalIgnoreCase);
                var first = ConsoleFindings.First(masked, records.Claim is not null);
                // The condition has it already, if this is what it was changed for.
                detail = Report(detail, masked, records.Claim is not null, saysIt: first is not null
                    && first == table.Rows.Find(name)?.Console);
                if (first is not null)
                    await table.Update(name, r => r with { Console = first }, cancel);
            }

            // Once for each step that is missed.
            timeline.Add("conductor", name, $"boot-stalled:{instance.State}", detail);
        }
        catch (Exception e) when (!cancel.IsCancellationRequested)
        {
            Log.NoConsole(log, name, e.Message);
        }
    }

    /// <summary>What is missing, what the console shows about it, and its last lines.</summary>
    /// <param name="missing">The condition's sentence.</param>
    /// <param name="console">Without the secret.</param>
    /// <param name="asked">The instance asked for its certificate.</param>
    /// <param name="saysIt">That sentence has what the console shows.</param>
    internal static string Report(string missing, string console, bool asked, bool saysIt = false) =>
        string.Join(' ', new[] { missing, saysIt ? "" : ConsoleFindings.Of(console, asked), ConsoleFindings.AgentOf(console),
            $"Its console ends: {Tail(console)}" }.Where(s => s.Length > 0));

    /// <summary>The last lines, one after the other, without what a terminal would act on.</summary>
    internal static string Tail(string console)
    {
        var lines = console[^Math.Min(console.Length, 8 * MaxText)..].Split('\n').Select(ConsoleFindings.Plain)
            .Where(l => l.Length > 0).ToList();
        var tail = string.Join(" | ", lines);
        return tail.Length <= MaxText ? tail : tail[^MaxText..];
    }
}
