using Overture.Conductor.V1;
using Overture.Platform.Records;

namespace Overture.Conductor.Reconcile;

/// <summary>How a discrepancy is repaired.</summary>
internal enum Remedy
{
    /// <summary>The instance is gone: the same clean-up as terminate.</summary>
    Terminate,
    /// <summary>It runs and should not: the provider ends it.</summary>
    Stop,
    /// <summary>It runs, and that was never recorded: it is now.</summary>
    Adopt,
    /// <summary>The launch was interrupted before the provider answered: it is asked again, with the same client token.</summary>
    AskAgain,
    /// <summary>CertAuthority is reminded of the end.</summary>
    Remind,
}

/// <summary>Something that does not fit.</summary>
/// <param name="Kind">As users see it.</param>
/// <param name="Name">The certname; as in the provider's mark, for an orphan.</param>
/// <param name="InstanceId">Empty where there is none.</param>
/// <param name="Detail">One sentence for users.</param>
/// <param name="Remedy">What helps.</param>
/// <param name="HeldBack">Why it is not done yet; empty: it may be.</param>
internal sealed record Discrepancy(FindingKind Kind, string Name, string InstanceId, string Detail, Remedy Remedy, string HeldBack = "")
{
    public CertName? CertName => Platform.Records.CertName.TryParse(Name, out var name, out _) ? name : null;

    /// <summary>Ends an instance, or what is known of it: what the brake is for.</summary>
    public bool Ends => Remedy is Remedy.Terminate or Remedy.Stop;

    public string Action => Remedy switch
    {
        Remedy.Terminate => "terminate: revoke its certificate, archive its definition",
        Remedy.Stop => "terminate the instance at the provider",
        Remedy.Adopt => "record that it was launched",
        Remedy.AskAgain => "ask the provider again, with the same client token",
        _ => "remind CertAuthority to revoke the certificate",
    };
}
