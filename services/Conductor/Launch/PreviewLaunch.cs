using Overture.Conductor.Profiles;
using Overture.Conductor.Providers;
using Overture.Conductor.V1;
using Overture.Platform.Objects;

namespace Overture.Conductor.Launch;

/// <summary>What a launch would do: everything that is checked and rendered before its first write, and nothing written.</summary>
internal sealed class PreviewLaunch(LaunchLedger ledger, ProfileStore profiles, ProviderSet providers, ObjectStore store)
{
    public async Task<PreviewLaunchResponse> Run(PreviewLaunchRequest request, CancellationToken cancel)
    {
        // 1. the request is sound
        var spec = await profiles.SpecOf(request.Spec, request.Profile, cancel);
        var plan = LaunchPlan.From(spec, store.Name, providers.Find);

        // 2. what cloud-init would get, but for name and secret
        var (userData, size) = ledger.Preview(plan, providers.Find(plan.Spec.Provider));
        return new PreviewLaunchResponse { Spec = plan.Spec, UserData = userData, UserDataSize = size };
    }
}
