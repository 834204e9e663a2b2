using System.Net;
using System.Numerics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.Cli.Pki;
using Overture.CertAuthority.Issuance;
using Overture.CertAuthority.Revocation;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>PUT certificate_revocation_list: newer lists of the CAs above, and nothing else.</summary>
[Collection(CaCollection.Name), Trait("Category", "integration")]
public sealed class ParentCrlTests(CaHouse house) : IAsyncLifetime
{
    private readonly RunningCa ca = house.Ca;
    private CertifiedClient admin = null!;

    public async Task InitializeAsync() => admin = await ca.Administrator();

    public Task DisposeAsync()
    {
        admin.Dispose();
        return Task.CompletedTask;
    }

    [Fact]
    public async Task Put_NewerListOfTheRoot_IsServedByEveryReplica()
    {
        var number = NextNumber();
        var newer = RootList(number, TimeSpan.FromDays(400));
        await using var other = await house.Start("parents");

        Assert.Equal((HttpStatusCode.OK, "Successfully updated CRLs."), await Put(newer));

        foreach (var replica in new[] { ca, other })
        {
            var parent = await Eventually.Get(async () =>
            {
                var lists = CrlPem.Split((await replica.Admin.GetCrlAsync(new())).CrlPem);
                return lists.Count == 2 && CrlDocument.Read(lists[1], Root).Number == number ? lists : null;
            }, "the new list of the root is served");
            Assert.True(SignatureScheme.IsSignedBy(parent[0], Issuer));
        }
        // An older one changes nothing.
        Assert.Equal(HttpStatusCode.OK, (await Put(RootList(number - 1, TimeSpan.FromDays(400)))).Code);
        Assert.Equal(number, CrlDocument.Read(CrlPem.Split((await ca.Admin.GetCrlAsync(new())).CrlPem)[1], Root).Number);
    }

    [Fact]
    public async Task Put_AnythingElse_IsRefusedAndChangesNothing()
    {
        var before = (await ca.Admin.GetCrlAsync(new())).Number;
        using var stranger = RSA.Create(2048);
        var own = CrlPem.Split((await ca.Admin.GetCrlAsync(new())).CrlPem)[0];

        foreach (var wrong in new[] { "", "junk", "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", CrlPem.Write(own), RootList(NextNumber(), TimeSpan.FromDays(-1)), RootList(NextNumber(), TimeSpan.FromDays(10), stranger) })
            Assert.Equal(HttpStatusCode.BadRequest, (await Put(wrong)).Code);

        Assert.Equal("No valid CRLs submitted.", (await Put("junk")).Said);
        // One that is good does not carry in one that is not.
        Assert.Equal(HttpStatusCode.BadRequest, (await Put(RootList(NextNumber(), TimeSpan.FromDays(10)) + CrlPem.Write(own))).Code);
        Assert.Equal(before, (await ca.Admin.GetCrlAsync(new())).Number);
        using var node = await ca.Node();
        using var refused = await node.Http.PutAsync(new Uri("certificate_revocation_list", UriKind.Relative), new StringContent("x"));
        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
    }

    private X509Certificate2 Issuer => Chain()[0];

    private X509Certificate2 Root => Chain()[1];

    private X509Certificate2Collection Chain()
    {
        var chain = new X509Certificate2Collection();
        chain.ImportFromPemFile(house.BundleFile);
        return chain;
    }

    private static long NextNumber() => TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();

    private string RootList(long number, TimeSpan life, RSA? signer = null)
    {
        using var key = RSA.Create();
        key.ImportFromEncryptedPem(File.ReadAllText(Path.Combine(house.CaDirectory, PuppetCaInit.RootKey)), File.ReadAllText(Path.Combine(house.CaDirectory, PuppetCaInit.Passphrase)).Trim());
        var root = Root;
        var authority = X509AuthorityKeyIdentifierExtension.CreateFromSubjectKeyIdentifier(root.Extensions.OfType<X509SubjectKeyIdentifierExtension>().Single());
        var now = TimeProvider.System.GetUtcNow();
        return CrlPem.Write(new CertificateRevocationListBuilder().Build(root.SubjectName, X509SignatureGenerator.CreateForRSA(signer ?? key, RSASignaturePadding.Pkcs1),
            new BigInteger(number), now + life, HashAlgorithmName.SHA256, authority, now.AddDays(-2)));
    }

    private async Task<(HttpStatusCode Code, string Said)> Put(string pem)
    {
        using var answer = await admin.Http.PutAsync(new Uri("certificate_revocation_list", UriKind.Relative), new StringContent(pem, null, "text/plain"));
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }
}
