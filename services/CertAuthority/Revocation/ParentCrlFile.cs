using Overture.CertAuthority.Signing;

namespace Overture.CertAuthority.Revocation;

/// <summary>
/// root_crl.pem of the CA directory, which an administrator replaces while the service runs. A new text counts once it was the same at two
/// looks, and written 2 s ago or more: one that is just being written is none yet.
/// </summary>
internal sealed class ParentCrlFile(CaFiles ca, TimeProvider clock)
{
    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(2);
    private readonly Lock gate = new();
    private string taken = ca.ParentCrls;
    private string? seen;

    /// <summary>One look. PEM, sound or not; as it was before where it can't be read now.</summary>
    public string Text()
    {
        lock (gate)
        {
            var now = Read() ?? taken;
            if (now == seen)
                taken = now;
            seen = now == taken ? null : now;
            return taken;
        }
    }

    private string? Read()
    {
        try
        {
            return (clock.GetUtcNow() - ca.ParentCrlsWrittenAt()).Duration() < Settled ? null : ca.ParentCrlsNow();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
