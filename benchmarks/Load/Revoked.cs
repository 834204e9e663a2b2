using System.Security.Cryptography;
using Google.Protobuf.WellKnownTypes;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.Load;

/// <summary>Revocations as other replicas have written them, and one enrolled name for the bench to revoke.</summary>
internal static class Revoked
{
    public static async Task<int> Seed(string home, int count)
    {
        var store = ObjectStore.Open($"file:{home}/objects", "");
        var ids = new Ids(TimeProvider.System, RandomNumberGenerator.Create());
        var now = TimeProvider.System.GetUtcNow();
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = 64 }, async (i, cancel) =>
        {
            // 127 random bits, as the CA's own.
            var bytes = RandomNumberGenerator.GetBytes(16);
            bytes[0] = (byte)((bytes[0] & 0x7F) | 0x40);
            var serial = Convert.ToHexStringLower(bytes);
            await store.PutIfAbsent(ObjectKeys.Revocation(serial), new Overture.Records.V1.Revocation
            {
                Schema = 1,
                WriteId = ids.Unguessable(),
                Serial = serial,
                Certname = ids.CertName().ToString(),
                ReasonCode = 5,
                Sentence = "bench",
                By = "bench",
                At = now.ToTimestamp(),
                CertificateNotAfter = now.AddYears(5).ToTimestamp(),
            }, cancel);
        });
        return 0;
    }
}
