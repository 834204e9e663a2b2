using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Overture.Platform.Tls;
using Overture.Protos;

namespace Overture.TestSupport;

/// <summary>Delegations as `overture ui` makes them.</summary>
public static class TestDelegation
{
    /// <param name="pki">Has both parties.</param>
    /// <param name="person">Who signs.</param>
    /// <param name="until">Its end.</param>
    /// <param name="console">Whose certificate is named in it.</param>
    public static Delegation Of(TestPki pki, string person, DateTimeOffset until, string console = "console") =>
        DelegationStatement.Sign(X509Certificate2.CreateFromPemFile(pki.Files(person).Certificate, pki.Files(person).Key),
            SHA256.HashData(X509CertificateLoader.LoadCertificateFromFile(pki.Files(console).Certificate).RawDataMemory.Span), until,
            RandomNumberGenerator.GetBytes(DelegationStatement.NonceLength));

    /// <summary>The metadata of a call.</summary>
    public static Grpc.Core.Metadata Header(Delegation delegation) => new() { { DelegationStatement.Header, delegation.ToByteArray() } };
}
