using Overture.Platform.Records;
using Overture.Platform.Registry;

namespace Overture.CertAuthority.Policy;

/// <summary>Asks the Conductor, over the change feed, to look at an instance now, and waits for its signed word in the store.</summary>
internal sealed class InstanceWitness(EvidenceReader evidence, EventLog events, TimeProvider clock)
{
    /// <summary>The word on the change feed; the Conductor listens for it.</summary>
    public const string Question = "observe";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3), LookEvery = TimeSpan.FromMilliseconds(100);

    /// <summary>Returns when there is a fresh observation, or patience has run out; the policy then looks at what there is.</summary>
    public async Task Ask(CertName name, CancellationToken cancel)
    {
        var asked = clock.GetTimestamp();
        await events.Announce(name, Question);
        while (clock.GetElapsedTime(asked) < Patience)
        {
            if (InstanceProof.IsFresh(await evidence.Observation(name, cancel), clock.GetUtcNow()))
                return;
            await Task.Delay(LookEvery, clock, cancel);
        }
    }
}
