using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf.Reflection;
using Overture.Cli.Pki;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Tls;
using Overture.TestSupport;

namespace Overture.Platform.Tests;

/// <summary>What a person's certificate grants, and that nothing which only looks like one grants anything.</summary>
public sealed class PersonTests
{
    private static readonly DateTimeOffset From = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private const string Operator = "overture://role/operator", Jo = "overture://person/jo", Web = "overture://scope/profile=web";

    [Theory]
    [InlineData("jo", Role.Operator, "profile=web,label.team=blue", "jo (operator)", "profile=web, label.team=blue")]
    [InlineData("kim.lee-2", Role.Viewer, "", "kim.lee-2 (viewer)", "")]
    [InlineData("x", Role.Admin, "label.example.com/team=Blue_1", "x (admin)", "label.example.com/team=Blue_1")]
    public void Issued_IsReadAsItWasMeant(string name, Role role, string scope, string caller, string limit)
    {
        using var pki = new TestPki();
        pki.Issue(name, role, scope);
        var peer = PeerIdentity.Of(X509CertificateLoader.LoadCertificateFromFile(pki.Files(name).Certificate));
        Assert.Equal((name, caller, limit, "", true), (peer.Name, peer.Caller, peer.Scope.ToString(), peer.Problem, peer.IsPerson));
        Assert.Equal([role], peer.Roles);
    }

    [Fact]
    public void Certificate_ThatManyShare_IsWhatItWas()
    {
        var peer = PeerIdentity.Of(Certificate("ops.example.com", Operator, "overture://role/viewer", "spiffe://example.com/ops"));
        Assert.Equal(("ops.example.com", "ops.example.com", "", false), (peer.Name, peer.Caller, peer.Problem, peer.IsPerson));
        Assert.Equal([Role.Operator, Role.Viewer], peer.Roles.Order());
        Assert.False(peer.Scope.IsLimited);
        // A role in the common name is a name.
        Assert.Empty(PeerIdentity.Of(Certificate("admin")).Roles);
        Assert.Empty(PeerIdentity.Of(Certificate("admin", "https://overture/role/admin")).Roles);
    }

    [Theory]
    [InlineData("jo", "overture://person/jo|overture://person/kim", "names two persons")]
    [InlineData("jo", "overture://person/jo|overture://person/jo", "names two persons")]
    [InlineData("jo", "overture://person/jo|overture://role/admin", "exactly one role")]
    [InlineData("jo", "overture://person/jo|overture://role/operator", "exactly one role")]
    [InlineData("kim", "overture://person/jo", "another as its common name")]
    [InlineData("Jo", "overture://person/Jo", "must be 1-32 of")]
    [InlineData("admin", "overture://person/admin", "is a role's")]
    [InlineData("conductor", "overture://person/conductor", "is a role's")]
    [InlineData("agent", "overture://person/agent", "of a part of Overture")]
    [InlineData("", "overture://person/", "must be 1-32 of")]
    [InlineData("jo (admin)", "overture://person/jo (admin)", "must be 1-32 of")]
    [InlineData("jo/kim", "overture://person/jo/kim", "must be 1-32 of")]
    [InlineData("jo", "overture://PERSON/jo", "a form that is not known")]
    [InlineData("jo", "OVERTURE://person/jo", "a form that is not known")]
    [InlineData("jo", "overture:person/jo", "a form that is not known")]
    [InlineData("jo", " overture://person/jo", "a form that is not known")]
    [InlineData("jo", "overture://role/Admin", "a form that is not known")]
    [InlineData("jo", "overture://role/root", "a form that is not known")]
    [InlineData("jo", "overture://role/admin/", "a form that is not known")]
    [InlineData("jo", "overture://role/", "a form that is not known")]
    [InlineData("jo", "overture://limit/profile=web", "a form that is not known")]
    [InlineData("jo", "overture://person/jo|https://example.com", "no names but overture://")]
    [InlineData("jo", "overture://person/jo|dns:certauthority", "no names but overture://")]
    [InlineData("jo", "overture://scope/profile=web", "has a scope and names no person")]
    [InlineData("jo", "overture://person/jo|overture://scope/profile=", "is not allowed")]
    [InlineData("jo", "overture://person/jo|overture://scope/label.team=", "is not allowed")]
    [InlineData("jo", "overture://person/jo|overture://scope/", "must be profile=VALUE")]
    [InlineData("jo", "overture://person/jo|overture://scope/web", "must be profile=VALUE")]
    [InlineData("jo", "overture://person/jo|overture://scope/=web", "is unknown")]
    [InlineData("jo", "overture://person/jo|overture://scope/label.=blue", "is unknown")]
    [InlineData("jo", "overture://person/jo|overture://scope/Profile=web", "is unknown")]
    [InlineData("jo", "overture://person/jo|overture://scope/region=eu", "is unknown")]
    [InlineData("jo", "overture://person/jo|overture://scope/profile=*", "is not allowed")]
    [InlineData("jo", "overture://person/jo|overture://scope/profile=web,label.team=blue", "is not allowed")]
    [InlineData("jo", "overture://person/jo|overture://scope/profile=w%65b", "is not allowed")]
    [InlineData("jo", "overture://person/jo|overture://scope/profile=web|overture://scope/profile=db", "there twice")]
    [InlineData("jo", "overture://person/jo|overture://scope/profile=web|overture://scope/profile=web", "there twice")]
    public void Malformed_GrantsNothing(string commonName, string names, string problem)
    {
        var peer = PeerIdentity.Of(Certificate(commonName, [Operator, .. names.Split('|')]));
        Assert.Contains(problem, peer.Problem, StringComparison.Ordinal);
        Assert.Empty(peer.Roles);
        Assert.False(peer.IsPerson);
        Assert.DoesNotContain('(', peer.Caller);
    }

