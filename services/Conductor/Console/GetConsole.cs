using Overture.Conductor.Instances;
using Overture.Conductor.Providers;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.Conductor.Console;

/// <summary>What an instance's console shows: the 2010 "log in and compare the fingerprint", read by a machine.</summary>
internal sealed class GetConsole(InstanceRecordsReader reader, ProviderSet providers)
{
    public async Task<GetConsoleResponse> Run(CertName name, CancellationToken cancel)
    {
        // 1. who holds it
        var records = await reader.Read(name, cancel) ?? throw Lookup.Unknown(name);
        var holder = providers.HolderOf(records.Launch)
            ?? throw Refused($"no provider of this Conductor holds {name}: it was registered, or launched by another Conductor");
        try
        {
            // 2. its console, and where it is
            var launched = records.Fact(InstanceEvents.Launched)?.InstanceId ?? "";
            var text = await holder.Console(name, launched, cancel)
                ?? throw Refused($"the console of {name} is still empty: a cloud shows it minutes after boot; try again");
            var seen = await holder.Look(name, launched, cancel);
            return new GetConsoleResponse
            {
                Text = text,
                HostKeys = { ConsoleHostKeys.Of(text) },
                Addresses = { seen.Addresses.Count > 0 ? seen.Addresses : records.Fact(InstanceEvents.Running)?.Addresses ?? [] },
            };
        }
        catch (ProviderException e)
        {
            throw new FaultException(FaultKind.Unavailable, Reason.ProviderFailed,
                $"the provider does not show the console of {name}: {e.Message}");
        }
    }

    private static FaultException Refused(string why) => new(FaultKind.Precondition, Reason.ProviderUnfit, why);
}
