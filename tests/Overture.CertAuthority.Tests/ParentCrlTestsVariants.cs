using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.DependencyInjection;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Revocation;
using Overture.CertAuthority.Signing;
using Overture.Platform.Certificates;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>Issue 12, point 2: further shapes of a parent's list, and what lies in the bucket in place of one.</summary>
public sealed partial class ParentCrlTests
{
    [Theory]
    [InlineData("CRLF"), InlineData("BOM"), InlineData("text before"), InlineData("no last line end")]
    [InlineData("older behind"), InlineData("older before"), InlineData("BOM between")]
    public async Task Point2_PutTextInAnotherShape_NewestIsServed(string shape)
    {
        using var key = RootKey();
        var (older, newer) = (TestCrl.Pem(Root, key, Younger(), TestCrl.Number(9)), TestCrl.Pem(Root, key, Younger()));
        var body = shape switch
        {
            "CRLF" => newer.Replace("\n", "\r\n", StringComparison.Ordinal),
            "BOM" => "\uFEFF" + newer,
            // As openssl crl -text prints it.
            "text before" => "Certificate Revocation List (CRL):\n        Version 1 (0x0)\nNo Revoked Certificates.\n" + newer,
            "no last line end" => newer.TrimEnd(),
            "older behind" => newer + older,
            "older before" => older + newer,
            _ => older + "\uFEFF" + newer,
        };

        Assert.Equal((HttpStatusCode.OK, "Successfully updated CRLs."), await Put(body));

        Assert.Equal(CrlPem.Split(newer)[0], CrlPem.Split((await ca.Admin.GetCrlAsync(new())).CrlPem)[1]);
    }

    [Fact]
    public async Task Point2_ListsOfOneSecond_HigherNumberIsServedInEitherOrder()
    {
        using var key = RootKey();
        foreach (var firstIsHigher in new[] { true, false })
        {
            var at = Younger();
            var (higher, lower) = (TestCrl.Pem(Root, key, at, TestCrl.Number(8)), TestCrl.Pem(Root, key, at, TestCrl.Number(7)));
            var none = TestCrl.Pem(Root, key, at);
            foreach (var list in firstIsHigher ? new[] { higher, lower, none } : [none, lower, higher])
                Assert.Equal((HttpStatusCode.OK, "Successfully updated CRLs."), await Put(list));
            Assert.Equal(CrlPem.Split(higher)[0], CrlPem.Split((await ca.Admin.GetCrlAsync(new())).CrlPem)[1]);
        }
    }

    [Fact]
    public async Task Point2_ListOfTomorrow_IsRefused()
    {
        using var key = RootKey();
        var before = CrlPem.Split((await ca.Admin.GetCrlAsync(new())).CrlPem)[1];
        var (code, said) = await Put(TestCrl.Pem(Root, key, TimeProvider.System.GetUtcNow().AddDays(1)));
        Assert.Equal(HttpStatusCode.BadRequest, code);
        Assert.Contains("which is not yet", said, StringComparison.Ordinal);
        Assert.Equal(before, CrlPem.Split((await ca.Admin.GetCrlAsync(new())).CrlPem)[1]);
    }

