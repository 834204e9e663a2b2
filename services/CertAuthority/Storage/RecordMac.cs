using System.Globalization;
using System.Security.Cryptography;
using Google.Protobuf;
using Overture.CertAuthority.Csr;
using Overture.CertAuthority.PuppetApi;
using Overture.CertAuthority.Signing;
using Overture.Records.V1;

namespace Overture.CertAuthority.Storage;

/// <summary>
/// Distinguishes the records that this CA wrote from those of another writer of its store: a claim says what is to be signed, a held
/// request is one that proved its key, the baseline of a stock CA what no alarm is for. The key of the seal comes from the CA's own, so
/// every replica has it and no writer of the bucket does.
/// </summary>
internal sealed class RecordMac(CaSigner signer)
{
    public void Put(Claim claim) => claim.Seal = ByteString.CopyFrom(Of(claim));

    public void Put(HeldRequest held) => held.Seal = ByteString.CopyFrom(Of(held));

    public void Put(StockBaseline baseline) => baseline.Seal = ByteString.CopyFrom(Of(baseline));

    public bool Holds(Claim claim) => CryptographicOperations.FixedTimeEquals(claim.Seal.Span, Of(claim));

    public bool Holds(HeldRequest held) => CryptographicOperations.FixedTimeEquals(held.Seal.Span, Of(held));

    public bool Holds(StockBaseline baseline) => CryptographicOperations.FixedTimeEquals(baseline.Seal.Span, Of(baseline));

    private byte[] Of(Claim claim)
    {
        var text = new SealedText("overture-claim-1");
        text.Add(claim.Certname).Add(claim.Claim_).Add(claim.Serial).Add(claim.SpkiSha256).Add(claim.Issuer).Add(claim.Origin)
            .Add(claim.TokenSha256);
        text.Add(Convert.ToHexString(SHA256.HashData(claim.Tbs.Span)));
        text.Add(claim.Grant?.Source ?? "").Add(claim.Grant?.DnsAltNames ?? []).Add(claim.Grant?.Extensions ?? [])
            .Add(claim.Grant?.LifeSeconds ?? 0);
        text.Add(claim.NotAfter?.Seconds ?? 0).Add(claim.ClaimedAt?.Seconds ?? 0);
        // Younger than the seal: without it the bytes are those of before.
        if (claim.Grant?.MostLifeSeconds > 0)
            text.Add("most-life").Add(claim.Grant.MostLifeSeconds);
        return signer.Seal(text.Bytes);
    }

    private byte[] Of(HeldRequest held)
    {
        var text = new SealedText("overture-held-1");
        text.Add(held.Certname).Add(held.SpkiSha256).Add(held.SubjectPublicKeyInfoPem).Add(held.Peer).Add(held.ChallengeSha256);
        text.Add(held.RequestedDnsNames).Add(held.RequestedExtensions).Add(held.Renews ? 1 : 0).Add(held.ReceivedAt?.Seconds ?? 0);
        // What a person compares with the machine before approving.
        text.Add(held.FingerprintSha1).Add(held.FingerprintSha256).Add(held.FingerprintSha512).Add(held.Key)
            .Add(held.BroughtChallenge ? 1 : 0);
        text.Add(Convert.ToHexString(SHA256.HashData(held.RedactedCsr.Span)));
        return signer.Seal(text.Bytes);
    }

    private byte[] Of(StockBaseline baseline)
    {
        var text = new SealedText("overture-stock-baseline-1");
        text.Add(baseline.Fingerprints).Add(baseline.Certnames).Add(baseline.At?.Seconds ?? 0);
        return signer.Seal(text.Bytes);
    }

    /// <summary>Fields one after the other, each with its length, so that no two records have the same text.</summary>
    private sealed class SealedText(string kind)
    {
        private readonly System.Text.StringBuilder text = new(kind);

        public byte[] Bytes => System.Text.Encoding.UTF8.GetBytes(text.ToString());

        public SealedText Add(string field)
        {
            text.Append(CultureInfo.InvariantCulture, $"|{field.Length}:{field}");
            return this;
        }

        public SealedText Add(long number) => Add(number.ToString(CultureInfo.InvariantCulture));

        public SealedText Add(IReadOnlyCollection<string> list)
        {
            Add(list.Count);
            foreach (var field in list)
                Add(field);
            return this;
        }

        public SealedText Add(IReadOnlyCollection<KeyValuePair<string, string>> map) =>
            Add([.. map.OrderBy(e => e.Key, StringComparer.Ordinal).SelectMany(e => new[] { e.Key, e.Value })]);
    }
}
