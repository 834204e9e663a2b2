using System.Security.Cryptography;
using Overture.CertAuthority.Storage;

namespace Overture.CertAuthority.Audit;

/// <summary>
/// The key that signs the heads of audit batches: this replica's own, P-256, in the state directory beside its public half.
/// </summary>
internal sealed class AuditKey : IDisposable
{
    public const string PublicFile = "audit.pub.pem";
    private const string KeyFile = "audit.key";

    private AuditKey(ECDsa key) => Key = key;

    public ECDsa Key { get; }

    public static AuditKey In(StateDirectory state)
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        if (state.Read(KeyFile) is { } pem)
            key.ImportFromPem(pem);
        else
            state.Write(KeyFile, key.ExportPkcs8PrivateKeyPem());
        state.Write(PublicFile, key.ExportSubjectPublicKeyInfoPem());
        return new AuditKey(key);
    }

    public void Dispose() => Key.Dispose();
}
