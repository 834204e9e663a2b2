namespace Overture.CertAuthority.Signing;

/// <summary>What handshakes of the CA API use now; replaced as one. Null until the first certificate is issued.</summary>
internal sealed class CurrentIdentity
{
    public ServerIdentity? Value { get; set; }
}
