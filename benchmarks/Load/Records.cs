using System.Security.Cryptography;
using System.Text;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.Load;

/// <summary>
/// Records of instances that were launched at the EC2 double, enrolled and converged, as the three services write them; put straight into
/// the store's directory, since nobody waits for the disk here.
/// </summary>
internal static class Records
{
    public const string Deployment = "bench", Account = "bench";

    /// <summary>The instance id at the double of the n-th.</summary>
    public static string InstanceId(int number) => $"i-{number:x17}";

    public static async Task<int> Seed(string home, int count)
    {
        var root = Path.Combine(home, "objects", Deployment);
        var ids = new Ids(TimeProvider.System, RandomNumberGenerator.Create());
        var key = ECDsa.Create();
        key.ImportFromPem(await File.ReadAllTextAsync($"{home}/launch/signing.key"));
        using var signer = new LaunchSigner(key);
        var names = new string[count];
        var began = TimeProvider.System.GetUtcNow().AddHours(-3);
        Parallel.For(0, count, i =>
        {
            var name = ids.CertName();
            names[i] = name.ToString();
            var launched = DateTimeOffset.FromUnixTimeMilliseconds(began.AddMilliseconds(i * 50).ToUnixTimeMilliseconds());
            foreach (var (path, body) in Of(name, i, launched, ids, signer))
                Write(root, path, body);
        });
        await File.WriteAllLinesAsync($"{home}/names", names);
        Console.WriteLine(names[^1]);
        return 0;
    }

    private static IEnumerable<(string Key, byte[] Body)> Of(CertName name, int number, DateTimeOffset launched, Ids ids,
        LaunchSigner signer)
    {
        Timestamp At(int seconds) => launched.AddSeconds(seconds).ToTimestamp();
        InstanceFact Fact(string what, int seconds) =>
            new() { Schema = 1, WriteId = ids.Unguessable(), Certname = name.ToString(), Event = what, At = At(seconds) };
        var serial = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        const string Document = "\"classes\":\n  \"login_allowed\":\n    \"user\": \"demo\"\n\"parameters\": {}\n\"environment\": "
            + "\"production\"\n";

        var record = new LaunchRecord
        {
            Schema = 1,
            Certname = name.ToString(),
            RequestId = $"bench-{number / 50}",
            NotBefore = At(0),
            Deadline = At(3600),
            TokenSha256 = EnrollmentToken.Hash(name.ToString()),
            Attestation = Attestation.Token,
            Provider = "ec2",
            Account = Account,
            Region = "eu-west-1",
            ClientToken = name.ToString(),
            Caller = "admin",
            Traceparent = $"00-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16))}-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8))}-01",
            Profile = "web",
            Image = "ami-0123456789abcdef0",
            InstanceType = "t3.small",
            Environment = "production",
        };
        record.Labels.Add("team", "shop");
        SignedLaunch signed;
        lock (signer)
            signed = signer.Sign(record, ids.Unguessable());
        yield return (ObjectKeys.Launch(name), RecordJson.Write(signed));
        yield return (ObjectKeys.Node(name), Encoding.UTF8.GetBytes(Document));
        var started = Fact("launched", 1);
        (started.InstanceId, started.Pending) = (InstanceId(number), true);
        yield return (ObjectKeys.Fact(name, "launched"), RecordJson.Write(started));
        var running = Fact("running", 20);
        running.InstanceId = started.InstanceId;
        running.Addresses.Add("10.0.0.9");
        yield return (ObjectKeys.Fact(name, "running"), RecordJson.Write(running));
        // As long as a real one: a to-be-signed certificate, and a certificate in PEM.
        yield return (ObjectKeys.Claim(name, "1"), RecordJson.Write(new Claim
        {
            Schema = 1, WriteId = ids.Unguessable(), Certname = name.ToString(), Claim_ = "1", TokenSha256 = record.TokenSha256,
            SpkiSha256 = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32)), Serial = serial,
            Tbs = ByteString.CopyFrom(RandomNumberGenerator.GetBytes(1200)),
            Issuer = "overture", CsrReceivedAt = At(60), ClaimedAt = At(60), NotAfter = At(5 * 365 * 86400),
            Seal = ByteString.CopyFrom(RandomNumberGenerator.GetBytes(32)),
        }));
        yield return (ObjectKeys.Certificate(serial), RecordJson.Write(new CertificateRecord
        {
            Schema = 1, WriteId = ids.Unguessable(), Certname = name.ToString(), Serial = serial, Claim = "1", SignedAt = At(61),
            NotAfter = At(5 * 365 * 86400),
            Pem = PemEncoding.WriteString("CERTIFICATE", RandomNumberGenerator.GetBytes(1700)), SpkiSha256 = record.TokenSha256,
        }));
        var id = ids.Ordered();
        yield return (ObjectKeys.History(name, id), RecordJson.Write(new NodeHistory
        {
            Schema = 1, WriteId = ids.Unguessable(), Certname = name.ToString(), Id = id, Kind = "served",
            Version = "0123456789abcdef0123456789abcdef", Document = Document, At = At(70),
        }));
        var converged = Fact("converged", 90);
        (converged.RunStatus, converged.TransactionUuid) = ("changed", ids.Unguessable());
        yield return (ObjectKeys.Fact(name, "converged"), RecordJson.Write(converged));
    }

    private static void Write(string root, string key, byte[] body)
    {
        var path = Path.Combine(root, key);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, body);
    }
}
