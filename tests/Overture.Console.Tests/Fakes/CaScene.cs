using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.V1;
using Overture.Conductor.V1;
using Overture.Records.V1;

namespace Overture.Console.Tests.Fakes;

/// <summary>A Puppet CA below a root, and what it signed, holds and has decided.</summary>
internal static class CaScene
{
    public const string Serial = "4f01";

    /// <summary>The CA that signs, and its root.</summary>
    public static readonly string Bundle;

    /// <summary>
    /// As that CA would issue it to the first instance; one of a CA that it does not know; one with a critical extension of no meaning.
    /// </summary>
    public static readonly string Pem, Foreign, Odd;

    static CaScene()
    {
        using var root = SelfSigned("CN=Puppet Root CA: example");
        using var signing = Issue("CN=Puppet CA: example", root, 10, [0x10], new X509BasicConstraintsExtension(true, false, 0, true));
        using var own = Issue($"CN={Scene.Named(1)}", signing, 5, [0x4f, 0x01],
            new X509Extension("1.3.6.1.4.1.34380.1.1.13", [0x0c, 3, (byte)'w', (byte)'e', (byte)'b'], false));
        using var other = SelfSigned("CN=Puppet CA: example");
        using var foreign = Issue($"CN={Scene.Named(2)}", other, 5, [0x4f, 0x02]);
        Bundle = $"{signing.ExportCertificatePem()}\n{root.ExportCertificatePem()}\n";
        using var odd = Issue("CN=odd.example.com", signing, 5, [0x4f, 0x03],
            new X509Extension("1.3.6.1.4.1.34380.9.9", [0x05, 0x00], true));
        (Pem, Foreign, Odd) = (own.ExportCertificatePem(), foreign.ExportCertificatePem(), odd.ExportCertificatePem());
    }

    private static X509Certificate2 SelfSigned(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request.CreateSelfSigned(Scene.Now, Scene.Now.AddYears(15));
    }

    private static X509Certificate2 Issue(string name, X509Certificate2 ca, int years, byte[] serial, params X509Extension[] extensions)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        foreach (var extension in extensions)
            request.CertificateExtensions.Add(extension);
        using var issued = request.Create(ca, Scene.Now, Scene.Now.AddYears(years), serial);
        return issued.CopyWithPrivateKey(key);
    }

    public static HeldRequest Held(string certname)
    {
        string Or(string usual) => certname == Scene.HostileName ? Scene.Hostile : usual;
        return new()
        {
            Certname = certname, SpkiSha256 = "3f0c2a4e9b7d5560aa11cc22dd33ee44ff5566778899aabbccddeeff00112233", Key = "RSA 4096",
            FingerprintSha256 = "ab01cd02ef030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d", Peer = "10.20.0.31",
            ReceivedAt = Scene.Ago(TimeSpan.FromMinutes(3)), Remedy = Or("an approval by a person, or a registration of that name"),
            RequestedDnsNames = { Or("db1.example.com") }, RequestedExtensions = { ["1.3.6.1.4.1.34380.1.1.1"] = Or("ED803750") },
            Decision = new Decision
            {
                Outcome = "hold", Reason = "HELD_FOR_APPROVAL", Sentence = Or("no launch vouches for this name, so a person has to decide"),
                Checks =
                {
                    new Check { Name = "registered", Expected = "a launch record", Observed = "none" },
                    new Check { Name = "key", Expected = "RSA 2048 or more, or P-256", Observed = "RSA 4096", Passed = true },
                },
            },
        };
    }

    public static GetCertificateResponse Signed() => new()
    {
        Serial = Serial, NotAfter = (Scene.Now + TimeSpan.FromDays(1825)).ToTimestamp(), State = CertificateState.Valid,
        Decision = new Decision
        {
            Outcome = "sign", Reason = "TOKEN_ACCEPTED", Sentence = "it brought its one-time token",
            Checks = { new Check { Name = "token", Expected = "hash 9f2c", Observed = "the same", Passed = true } },
        },
    };

    // Of four one is revoked.
    public static CertificateSummary Summary(Instance instance, int n)
    {
        var summary = new CertificateSummary
        {
            Certname = instance.Certname, Serial = $"4f{n:x2}", State = CertificateState.Valid, KeyAlgorithm = "RSA 4096",
            GrantedBy = "launch", NotAfter = Scene.Ago(TimeSpan.FromDays(-300)),
        };
        if (n % 4 == 3)
            (summary.State, summary.RevocationReason, summary.RevokedBy) = (CertificateState.Revoked, Scene.Hostile, "kim (admin)");
        return summary;
    }

    // Of three one is refused.
    public static AuditRecord Audited(Instance instance, int n) => new()
    {
        At = instance.CreatedAt, Action = n % 3 == 0 ? "csr.refused" : "cert.released", Outcome = n % 3 == 0 ? "deny" : "allow",
        Certname = instance.Certname, Actor = "agent", Peer = "10.20.0.17",
        Decision = new Decision { Sentence = n % 3 == 0 ? Scene.Hostile : "it brought its one-time token", Reason = "TOKEN_ACCEPTED" },
    };

    public static ExplainCertificateResponse Explained(string certname, string serial)
    {
        var decision = new Decision { Reason = "TOKEN_ACCEPTED", Sentence = "it brought its one-time token" };
        var claim = new ExplainedClaim
        {
            Claim = new Claim { Serial = serial, Decision = decision },
            Certificate = new CertificateRecord { Serial = serial, Pem = certname == Scene.Named(2) ? Foreign : Pem },
        };
        if (certname == Scene.HostileName)
        {
            claim.Certificate.Pem = Scene.Hostile;
            claim.Revocation = new Revocation { By = "kim (admin)", Sentence = Scene.Hostile };
        }
        var released = new AuditRecord
        {
            At = Scene.Ago(TimeSpan.FromHours(1)), Action = "cert.released", Outcome = "allow", Certname = certname, Actor = "agent",
        };
        return new()
        {
            Certname = certname, Summary = "it would be refused: the name has a certificate", Claims = { claim }, Audit = { released },
            BundlePem = Bundle,
        };
    }
}
