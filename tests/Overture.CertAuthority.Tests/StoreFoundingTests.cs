using Overture.CertAuthority.Storage;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>A CertAuthority without store.id before a store without an id: the first start of all, or a mount that is missing.</summary>
[Trait("Category", "integration")]
public sealed class StoreFoundingTests : IAsyncLifetime
{
    private readonly CaFixture house = new();

    public Task InitializeAsync() => house.Open();

    public Task DisposeAsync() => house.DisposeAsync();

    // An upgrade from a version that kept no id, while the mount is missing: nothing is founded below the mount point.
    [Theory]
    [InlineData("audit.head"), InlineData("crl.json"), InlineData("spent-*")]
    public async Task Point20_NoIdKeptAndTheStoreUnmounted_WhatElseIsKeptVetoesANewOne(string sign)
    {
        var options = house.Options("a");
        await using (var ca = await RunningCa.Start(house, options))
        {
            using var node = await ca.Node();
            await ca.Admin.RevokeCertificateAsync(new() { Certname = node.Name.ToString(), Reason = "stolen" });
        }
        var kept = Assert.Single(Directory.GetFiles(options.StateDirectory, sign));
        foreach (var file in Directory.GetFiles(options.StateDirectory))
        {
            if (file != kept && Path.GetFileName(file) is not ("audit.key" or "audit.pub.pem"))
                File.Delete(file);
        }
        Directory.Move(house.Bucket, house.Bucket + ".away");
        Directory.CreateDirectory(house.Bucket);

        var refused = await Assert.ThrowsAsync<FaultException>(() => RunningCa.Start(house, options));

        Assert.Contains($"{kept} shows that this service has worked before", refused.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFiles(house.Bucket, "*", SearchOption.AllDirectories));

        // As the version before left it: records and no id.
        Directory.Delete(house.Bucket, recursive: true);
        Directory.Move(house.Bucket + ".away", house.Bucket);
        File.Delete(Path.Combine(house.Bucket, ObjectKeys.StoreId));
        await using var back = await RunningCa.Start(house, options);
        Assert.NotEmpty(Directory.GetFiles(options.StateDirectory, StoreIdentity.FileName));
    }

    // It has made its audit key and an empty file of spent names by then, and has not worked.
    [Fact]
    public async Task Point20_FirstStartWhileTheStoreDoesNotAnswer_DoesNotBarTheNext()
    {
        var options = house.Options("a");
        var id = Path.Combine(house.Bucket, ObjectKeys.StoreId);
        Directory.CreateDirectory(Path.GetDirectoryName(id)!);
        File.CreateSymbolicLink(id, id);
        await Assert.ThrowsAsync<FaultException>(() => RunningCa.Start(house, options));
        Assert.NotEmpty(Directory.GetFiles(options.StateDirectory, "spent-*"));
        File.Delete(id);
        await using var ca = await RunningCa.Start(house, options);
        Assert.NotEmpty(Directory.GetFiles(options.StateDirectory, StoreIdentity.FileName));
    }
}
