using Overture.Conductor.Providers;
using Overture.Conductor.V1;
using Overture.Platform.Objects;
using Overture.Platform.Records;

namespace Overture.Conductor.Launch;

/// <summary>What a launch would do: everything that is checked and rendered before its first write, and nothing written.</summary>
internal sealed class PreviewLaunch(LaunchLedger ledger, ProfileStore profiles, ProviderSet providers, ObjectStore store, Ids ids,
    TimeProvider clock)
{
    /// <summary>How long a provider may think about it.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <param name="request">As by the contract.</param>
    /// <param name="ask">Whether to ask the provider too: the caller might launch that. Its answers have a price, since a cloud counts
    /// them as launches.</param>
    /// <param name="cancel">Gives up.</param>
    public async Task<PreviewLaunchResponse> Run(PreviewLaunchRequest request, Predicate<LaunchSpec> ask, CancellationToken cancel)
    {
        // 1. the request is sound
        var spec = await profiles.SpecOf(request.Spec, request.Profile, cancel);
        var plan = LaunchPlan.From(spec, store.Name, providers.Find);

        // 2. what cloud-init would get, but for name and secret
        var provider = providers.Find(plan.Spec);
        var (userData, size) = ledger.Preview(plan);

        // 3. what the provider says of it
        var verdict = provider is not null && ask(plan.Spec) ? await Verdict(provider, plan.Spec, userData, cancel) : "";
        return new PreviewLaunchResponse { Spec = plan.Spec, UserData = userData, UserDataSize = size, ProviderVerdict = verdict,
            Warnings = { LaunchPlan.Warnings(plan.Spec.Node), ledger.Muted(plan) } };
    }

    // A cloud that is away makes no preview fail.
    private async Task<string> Verdict(IProvider provider, LaunchSpec spec, string userData, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(Patience, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        try
        {
            // Shown, too: the image that a description finds, in its place, since a spec names one or the other.
            spec.Image = await provider.Image(spec, either.Token);
            if (spec.Ec2 is not null)
                spec.Ec2.Image = null;
            return (await provider.Rehearse(ids.CertName(), spec, userData, either.Token))?.Text ?? "";
        }
        catch (ProviderException e)
        {
            return new Rehearsal(e.Final ? false : null, e.Message).Text;
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return new Rehearsal(null, $"no answer within {Patience.TotalSeconds:0} s").Text;
        }
    }
}
