using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.DependencyInjection;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Csr;
using Overture.CertAuthority.Enrollment;
using Overture.CertAuthority.Storage;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>A certificate of this CA with its key, and a client that shows it.</summary>
public sealed record CertifiedClient(CertName Name, X509Certificate2 Certificate, HttpClient Http) : IDisposable
{
    public string Serial => Convert.ToHexStringLower(Certificate.SerialNumberBytes.Span);

    public void Dispose()
    {
        Http.Dispose();
        Certificate.Dispose();
    }
}

/// <summary>Clients of the CA API that have certificates: nodes that enrolled, and an administrator.</summary>
public static class ClientCertificates
{
    /// <summary>A launched node that has enrolled.</summary>
    public static async Task<CertifiedClient> Node(this RunningCa ca, Action<LaunchRecord>? change = null)
    {
        var instance = await ca.House.Launch(change);
        using var key = CsrBuilder.EcKey();
        (await ca.Put(instance, key)).Dispose();
        return ca.Client(instance.Name, (await ca.Certificate(instance.Name))!, key);
    }

    /// <summary>Who holds pp_cli_auth.</summary>
    public static async Task<CertifiedClient> Administrator(this RunningCa ca, string certname = "admin.example.org")
    {
        var (name, key) = (CertName.Parse(certname), CsrBuilder.EcKey());
        var grant = new Grant { Source = "admin by a test", Extensions = { ["1.3.6.1.4.1.34380.1.3.39"] = "true" }, LifeSeconds = 86400 };
        var claim = ca.Services.GetRequiredService<ClaimMaker>().Make(name, $"admin-{ca.House.NewName()}",
            SubjectKeyReader.Read(key.ExportSubjectPublicKeyInfo()), grant, Reason.AdminIssued, "for a test");
        await ca.Services.GetRequiredService<ClaimStore>().Put(claim, default);
        var certificate = await ca.Services.GetRequiredService<IssueFromClaim>().Run(claim, null, Caller.Own("test"), default);
        using (key)
            return ca.Client(name, certificate!.Pem, key);
    }

    public static CertifiedClient Client(this RunningCa ca, CertName name, string pem, AsymmetricAlgorithm key)
    {
        using var bare = X509Certificate2.CreateFromPem(pem);
        var own = key is RSA rsa ? bare.CopyWithPrivateKey(rsa) : bare.CopyWithPrivateKey((ECDsa)key);
        return new CertifiedClient(name, own, ca.AgentClient(own));
    }
}
