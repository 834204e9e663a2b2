using System.Security.Cryptography.X509Certificates;
using Overture.Platform.Certificates;
using Overture.Platform.Tls;
using Google.Protobuf.Reflection;
using Grpc.Health.V1;
using Overture.Conductor.V1;
using Overture.TestSupport;

namespace Overture.Platform.Tests;

public sealed class PeerTests
{
    [Fact]
    public void PeerIdentity_OfEachParty_HasItsOneRole()
    {
        using var pki = new TestPki();
        foreach (var role in Enum.GetValues<Role>())
        {
            var party = role.ToString().ToLowerInvariant();
            var peer = PeerIdentity.Of(new PeerCertificates(pki.Files(party), TimeProvider.System).Current.Leaf);
            Assert.Equal(party, peer.Name);
            Assert.Equal([role], peer.Roles);
        }
    }

    /// <summary>Issue 12, point 22: a CA below a root of the operator's may serve another purpose, and could grant roles.</summary>
    [Fact]
    public void Listener_TakesPeersOfItsRootAndOfItsOwnIssuerAlone()
    {
        using var home = new TempDirectory();
        using var ca = new TestPuppetCa();
        var own = ca.Issue("conductor.example.org");
        File.WriteAllText(home.File("own.pem"), own.ExportCertificatePem() + "\n" + ca.BundlePem);
        File.WriteAllText(home.File("own.key"), own.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(home.File("roots.pem"), ca.Root.ExportCertificatePem());
        var peers = new PeerCertificates(new TlsFiles { Certificate = home.File("own.pem"), Key = home.File("own.key"),
            Roots = home.File("roots.pem") }, TimeProvider.System);
        var issuers = peers.Listener().Issuers;
        bool Takes(X509Certificate2 shown) => issuers.Any(i => SignatureScheme.IsClientOf(shown, i));
        Assert.True(Takes(ca.Issue("admin")));
        Assert.False(Takes(ca.IssueBeside("admin", "CN=Another department").Leaf));
        Assert.False(Takes(ca.IssueBeside("admin", null).Leaf));
        Assert.False(Takes(ca.Root));
        Assert.False(Takes(ca.IssueBeside("admin", null).Sibling));
    }

    [Fact]
    public void RoleTable_Gap_IsNamed()
    {
        var table = new RoleTable().Allow(Health.Descriptor, "Check", Role.Viewer).Allow(Health.Descriptor, "Chek", Role.Viewer);
        Assert.Equal(["/grpc.health.v1.Health/Watch has no roles", "/grpc.health.v1.Health/Chek is not served"],
            table.Gaps([Health.Descriptor]));
        Assert.Equal(["/grpc.health.v1.Health/Check has no roles", "/grpc.health.v1.Health/Watch has no roles"],
            new RoleTable().Allow(Health.Descriptor, "Check").Gaps([Health.Descriptor]));
    }

    /// <summary>
    /// The one place that names the roles of an RPC is its proto; a new RPC that names none would keep its service from starting.
    /// </summary>
    [Fact]
    public void RoleTable_OfTheProtos_HasEveryRpcAndNothingForTheWrongParty()
    {
        var services = typeof(ConductorService).Assembly.GetExportedTypes()
            .Select(t => t.GetProperty("Descriptor", typeof(ServiceDescriptor))?.GetValue(null)).OfType<ServiceDescriptor>().ToList();
        Assert.Equal(["CertAuthorityService", "ClassifierService", "ConductorService"], services.Select(s => s.Name).Order());
        var table = new RoleTable().Add(services);
        Assert.Empty(table.Gaps(services));
        var rpcs = services.SelectMany(s => s.Methods.Select(m => (Name: $"/{s.FullName}/{m.Name}", m))).ToList();
        Assert.All(rpcs, r => Assert.Contains(Role.Admin, table.RolesOf(r.Name)));
        Assert.Equal(["Classify"], rpcs.Where(r => table.RolesOf(r.Name).Contains(Role.Enc)).Select(r => r.m.Name));
        Assert.Equal(["AuthorizeCertificateRequest"], rpcs.Where(r => table.RolesOf(r.Name).Contains(Role.Autosign)).Select(r => r.m.Name));
        Assert.Equal([Role.Admin], table.RolesOf("/overture.certauthority.v1.CertAuthorityService/IssueAdminCertificate"));
        Assert.Equal([Role.Admin], table.RolesOf("/overture.certauthority.v1.CertAuthorityService/ExportCa"));
        string[] changing = ["Launch", "Register", "Terminate", "Retry", "Update", "Quarantine", "Put", "Submit", "Authorize", "Revoke",
            "Approve", "Deny", "Delete", "Replay", "Issue", "Publish", "ExportCa", "GetConsole", "GetUserData",
            "CheckBucket", "CheckSite"];
        Assert.Equal(rpcs.Where(r => !changing.Any(c => r.m.Name.StartsWith(c, StringComparison.Ordinal))).Select(r => r.Name),
            rpcs.Where(r => table.RolesOf(r.Name).Contains(Role.Viewer)).Select(r => r.Name));
    }

    [Fact]
    public void RoleTable_RpcWhoseProtoNamesNoRole_IsAGap() =>
        Assert.Equal(["/grpc.health.v1.Health/Check has no roles", "/grpc.health.v1.Health/Watch has no roles"],
            new RoleTable().Add([Health.Descriptor]).Gaps([Health.Descriptor]));

    [Fact]
    public void Certificates_Replaced_AreTakenWithoutRestartAndHalfWrittenOnesAreNot()
    {
        using var pki = new TestPki();
        var clock = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(DateTimeOffset.UnixEpoch.AddYears(60));
        var files = pki.Files("classifier");
        var peers = new PeerCertificates(files, clock);
        var first = peers.Current.Leaf.Thumbprint;

        File.WriteAllText(files.Key, "half");
        clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(first, peers.Current.Leaf.Thumbprint);

        File.Delete(files.Key);
        clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(first, peers.Current.Leaf.Thumbprint);

        File.Copy(pki.Files("viewer").Key, files.Key, overwrite: true);
        File.Copy(pki.Files("viewer").Certificate, files.Certificate, overwrite: true);
        clock.Advance(TimeSpan.FromSeconds(2));
        Assert.NotEqual(first, peers.Current.Leaf.Thumbprint);
    }

    // As kubelet lays a Secret out: tls.crt -> ..data/tls.crt, ..data -> a folder that a new one replaces.
    [Fact]
    public void Certificates_InAKubernetesSecret_AreTakenWhenItIsRenewed()
    {
        using var pki = new TestPki();
        using var mount = new TempDirectory();
        var clock = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(DateTimeOffset.UnixEpoch.AddYears(60));
        void Give(string folder, string party, int year)
        {
            Directory.CreateDirectory(mount.File(folder));
            foreach (var (name, from) in new[] { ("tls.crt", pki.Files(party).Certificate), ("tls.key", pki.Files(party).Key),
                ("ca.crt", pki.Files(party).Roots) })
            {
                File.Copy(from, mount.File($"{folder}/{name}"));
                File.SetLastWriteTimeUtc(mount.File($"{folder}/{name}"), new DateTime(year, 1, 1, 0, 0, 0, DateTimeKind.Utc));
            }
            File.Delete(mount.File("..data"));
            File.CreateSymbolicLink(mount.File("..data"), folder);
        }

        Give("..1", "classifier", 2029);
        foreach (var name in new[] { "tls.crt", "tls.key", "ca.crt" })
            File.CreateSymbolicLink(mount.File(name), $"..data/{name}");
        var peers = new PeerCertificates(new TlsFiles { Certificate = mount.File("tls.crt"), Key = mount.File("tls.key"),
            Roots = mount.File("ca.crt") }, clock);
        var first = peers.Current.Leaf.Thumbprint;
        Give("..2", "viewer", 2030);
        clock.Advance(TimeSpan.FromSeconds(2));
        Assert.NotEqual(first, peers.Current.Leaf.Thumbprint);
    }

    [Fact]
    public void PkiInit_PastTwoThirds_RenewsLeavesAndKeepsTheRest()
    {
        using var home = new TempDirectory();
        var clock = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(new DateTimeOffset(2026, 11, 22, 0, 0, 0, TimeSpan.Zero));
        new Cli.Pki.InternalPki(home.Path, clock).Init([]);
        clock.Advance(TimeSpan.FromDays(50));
        Assert.Empty(new Cli.Pki.InternalPki(home.Path, clock).Init([]));
        clock.Advance(TimeSpan.FromDays(15));
        var renewed = new Cli.Pki.InternalPki(home.Path, clock).Init([]);
        Assert.Equal(2 * Cli.Pki.InternalPki.Parties.Count, renewed.Count);
        Assert.All(renewed, f => Assert.DoesNotContain("/ca.", f, StringComparison.Ordinal));
        Assert.All(Directory.GetFiles(home.Path, "*.key", SearchOption.AllDirectories),
            f => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(f)));
    }
}
