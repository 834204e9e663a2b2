using Overture.Conductor.Instances;
using Overture.Platform.Records;

namespace Overture.Conductor.Reconcile;

/// <summary>What a comparison needs of one instance's records: all 100,000 of them are held at once.</summary>
/// <param name="Name">Its certname.</param>
/// <param name="NotBefore">When it was requested.</param>
/// <param name="Deadline">From then on its launch is not repeated.</param>
/// <param name="Launched">The provider accepted it; null: not known.</param>
/// <param name="InstanceId">As the provider named it then; empty: not known.</param>
/// <param name="LaunchFailed">The provider refused it, and nothing is left to be looked up.</param>
/// <param name="Terminating">The saga has it.</param>
/// <param name="Terminated">It is over since then; null: it is not.</param>
/// <param name="Unrevoked">It is over, and CertAuthority has not confirmed that its certificate is revoked.</param>
/// <param name="Protected">It must not be terminated.</param>
/// <param name="Serial">Of its certificate; null: it has none.</param>
internal sealed record ComparedRecord(
    string Name, DateTimeOffset NotBefore, DateTimeOffset Deadline, DateTimeOffset? Launched, string InstanceId, bool LaunchFailed,
    bool Terminating, DateTimeOffset? Terminated, bool Unrevoked, bool Protected, string? Serial)
{
    public bool IsLaunched => Launched is not null;

    public static ComparedRecord From(InstanceRecords records) => new(
        records.Name.ToString(), records.Launch.NotBefore.ToDateTimeOffset(), records.Launch.Deadline.ToDateTimeOffset(),
        At(records, InstanceEvents.Launched), records.Fact(InstanceEvents.Launched)?.InstanceId ?? "",
        records.Fact(InstanceEvents.LaunchFailed) is not null && !LaunchAttempts.Waits(records),
        records.Fact(InstanceEvents.Terminating) is not null,
        At(records, InstanceEvents.Terminated), records.Unrevoked, records.Protected, records.Certificate?.Serial);

    // A fact without its time still is one.
    private static DateTimeOffset? At(InstanceRecords records, string fact) =>
        records.Fact(fact) is { } found ? found.At.Maybe() ?? DateTimeOffset.UnixEpoch : null;
}
