using Google.Protobuf.WellKnownTypes;
using Overture.Platform.Certificates;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>A list of ten thousand.</summary>
[Collection(FloodCollection.Name), Trait("Category", "integration")]
public sealed class LargeListTests
{
    private const int Many = 10_000;

    [Fact]
    public async Task Publish_TenThousandRevoked_VerifiesByOpenssl()
    {
        // A house of its own: the others' lists stay short.
        var house = new CaFixture();
        await house.InitializeAsync();
        await house.Ca.DisposeAsync();
        try
        {
            var now = TimeProvider.System.GetUtcNow();
            var records = Path.Combine(house.Bucket, ObjectKeys.Revocations);
            Directory.CreateDirectory(records);
            for (var i = 0; i < Many; i++)
            {
                // By hand, as out of a backup: the store would sync each of them to the disk.
                var revoked = new RevocationRecord { Schema = 1, WriteId = $"{i}", Serial = $"4f{i:x30}", Certname = $"{house.NewName()}",
                    ReasonCode = 5, Sentence = "a test", By = "test", At = now.ToTimestamp(),
                    CertificateNotAfter = now.AddYears(1).ToTimestamp() };
                await File.WriteAllBytesAsync(Path.Combine(records, revoked.Serial), RecordJson.Write(revoked));
            }
            await using var ca = await house.Start("many");
            using var node = await ca.Node();

            await ca.Admin.RevokeCertificateAsync(new() { Certname = node.Name.ToString(), Reason = "one more" });

            using var files = new TempDirectory();
            await File.WriteAllTextAsync(files.File("crl.pem"), (await ca.Admin.GetCrlAsync(new())).CrlPem);
            var (exit, output) =
                await Tool.Run("openssl", "crl", "-in", files.File("crl.pem"), "-CAfile", house.BundleFile, "-verify", "-noout", "-text");
            Assert.Equal(0, exit);
            Assert.Contains("verify OK", output, StringComparison.Ordinal);
            Assert.Equal(Many + 1, output.Split("Serial Number: ").Length - 1);
            Assert.Contains(node.Serial.ToUpperInvariant(), output, StringComparison.Ordinal);
        }
        finally
        {
            await house.DisposeAsync();
        }
    }
}
