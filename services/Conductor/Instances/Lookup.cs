using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.Conductor.Instances;

/// <summary>The answer for a certname that was never launched.</summary>
internal static class Lookup
{
    public static FaultException Unknown(CertName name) => new(FaultKind.NotFound, Reason.NotFound, $"no instance {name}");
}
