using System.Net;
using System.Security.Cryptography;
using Grpc.Core;
using Overture.CertAuthority.PuppetApi;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>
/// Issue 12, 26: claims and certificates that are truncated, empty or huge were 500; and agents read the operating system's words.
/// </summary>
[Trait("Category", "integration")]
public sealed class UnreadableRecordTests(CaFixture house) : IClassFixture<CaFixture>
{
    private readonly RunningCa ca = house.Ca;

    [Theory]
    [InlineData("claim", "")]
    [InlineData("claim", "{\"schema\": 1, \"certna")]
    [InlineData("claim", "{}")]
    [InlineData("claim", null)]
    [InlineData("claim", Padded)]
    [InlineData("certificate", Padded)]
    [InlineData("certificate", "")]
    [InlineData("certificate", "{\"schema\": 1, \"pem\": \"-----BEGIN")]
    [InlineData("certificate", "{}")]
    [InlineData("certificate", null)]
    public async Task Collect_RecordThatCantBeRead_Is503WithoutItsKeyAndTheLogNamesIt(string kind, string? body)
    {
        var instance = await Signed();
        var claim = (await house.Store.Get<Claim>(ObjectKeys.Claim(instance.Name, "1"), default))!;
        var key = kind == "claim" ? ObjectKeys.Claim(instance.Name, "1") : ObjectKeys.Certificate(claim.Serial);
        await Damage(key, body);

        using var answer = await ca.Get($"certificate/{instance.Name}");
        var text = await answer.Content.ReadAsStringAsync();
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "60"), (answer.StatusCode, answer.Headers.GetValues("Retry-After").Single()));
        Assert.Equal("OBJECT_UNREADABLE: a stored record can't be read, so nothing is decided; the log of the service names it\n", text);
        Assert.Single(ca.Options.Log.Lines, l => l.StartsWith($"Error store.unreadable: the object {key} ", StringComparison.Ordinal));

        // The same by gRPC, where an administrator reads which it is.
        var refused = await Assert.ThrowsAsync<RpcException>(
            async () => await ca.Admin.GetCertificateAsync(new() { Certname = instance.Name.ToString() }));
        Assert.Equal((StatusCode.DataLoss, "OBJECT_UNREADABLE"), (refused.StatusCode, RpcDetails.Reason(refused)));
        Assert.Contains(key, refused.Status.Detail, StringComparison.Ordinal);
        // No one else is concerned.
        await Signed();
    }

    [Fact]
    public async Task Revoke_OneClaimIsDamaged_BlocksAndRevokesAllOthersAndSaysWhich()
    {
        var instance = await Signed();
        var serial = (await house.Store.Get<Claim>(ObjectKeys.Claim(instance.Name, "1"), default))!.Serial;
        await Damage(ObjectKeys.Claim(instance.Name, "0-damaged"), "{");
        var refused = await Assert.ThrowsAsync<RpcException>(
            async () => await ca.Admin.RevokeCertificateAsync(new() { Certname = instance.Name.ToString(), Reason = "test" }));
        Assert.Contains("0-damaged", refused.Status.Detail, StringComparison.Ordinal);
        Assert.NotNull(await house.Store.Get(ObjectKeys.Revocation(serial), default));
        Assert.True(await house.Store.Any(ObjectKeys.BlocksOf(instance.Name), default));
    }

    [Fact]
    public async Task Revocation_DamagedOrHuge_StillRevokes()
    {
        foreach (var body in new[] { "", null })
        {
            var instance = await Signed();
            using var client = ca.Client(instance.Name, (await ca.Certificate(instance.Name))!, instance.Key);
            await Damage(ObjectKeys.Revocation(client.Serial), body);
            using var answer = await client.Http.PostAsync(new Uri("certificate_renewal", UriKind.Relative), null);
            Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        }
    }

    [Fact]
    public async Task Put_StoreFault_AgentReadsNoErrnoAndNoPath()
    {
        var name = house.NewName();
        var file = Path.Combine(house.Bucket, ObjectKeys.Launch(name));
        File.CreateSymbolicLink(file, file);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var answer = await ca.Put(name.ToString(), new CsrBuilder(name.ToString(), key).Pem());
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Equal(
            "STORE_UNAVAILABLE: the object store does not answer; nothing is lost, try again\n", await answer.Content.ReadAsStringAsync());
        Assert.Contains(ca.Options.Log.Lines, l => l.Contains("Too many levels of symbolic links", StringComparison.Ordinal));
        File.Delete(file);
    }

    private async Task<(CertName Name, RSA Key)> Signed()
    {
        var instance = await house.Launch();
        var key = RSA.Create(2048);
        using var answer = await ca.Put(instance, key);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return (instance.Name, key);
    }

    // What it held, and spaces up to one byte more than its kind may have.
    private const string Padded = "padded";

    // Null: two sparse GiB.
    private async Task Damage(string key, string? body)
    {
        var file = Path.Combine(house.Bucket, key);
        if (body == Padded)
            body = (await File.ReadAllTextAsync(file)).PadRight(256 * 1024 + 1);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        await File.WriteAllTextAsync(file, body ?? "");
        if (body is not null)
            return;
        await using var huge = File.OpenWrite(file);
        huge.SetLength(2L << 30);
    }
}