    // Whatever lies there: our own list is published, the last good one of the parent is served, and each is reported once.
    [Fact]
    public async Task Point2_BucketHoldsListsThatCantBeRead_OwnListIsPublishedAndEachIsReported()
    {
        var own = new CaFixture();
        await own.Open(anotherCa: true);
        try
        {
            using var key = RootKey(own);
            var root = Chain(own)[1];
            var keyId = Convert.ToHexStringLower(
                root.Extensions.OfType<X509SubjectKeyIdentifierExtension>().Single().SubjectKeyIdentifierBytes.Span);
            var good = TestCrl.Pem(root, key, TimeProvider.System.GetUtcNow().AddMinutes(-2));
            var early = TestCrl.Pem(root, key, TimeProvider.System.GetUtcNow().AddDays(1));
            var unreadable = TestCrl.Unreadable(key);
            foreach (var (id, list) in new[] { ("1-good", good), ("2-early", early), ("3-unreadable", unreadable), ("4-two", good + early),
                ("5-empty", "") })
            {
                var record = new ParentCrl { Schema = 1, WriteId = id, KeyId = keyId, Pem = list };
                await own.Store.PutIfAbsent(ObjectKeys.ParentCrl(keyId, id), record, default);
            }
            ReadOnlyMemory<byte> cut = "{\"schema\": 1, \"pe"u8.ToArray();
            await own.Store.PutIfAbsent(ObjectKeys.ParentCrl(keyId, "6-cut"), cut, default);
            // A file that the parent signed, and that is no list all the same.
            await File.WriteAllTextAsync(Path.Combine(own.CaDirectory, CaFiles.ParentCrlFile), unreadable);
            var options = own.Options("a");

            await using var next = await RunningCa.Start(own, options);

            Assert.Equal(CrlPem.Split(good)[0], CrlPem.Split((await next.Admin.GetCrlAsync(new())).CrlPem)[1]);
            using var node = await next.Node();
            await next.Admin.RevokeCertificateAsync(new() { Certname = node.Name.ToString(), Reason = "x" });
            var listed = CrlFacts.Read(CrlPem.Split((await next.Admin.GetCrlAsync(new())).CrlPem)[0]).Entries;
            Assert.Contains(node.Serial, listed.Select(e => $"{e.Serial}"));
            await Expirations(next);
            var reported = options.Log.Lines.Where(l => l.StartsWith("Error ca.parent_crl", StringComparison.Ordinal)).ToList();
            var bad = new[] { "3-unreadable", "4-two", "5-empty", "6-cut" }.Select(id => $"{id} is not a readable CRL");
            foreach (var told in bad.Append($"{CaFiles.ParentCrlFile} of the CA directory holds no readable CRL"))
                Assert.Single(reported, l => l.Contains(told, StringComparison.Ordinal));
            Assert.Equal(5, reported.Count);
            // The early one is no reason to refuse one that is newer than the one served.
            var newer = TestCrl.Pem(root, key, TimeProvider.System.GetUtcNow().AddMinutes(-1));
            Assert.Equal(1, await next.Services.GetRequiredService<ParentCrls>().Accept(newer, Caller.Own("test"), default));
        }
        finally
        {
            await own.DisposeAsync();
        }
    }

    [Fact]
    public async Task RootListFileReplacedAtRunTime_WithAndWithoutNumber_EachNewerOneIsServed()
    {
        var own = new CaFixture();
        await own.Open(anotherCa: true);
        try
        {
            await using var running = await RunningCa.Start(own, own.Options("a"));
            var file = Path.Combine(own.CaDirectory, CaFiles.ParentCrlFile);
            using var key = RootKey(own);
            using var root = Chain(own)[1];
            foreach (var number in new byte[]?[] { TestCrl.Number(5), null, TestCrl.Number(9), null })
            {
                var list = TestCrl.Pem(root, key, Younger(), number);
                await File.WriteAllTextAsync(file, list);
                await Eventually.True(async () => CrlPem.Split((await running.Admin.GetCrlAsync(new())).CrlPem) is [_, var served]
                    && served.AsSpan().SequenceEqual(CrlPem.Split(list)[0]), "the list in the file is served");
            }
            // An older one changes nothing, and one that is no list neither.
            var last = (await running.Admin.GetCrlAsync(new())).CrlPem;
            await File.WriteAllTextAsync(file, "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n");
            await Eventually.True(() => Task.FromResult(running.Options.Log.Lines.Any(l =>
                l.Contains("holds no readable CRL", StringComparison.Ordinal))), "the damaged file is reported");
            Assert.Equal(CrlPem.Split(last)[1], CrlPem.Split((await running.Admin.GetCrlAsync(new())).CrlPem)[1]);
        }
        finally
        {
            await own.DisposeAsync();
        }
    }
}
