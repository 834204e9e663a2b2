using Overture.Platform.Connections;
using Overture.Platform.Records;

namespace Overture.CertAuthority.PuppetApi.Limits;

/// <summary>
/// Names whose certificate request was taken, with the address it came from: who looks for their certificate there is their agent, or one
/// of few (requests that wait for a person have a share for each address). In memory alone: after a restart an agent counts as a stranger
/// until it asks again.
/// </summary>
internal sealed class WaitingAgents(PuppetLimitOptions limits)
{
    private readonly Lock gate = new();
    private readonly BoundedMap<(CertName, AddressKey), bool> taken = new(limits.Remembered);

    public void Add(CertName name, AddressKey address)
    {
        lock (gate)
            taken.Of((name, address)) = true;
    }

    public bool Knows(CertName name, AddressKey address)
    {
        lock (gate)
            return taken.Contains((name, address));
    }
}
