using Overture.Conductor.Instances;
using Overture.Platform.Records;
using Overture.Platform.Tls;
using Overture.Records.V1;

namespace Overture.Conductor.Launch;

/// <summary>
/// Lets a mended request have the id of one that can only be refused: ends all that the old one has. A name is launched once and its
/// records are written once, so the mended one gets names of its own.
/// </summary>
internal sealed class SupersedeRequest(InstanceRecordsReader reader, InstanceScope scope, BeginTermination begin)
{
    private const string Why = "its request was launched again, mended";

    /// <param name="old">Of the same caller and id.</param>
    /// <param name="by">Who launches again: the old ones must be within that scope. Recorded with their ends.</param>
    /// <param name="cancel">Gives up; begun ends go on. Repeated, it goes on too.</param>
    /// <returns>False: one of them was started, or may have been, or may be yet.</returns>
    /// <exception cref="Platform.Faults.FaultException">SCOPE_MISSING; then none was ended.</exception>
    public async Task<bool> End(LaunchRequestRecord old, PeerIdentity by, CancellationToken cancel)
    {
        var names = old.Certnames.Select(CertName.Parse).ToList();
        // 1. each was refused for good, at every attempt, and is the caller's to end
        foreach (var name in names)
        {
            if (!await OnlyRefused(name, old, cancel))
                return false;
        }
        foreach (var name in names)
            await scope.Demand(by, $"{name}", cancel);
        // 2. none is asked for any more
        foreach (var name in names)
        {
            if (!await OnlyRefused(name, old, cancel))
                return false;
            await begin.Run(name, $"{Why}, by {by.Caller}", cancel);
        }
        // 3. nor was between those two: an attempt is announced before it looks whether the end was
        foreach (var name in names)
        {
            if (!await OnlyRefused(name, old, cancel))
                return false;
        }
        return true;
    }

    // Forged records lead nowhere: the launch record has to name the same request.
    private async Task<bool> OnlyRefused(CertName name, LaunchRequestRecord old, CancellationToken cancel) =>
        await reader.Read(name, cancel) is { LaunchFailure.Final: true } records && LaunchAttempts.StartedNothing(records)
            && records.Launch.Caller == old.Caller && records.Launch.RequestId == old.RequestId;
}
