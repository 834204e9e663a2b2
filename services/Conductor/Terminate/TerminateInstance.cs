using Overture.Conductor.Instances;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;

namespace Overture.Conductor.Terminate;

/// <summary>Terminates an instance and waits for that as long as the caller does; the work continues without the caller.</summary>
internal sealed class TerminateInstance(TerminateSaga saga, InstanceTable table, ChangeFeed feed, TimeProvider clock)
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(150), FirstLook = TimeSpan.FromMilliseconds(500),
        LaterLooks = TimeSpan.FromSeconds(2), AnswerTime = TimeSpan.FromSeconds(1);

    /// <param name="caller">For the records.</param>
    /// <param name="name">Any launched or registered one, in whatever state.</param>
    /// <param name="reason">For users.</param>
    /// <param name="force">Also where Overture or a puppetserver runs on it.</param>
    /// <param name="deadline">The caller's.</param>
    /// <param name="cancel">The caller hung up.</param>
    public async Task<Instance> Run(string caller, CertName name, string reason, bool force, DateTimeOffset deadline,
        CancellationToken cancel)
    {
        if (reason.Length > 500 || reason.Any(char.IsControl))
            throw FaultException.Invalid("reason", "must have at most 500 printable characters");
        var instance = await table.Refold(name, cancel) ?? throw Lookup.Unknown(name);
        if (instance.State == InstanceState.Terminated)
            return instance;
        var own = instance.Role is InstanceRecords.OwnRole or InstanceRecords.PuppetserverRole;
        if (own && !force && instance.State < InstanceState.Terminating)
        {
            throw new FaultException(FaultKind.Precondition, Reason.Protected, instance.Role == InstanceRecords.OwnRole
                ? $"{name} is a listener of Overture itself: without its certificate puppetservers reach it no more, and reports or "
                    + $"classification stop until it has another. If that is meant: overture instance terminate {name} --force"
                : $"{name} is a puppetserver: without its certificate its agents get no catalogs from it, and its reports and hooks are "
                    + $"refused. If that is meant: overture instance terminate {name} --force");
        }
        if (!own && instance is { Protected: true, State: < InstanceState.Terminating })
        {
            throw new FaultException(FaultKind.Precondition, Reason.Protected,
                $"{name} is protected; remove the protection first: overture instance protect {name} --off");
        }

        await saga.Begin(name, caller, reason, cancel);

        using var changes = new SemaphoreSlim(0, 1);
        void Wake(CertName changed, string what)
        {
            if (changed == name && changes.CurrentCount == 0)
                changes.Release();
        }

        feed.Changed += Wake;
        try
        {
            var latest = clock.GetUtcNow() + LongestWait;
            // Answered before the caller's own deadline cuts the line.
            var end = deadline - AnswerTime < latest ? deadline - AnswerTime : latest;
            // Each look asks the provider again.
            var pause = FirstLook;
            while (await saga.Advance(name, cancel) is { } pending)
            {
                var left = end - clock.GetUtcNow();
                if (left <= TimeSpan.Zero)
                {
                    throw new FaultException(FaultKind.Unavailable, Reason.RevocationPending,
                        $"termination of {name} is waiting for {pending}; it continues by itself");
                }

                await changes.WaitAsync(pause < left ? pause : left, cancel);
                pause = pause * 2 < LaterLooks ? pause * 2 : LaterLooks;
            }
        }
        finally
        {
            feed.Changed -= Wake;
        }
        return await table.Refold(name, cancel) ?? throw Lookup.Unknown(name);
    }
}
