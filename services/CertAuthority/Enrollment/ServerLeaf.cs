using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Csr;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.Signing;
using Overture.CertAuthority.Storage;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Serving;
using Overture.Records.V1;

namespace Overture.CertAuthority.Enrollment;

/// <summary>
/// The CA API's own certificate: P-256 (three times the handshakes of RSA-4096), issued by the CA itself by way of a claim like any other,
/// renewed at two thirds of its life. Key and certificate are one file, replaced whole.
/// </summary>
internal sealed class ServerLeaf(
    ClaimStore claims, ClaimMaker maker, IssueFromClaim issue, RevocationStore revocations, StateDirectory state, CaSigner signer,
    CurrentIdentity current, CertAuthorityOptions options, TimeProvider clock, ILogger<ServerLeaf> log)
    : PeriodicWorker(TimeSpan.FromMinutes(1), clock)
{
    private const string PairFile = "ca-api.pem", NextKeyFile = "ca-api-next.key";

    /// <summary>What handshakes use now; replaced as one.</summary>
    public ServerIdentity Current => current.Value!;

    private CertName Name => CertName.Parse($"{RequestNames.OwnPrefix}{options.Replica}");

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await Renew(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    protected override Task Turn(CancellationToken cancel) => Renew(cancel);

    protected override bool IsExpected(Exception e) => base.IsExpected(e) || e is CryptographicException or IOException;

    protected override void Failed(Exception e) => Log.LeafFailed(log, e.Message);

    /// <summary>Keeps the pair that is there while it is young and fits; else gets a new one.</summary>
    private async Task Renew(CancellationToken cancel)
    {
        // 1. The pair in the state directory.
        var old = ServerIdentity.Read(state.Read(PairFile), signer.Ca);
        if (old is not null && old.Fits(options.ServerNames, Clock.GetUtcNow()) && !await revocations.Contains(old.Serial, cancel))
        {
            Take(old);
            return;
        }
        // 2. A new key; kept, so that a run that was killed goes on with it.
        using var key = NextKey(old);
        var subject = SubjectKeyReader.Read(key.ExportSubjectPublicKeyInfo());
        // 3. Claim and sign, as for any name.
        await claims.BindKey(subject.Hash, Name, cancel);
        var claim = await Claim(old, subject, cancel);
        var certificate = await issue.Run(claim, null, Caller.Own("leaf"), cancel)
            ?? throw new FaultException(
                FaultKind.Precondition, Reason.NameBlocked, $"{Name} is blocked or revoked; give this replica another name");
        // 4. Keep and use.
        state.Write(PairFile, certificate.Pem + key.ExportPkcs8PrivateKeyPem() + "\n");
        state.Delete(NextKeyFile);
        Take(ServerIdentity.Read(state.Read(PairFile), signer.Ca)!);
    }

    private void Take(ServerIdentity identity)
    {
        if (current.Value?.Serial == identity.Serial)
            return;
        current.Value = identity;
        Log.LeafCurrent(log, identity.Serial, identity.Leaf.NotAfter);
    }

    private ECDsa NextKey(ServerIdentity? old)
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        if (state.Read(NextKeyFile) is { } pem)
        {
            key.ImportFromPem(pem);
            // Left over from a run that was killed after step 4's first line.
            if (old is not null && old.Leaf.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(key.ExportSubjectPublicKeyInfo()))
                key.GenerateKey(ECCurve.NamedCurves.nistP256);
        }
        state.Write(NextKeyFile, key.ExportPkcs8PrivateKeyPem());
        return key;
    }

    // "renew-<serial>" while there is a predecessor, else the next number: the first time, or after the state directory was lost.
    private async Task<Claim> Claim(ServerIdentity? old, SubjectKey subject, CancellationToken cancel)
    {
        var grant = new Grant { Source = $"{new GrantSource(GrantKind.Own)}", DnsAltNames = { options.ServerNames },
            LifeSeconds = (long)options.RenewingLeafLife.TotalSeconds };
        var standing = await claims.Of(Name, cancel);
        if (standing.FirstOrDefault(c => subject.Hash.Is(c.SpkiSha256)) is { } begun)
            return begun;
        for (var number = standing.Count + 1; ; number++)
        {
            var id = old is not null && number == standing.Count + 1 ? $"renew-{old.Serial}" : $"{number}";
            var claim = await claims.Put(maker.Make(Name, id, subject, grant, Reason.Self, "the CA API's own certificate"), cancel);
            if (subject.Hash.Is(claim.SpkiSha256))
                return claim;
        }
    }
}
