using Overture.Conductor.Console;
using Overture.Conductor.Instances;
using Overture.Conductor.Providers;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.Conductor.Explain;

/// <summary>Says why an instance is not ready: from its records, and, until it has a certificate, its console.</summary>
internal sealed class ExplainInstance(InstanceTable table, InstanceRecordsReader reader, FirstBootStore firstBoots, ProviderSet providers,
    LaunchKeys keys, UncollectedCertificates uncollected, DefinitionLook definitions)
{
    // An answer without the console is better than none.
    private static readonly TimeSpan ConsoleLimit = TimeSpan.FromSeconds(4);

    /// <exception cref="FaultException">NOT_FOUND; the store is away.</exception>
    public async Task<ExplainInstanceResponse> Run(CertName name, CancellationToken cancel)
    {
        // 1. what is known of it now, of its definition, the provider's last listing and reports too
        if (table.Rows.Find(name) is null)
            await table.Refold(name, cancel);
        await definitions.Run(name, cancel);
        var instance = await table.Refold(name, cancel) ?? throw Lookup.Unknown(name);
        var records = table.Rows.Find(name)?.Records() ?? await reader.Read(name, cancel) ?? throw Lookup.Unknown(name);

        // 2. its console
        var (causes, unread) = instance.State is InstanceState.Launching or InstanceState.Running or InstanceState.CsrReceived
            ? await OnConsole(records, instance, cancel) : (null, "");

        // 3. what its agent said, perhaps to another Conductor
        if (instance.State < InstanceState.Converged && records.Launch.ReportTokenSha256.Length > 0)
        {
            var stored = (await firstBoots.Find(name, cancel))?.Said ?? [];
            // It may have said more meanwhile, or have converged: then it has none.
            await table.Update(name, r => r.Heard(stored), cancel);
            records = records with { Said = table.Rows.Find(name)?.Records().Said };
        }

        // 4. whether its agent fetched its certificate
        var unfetched = UncollectedCertificates.IsInDoubt(records, instance.Conditions)
            ? (await uncollected.Find([name])).GetValueOrDefault(name) : null;

        // 5. the answer; a console that can't be read now may have been when a step was missed
        return InstanceExplanation.Of(records, instance.Conditions, causes, unread, InstanceCauses.Said(records, unfetched));
    }

    private async Task<(IReadOnlyList<Cause>? Causes, string Unread)> OnConsole(InstanceRecords records, Instance instance,
        CancellationToken cancel)
    {
        if (providers.HolderOf(records.Launch) is not { } holder)
            return (null, "no provider of this Conductor holds it");
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(ConsoleLimit);
        try
        {
            if (await holder.Console(records.Name, instance.InstanceId, limit.Token) is not { } text)
                return (null, "it is still empty; a cloud shows it minutes after boot");
            var shown = text.Replace(keys.Token(records.Launch.RequestId, records.Name), "********", StringComparison.OrdinalIgnoreCase);
            return ([.. ConsoleFindings.Find(shown, records.Claim is not null)
                .Select(f => CauseRules.OfLine($"{records.Name}", new KnownCause(f.Code, f.Means, f.Next), ProofSources.Console, f.Line, null))], "");
        }
        catch (ProviderException e)
        {
            return (null, e.Message);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return (null, $"the provider did not answer within {ConsoleLimit.TotalSeconds:0} s");
        }
    }
}
