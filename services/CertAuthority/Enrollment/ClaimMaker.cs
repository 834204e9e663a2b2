using System.Security.Cryptography;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.Csr;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.Signing;
using Overture.CertAuthority.Storage;
using Overture.Platform.Certificates;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Enrollment;

/// <summary>Writes down what is to be signed before anything is: a retry can't invent a second serial, nor other dates.</summary>
internal sealed class ClaimMaker(CaSigner signer, CertAuthorityOptions options, RandomNumberGenerator random, Ids ids, TimeProvider clock)
{
    public Claim Make(EnrollmentContext facts, Verdict verdict, string issuer)
    {
        var claim = Blank(facts.Name, ClaimStore.Launched, facts.Request.Key, verdict.Grant!, issuer);
        claim.TokenSha256 = facts.Launch!.TokenSha256;
        claim.Decision = verdict.ToDecision();
        claim.CsrReceivedAt = facts.Now.ToTimestamp();
        return claim;
    }

    /// <summary>For what no policy decides: a person's approval, a predecessor, an administrator, the CA API's own certificate.</summary>
    /// <param name="origin">Of a renewal: the claim it goes back to.</param>
    public Claim Make(CertName name, string id, SubjectKey key, Grant grant, Reason reason, string sentence, string origin = "")
    {
        var claim = Blank(name, id, key, grant, Issuers.Own);
        claim.Decision = DecisionOutcome.Sign.Because(reason, sentence);
        claim.Origin = origin;
        return claim;
    }

    private Claim Blank(CertName name, string id, SubjectKey key, Grant grant, string issuer)
    {
        var now = clock.GetUtcNow();
        var claim = new Claim
        {
            Schema = 1,
            WriteId = ids.Unguessable(),
            Certname = name.ToString(),
            Claim_ = id,
            SpkiSha256 = $"{key.Hash}",
            Grant = grant,
            Issuer = issuer,
            ClaimedAt = now.ToTimestamp(),
            Replica = options.Replica,
        };
        if (issuer == Issuers.Own)
        {
            var serial = CertificateProfile.NewSerial(random);
            var (tbs, notAfter) = CertificateProfile.ToBeSigned(name, key, grant, serial, now, signer.Ca);
            claim.Serial = $"{SerialNumber.Of(serial)}";
            claim.Tbs = ByteString.CopyFrom(tbs);
            claim.NotAfter = notAfter.ToTimestamp();
        }
        return claim;
    }
}