    [Theory]
    [InlineData("overture://role/conductor"), InlineData("overture://role/enc"), InlineData("overture://role/autosign")]
    [InlineData("overture://role/viewer", Web), InlineData("")]
    public void Person_WithARoleThatIsNoPersons_GrantsNothing(params string[] names)
    {
        var peer = PeerIdentity.Of(Certificate("jo", [Jo, .. names.Where(n => n.Length > 0)]));
        Assert.NotEqual("", peer.Problem);
        Assert.Empty(peer.Roles);
    }

    [Fact]
    public void Names_ThatAreNoDer_GrantNothing()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=admin", key, HashAlgorithmName.SHA256);
        var good = Names(["overture://role/admin"]);
        request.CertificateExtensions.Add(new X509Extension("2.5.29.17", [.. good, 0], false));
        Assert.Contains("not DER", PeerIdentity.Of(request.CreateSelfSigned(From, From.AddDays(1))).Problem,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("profile=web", "web", "", true), InlineData("profile=web", "Web", "", false), InlineData("profile=web", "", "", false)]
    [InlineData("profile=web", "db", "profile=web", false), InlineData("label.team=blue", "web", "team=blue", true)]
    [InlineData("label.team=blue", "web", "team=blue2", false), InlineData("label.team=blue", "web", "Team=blue", false)]
    [InlineData("profile=web,label.team=blue", "web", "team=blue", true)]
    [InlineData("profile=web,label.team=blue", "db", "team=blue", false)]
    [InlineData("profile=web,label.team=blue", "web", "team=red", false), InlineData("", "", "", true)]
    public void Scope_Admits_WhatMatchesEveryTerm(string terms, string profile, string label, bool admits)
    {
        var scope = Scope.Parse(terms.Split(',', StringSplitOptions.RemoveEmptyEntries), out var rule);
        Assert.Null(rule);
        var labels = label.Length == 0 ? [] : new Dictionary<string, string> { [label.Split('=')[0]] = label.Split('=')[1] };
        Assert.Equal(admits, scope.Admits(profile, labels));
        var peer = new PeerIdentity("jo", new HashSet<Role> { Role.Operator }) { IsPerson = true, Scope = scope };
        var fault = Record.Exception(() => peer.DemandScope("instance x", profile, labels)) as FaultException;
        Assert.Equal(admits ? null : Reason.ScopeMissing, fault?.Reason);
        if (!admits)
            Assert.Contains($"jo (operator) may only change instances with {scope}", fault!.Message, StringComparison.Ordinal);
    }

    /// <summary>
    /// An RPC that changes something says in its proto that its service holds the scope (a test of each service calls it), or is refused
    /// to every certificate with one. Whoever adds an RPC decides here.
    /// </summary>
    [Fact]
    public void EveryRpc_ThatAViewerMayNotCall_HoldsTheScopeOrIsRefusedWithOne()
    {
        var services = typeof(ConductorService).Assembly.GetExportedTypes()
            .Select(t => t.GetProperty("Descriptor", typeof(ServiceDescriptor))?.GetValue(null)).OfType<ServiceDescriptor>().ToList();
        var table = new RoleTable().Add(services);
        var changing = services.SelectMany(s => s.Methods).Select(m => (m.Name, Method: $"/{m.Service.FullName}/{m.Name}"))
            .Where(m => !table.RolesOf(m.Method).Contains(Role.Viewer)).ToList();
        Assert.Equal(["ApproveCertificateRequest", "AuthorizeCertificateRequest", "DeleteNode", "DenyCertificateRequest", "GetConsole",
            "GetUserData", "LaunchInstances", "PutNode", "QuarantineInstance", "RegisterInstance", "RetryInstance", "RevokeCertificate",
            "SubmitCertificateRequest",
            "TerminateInstance", "UpdateInstance"], changing.Where(m => table.TakesScope(m.Method)).Select(m => m.Name).Order());
        Assert.Equal(["CheckBucket", "CheckSite", "DeleteDeadLetters", "ExportCa", "IssueAdminCertificate", "PublishInternalCrl",
            "PutLayers", 
            "PutProfile", "ReplayDeadLetters"],
            changing.Where(m => !table.TakesScope(m.Method)).Select(m => m.Name).Order());
        Assert.All(services.SelectMany(s => s.Methods).Where(m => table.RolesOf($"/{m.Service.FullName}/{m.Name}").Contains(Role.Viewer)),
            m => Assert.True(table.TakesScope($"/{m.Service.FullName}/{m.Name}"), m.Name));
        Assert.False(table.TakesScope("/overture.conductor.v1.ConductorService/NoSuch"));
    }

    private static X509Certificate2 Certificate(string commonName, params string[] names)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var subject = new X500DistinguishedNameBuilder();
        if (commonName.Length > 0)
            subject.AddCommonName(commonName);
        var request = new CertificateRequest(subject.Build(), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509Extension("2.5.29.17", Names(names), false));
        return request.CreateSelfSigned(From, From.AddDays(1));
    }

    // By hand: .NET's builder would tidy them.
    private static byte[] Names(string[] names)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            foreach (var name in names)
            {
                var isDns = name.StartsWith("dns:", StringComparison.Ordinal);
                writer.WriteCharacterString(UniversalTagNumber.IA5String, isDns ? name[4..] : name,
                    new Asn1Tag(TagClass.ContextSpecific, isDns ? 2 : 6));
            }
        }
        return writer.Encode();
    }
}
