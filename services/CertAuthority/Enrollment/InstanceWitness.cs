using Overture.CertAuthority.Policy;
using Overture.CertAuthority.Storage;
using Overture.Platform.Records;
using Overture.Platform.Registry;

namespace Overture.CertAuthority.Enrollment;

/// <summary>
/// Asks the Conductor, over the change feed, to look at an instance now, and waits for its signed observation in the store.
/// </summary>
internal sealed class InstanceWitness(EnrollmentContextReader context, Timeline timeline, TimeProvider clock)
{
    /// <summary>The message on the change feed; the Conductor listens for it.</summary>
    public const string Question = "observe";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3), LookEvery = TimeSpan.FromMilliseconds(100);

    /// <summary>Returns when there is a fresh observation, or patience has run out; the policy then looks at what there is.</summary>
    public async Task Ask(CertName name, CancellationToken cancel)
    {
        var asked = clock.GetTimestamp();
        timeline.Announce(name, Question);
        while (clock.GetElapsedTime(asked) < Patience)
        {
            if (InstanceProof.IsFresh(await context.Observation(name, cancel), clock.GetUtcNow()))
                return;
            await Task.Delay(LookEvery, clock, cancel);
        }
    }
}
