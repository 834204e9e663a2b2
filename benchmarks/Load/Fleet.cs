using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Google.Protobuf.WellKnownTypes;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Load;

/// <summary>An agent before its first breath: its name, its key, and the requests it will send.</summary>
internal sealed record Agent(string Name, byte[] Put, byte[] Get, byte[] Spki, byte[] PrivateKey);

/// <summary>Agents made beforehand, so that the client's own key making is not measured.</summary>
internal static class Fleet
{
    private const string RequestId = "bench";

    /// <summary>Fresh names, registered as the Conductor registers them: a signed launch record and a token each.</summary>
    public static async Task<Agent[]> Registered(string home, int count)
    {
        var store = ObjectStore.Open($"file:{home}/objects", "");
        var ids = new Ids(TimeProvider.System, RandomNumberGenerator.Create());
        var key = ECDsa.Create();
        key.ImportFromPem(await File.ReadAllTextAsync($"{home}/launch/signing.key"));
        using var signer = new LaunchSigner(key);
        var tokenKey = Convert.FromHexString((await File.ReadAllTextAsync($"{home}/launch/token.key")).Trim());
        var agents = new Agent[count];
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (i, cancel) =>
        {
            var name = ids.CertName();
            var token = EnrollmentToken.Derive(tokenKey, RequestId, name);
            var record = new LaunchRecord
            {
                Schema = 1,
                Certname = name.ToString(),
                RequestId = RequestId,
                NotBefore = DateTimeOffset.UnixEpoch.ToTimestamp(),
                Deadline = TimeProvider.System.GetUtcNow().AddHours(1).ToTimestamp(),
                TokenSha256 = EnrollmentToken.Hash(token),
                Attestation = Attestation.Token,
                Provider = "registered",
                Environment = "production",
            };
            SignedLaunch signed;
            lock (signer)
                signed = signer.Sign(record, ids.Unguessable());
            await store.PutIfAbsent(ObjectKeys.Launch(name), signed, cancel);
            agents[i] = Make(name.ToString(), token);
        });
        return agents;
    }

    /// <summary>Fresh names nobody registered, as a stock CA with autosign=true signs them.</summary>
    public static Agent[] Strangers(int count)
    {
        var agents = new Agent[count];
        var ids = new Ids(TimeProvider.System, RandomNumberGenerator.Create());
        Parallel.For(0, count, i => agents[i] = Make(ids.CertName().ToString(), null));
        return agents;
    }

    private static Agent Make(string name, string? token)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        if (token is not null)
        {
            var challenge = new AsnWriter(AsnEncodingRules.DER);
            challenge.WriteCharacterString(UniversalTagNumber.PrintableString, token);
            request.OtherRequestAttributes.Add(new AsnEncodedData("1.2.840.113549.1.9.7", challenge.Encode()));
        }
        var csr = Encoding.ASCII.GetBytes(request.CreateSigningRequestPem() + "\n");
        return new Agent(name, AgentLink.Request("PUT", $"certificate_request/{name}", csr),
            AgentLink.Request("GET", $"certificate/{name}"),
            key.ExportSubjectPublicKeyInfo(), key.ExportPkcs8PrivateKey());
    }
}
