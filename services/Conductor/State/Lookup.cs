using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.Conductor.State;

/// <summary>The answer for a certname nobody launched.</summary>
internal static class Lookup
{
    public static FaultException Unknown(CertName name) => new(FaultKind.NotFound, Reason.NotFound, $"no instance {name}");
}
