using System.Collections.Concurrent;
using Grpc.Core;
using Overture.CertAuthority.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.Cli.Tests.Fakes;

/// <summary>A CertAuthority with canned answers; the name decides.</summary>
public sealed class FakeCertAuthority : CertAuthorityService.CertAuthorityServiceBase
{
    public ConcurrentQueue<AuthorizeCertificateRequestRequest> Authorized { get; } = new();
    public ConcurrentQueue<IssueAdminCertificateRequest> Admins { get; } = new();

    public override Task<AuthorizeCertificateRequestResponse> AuthorizeCertificateRequest(AuthorizeCertificateRequestRequest request, ServerCallContext context)
    {
        Authorized.Enqueue(request);
        return request.Certname switch
        {
            "refused.example.com" => throw new FaultException(FaultKind.Denied, Reason.TokenMismatch, "the token is not this name's"),
            "held.example.com" => Decided("hold", "HELD_FOR_APPROVAL", "a person has to decide"),
            "nothing.example.com" => Task.FromResult(new AuthorizeCertificateRequestResponse()),
            _ => Decided("sign", "TOKEN_ACCEPTED", "it brought its token"),
        };
    }

    public override Task<GetCertificateResponse> GetCertificate(GetCertificateRequest request, ServerCallContext context) => Task.FromResult(new GetCertificateResponse
    {
        CertificatePem = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n",
        Serial = "0f",
        Decision = new Decision { Outcome = "sign", Reason = "TOKEN_ACCEPTED", Checks = { new Check { Name = "token", Expected = "aa", Observed = "aa", Passed = true } } },
    });

    public override Task<RevokeCertificateResponse> RevokeCertificate(RevokeCertificateRequest request, ServerCallContext context) =>
        request.Reason.Length == 0 ? throw FaultException.Invalid("reason", "must not be empty") : Task.FromResult(new RevokeCertificateResponse { Serials = { "0f" }, CrlNumber = 7 });

    public override Task<ListCertificateRequestsResponse> ListCertificateRequests(ListCertificateRequestsRequest request, ServerCallContext context)
    {
        var first = request.PageToken.Length == 0;
        return Task.FromResult(new ListCertificateRequestsResponse
        {
            Requests = { new HeldRequest { Certname = first ? "one.example.com" : "two.example.com", SpkiSha256 = "ab", Decision = new Decision { Reason = "HELD_FOR_APPROVAL" } } },
            NextPageToken = first ? "2" : "",
        });
    }

    public override Task<IssueAdminCertificateResponse> IssueAdminCertificate(IssueAdminCertificateRequest request, ServerCallContext context)
    {
        Admins.Enqueue(request);
        return request.Certname == "node.example.com"
            ? throw new FaultException(FaultKind.Precondition, Reason.NameTaken, "node.example.com has a node's certificate")
            : Task.FromResult(new IssueAdminCertificateResponse { CertificatePem = "a certificate\n", Serial = "0f", NotAfter = new Google.Protobuf.WellKnownTypes.Timestamp(), BundlePem = "a bundle\n", CrlPem = "a list\n" });
    }

    private static Task<AuthorizeCertificateRequestResponse> Decided(string outcome, string reason, string sentence) =>
        Task.FromResult(new AuthorizeCertificateRequestResponse { Decision = new Decision { Outcome = outcome, Reason = reason, Sentence = sentence } });
}
