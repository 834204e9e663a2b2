using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Policy;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Issuance;

/// <summary>A request as it came in by either face.</summary>
/// <param name="Name">As in the URL, percent-decoded, or as in the RPC; not parsed yet.</param>
/// <param name="Body">PEM.</param>
internal sealed record Submission(string Name, ReadOnlyMemory<byte> Body, Caller By);

/// <summary>What became of it: signed, or (without certificate) held. A refusal is a fault.</summary>
internal sealed record Submitted(Decision Decision, CertificateRecord? Certificate);

/// <summary>A request that was let in: its claim stands, or (without claim) it waits for a person.</summary>
internal sealed record Admission(CertName Name, Evidence Evidence, Verdict Verdict, Claim? Claim)
{
    public string? Traceparent => Evidence.Launch?.Traceparent;
}

/// <summary>Whose CA signs.</summary>
internal static class Issuers
{
    public const string Own = "overture";
    /// <summary>puppetserver's; we only decide.</summary>
    public const string Stock = "stock";
    /// <summary>Signed before it was moved in (`overture ca import`); there is nothing to sign it from.</summary>
    public const string Import = "import";

    /// <summary>Whether the CA that is asked is the one that holds the claim.</summary>
    public static bool Serves(string issuer, Claim claim) => claim.Issuer == issuer || (issuer == Own && claim.Issuer == Import);
}
