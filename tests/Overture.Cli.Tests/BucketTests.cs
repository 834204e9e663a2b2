using Overture.Cli.Tests.Fakes;
using Overture.Conductor.V1;
using Overture.TestSupport;

namespace Overture.Cli.Tests;

[Collection(OvertureCollection.Name)]
[Trait("Category", "integration")]
public sealed class BucketTests(OvertureFixture overture)
{
    [Theory]
    [InlineData(true, false, 0, "")]
    [InlineData(false, false, 1, "it breaks one-winner: 2 of 16 won")]
    [InlineData(true, true, 1, "can be read by anybody")]
    public async Task Check_Bucket_TellsEachPromiseAndFailsWhereItMust(bool kept, bool open, int exit, string says)
    {
        overture.Conductor.Bucket = new CheckBucketResponse
        {
            Bucket = "s3://b",
            Promises = { new BucketPromise { Promise = "one-winner", Kept = kept, Detail = "2 of 16 won" } },
            Public = open,
            Versioning = "enabled",
            EtagForm = "bare",
            Addresses = { "192.0.2.1", "192.0.2.2" },
        };
        var ran = (await overture.Run("bucket", "check")).Exit(exit).Says(says);
        Assert.Contains(kept ? "one-winner  ok" : "one-winner  failed", ran.Output, StringComparison.Ordinal);
        Assert.Contains("versioning  enabled", ran.Output, StringComparison.Ordinal);
        Assert.Contains("etags       bare: this server compares If-Match without quotes", ran.Output, StringComparison.Ordinal);
        Assert.Contains("addresses   192.0.2.1, 192.0.2.2", ran.Output, StringComparison.Ordinal);
        var answer = (await overture.Run("bucket", "check", "-o", "json")).Exit(exit).Json();
        Assert.Equal((open, "s3://b"), (answer["public"]!.GetValue<bool>(), answer["bucket"].Text()));
        Assert.Equal("bare", answer["etagForm"].Text());
    }

    [Fact]
    public async Task Register_UserDataUrl_IsAskedForAndKeptOffStdout()
    {
        var file = RepositoryPaths.File("examples/start_instance.yaml");
        var ran = (await overture.Run("instance", "register", "-c", file, "--user-data-url")).Exit(0)
            .Says("anyone with the URL has the token");
        Assert.Equal($"#include-once\n{FakeConductor.Url}\n", ran.Output);
        using var directory = new TempDirectory();
        ran = (await overture.Run("instance", "register", "-c", file, "--user-data-url", "--user-data-file", directory.File("data"), "-o",
            "json")).Exit(0);
        Assert.DoesNotContain("X-Amz-Signature", ran.Output + ran.Errors, StringComparison.Ordinal);
        Assert.Contains("X-Amz-Signature", await File.ReadAllTextAsync(directory.File("data")), StringComparison.Ordinal);
    }
}
