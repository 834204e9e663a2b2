using System.Collections.Concurrent;
using Grpc.Core;
using Overture.CertAuthority.V1;
using Overture.Platform.Certificates;
using Overture.Platform.Faults;
using Overture.Records.V1;

namespace Overture.Cli.Tests.Fakes;

/// <summary>A CertAuthority with canned answers; the name decides.</summary>
public sealed class FakeCertAuthority : CertAuthorityService.CertAuthorityServiceBase
{
    public ConcurrentQueue<AuthorizeCertificateRequestRequest> Authorized { get; } = new();
    public ConcurrentQueue<IssueAdminCertificateRequest> Admins { get; } = new();

    public override Task<AuthorizeCertificateRequestResponse> AuthorizeCertificateRequest(AuthorizeCertificateRequestRequest request,
        ServerCallContext context)
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

    /// <summary>Lists of the internal PKI that were published, by whatever CA signed them.</summary>
    public IReadOnlyList<InternalCrl> InternalCrls { get; set; } = [];

    public int Published => InternalCrls.Count;

    /// <summary>What another publishes right before a list; null: nothing.</summary>
    public Func<InternalCrl, InternalCrl?>? Beaten { get; set; }

    public override Task<GetInternalCrlsResponse> GetInternalCrls(GetInternalCrlsRequest request, ServerCallContext context) =>
        Task.FromResult(new GetInternalCrlsResponse { CrlPem = { InternalCrls.TakeLast(1).Select(l => l.Pem) } });

    public override Task<PublishInternalCrlResponse> PublishInternalCrl(PublishInternalCrlRequest request, ServerCallContext context)
    {
        var facts = CrlFacts.Read(CrlPem.Split(request.CrlPem).Single());
        var list = new InternalCrl(default, facts.Number!.Value, facts.Entries, request.CrlPem);
        if (Beaten?.Invoke(list) is { } other)
            InternalCrls = [.. InternalCrls, other];
        if ((InternalCrls.Count > 0 ? InternalCrls[^1] : null) is var last && last?.Pem != list.Pem
            && list.Number != (last?.Number ?? 0) + 1)
        {
            throw new FaultException(FaultKind.Conflict, Reason.EtagMismatch, $"make list {(last?.Number ?? 0) + 1}");
        }
        InternalCrls = [.. InternalCrls, list];
        return Task.FromResult(new PublishInternalCrlResponse { Number = list.Number, Revoked = list.Entries.Count });
    }

    public override Task<GetCertificateResponse> GetCertificate(GetCertificateRequest request, ServerCallContext context) =>
        request.Certname.StartsWith("puppetserver-", StringComparison.Ordinal) || request.Certname.StartsWith("worker-",
            StringComparison.Ordinal)
            ? throw new FaultException(FaultKind.NotFound, Reason.NotFound, $"no certificate of {request.Certname}")
        : Task.FromResult(new GetCertificateResponse
    {
        CertificatePem = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n",
        Serial = "0f",
        State = CertificateState.Expired,
        Decision = new Decision { Outcome = "sign", Reason = "TOKEN_ACCEPTED",
            Checks = { new Check { Name = "token", Expected = "aa", Observed = "aa", Passed = true } } },
    });

    public override Task<RevokeCertificateResponse> RevokeCertificate(RevokeCertificateRequest request, ServerCallContext context) =>
        request.Reason.Length == 0 ? throw FaultException.Invalid("reason", "must not be empty")
            : Task.FromResult(new RevokeCertificateResponse { Serials = { "0f" }, CrlNumber = 7 });

    public override Task<ListCertificateRequestsResponse> ListCertificateRequests(ListCertificateRequestsRequest request,
        ServerCallContext context)
    {
        var first = request.PageToken.Length == 0;
        return Task.FromResult(new ListCertificateRequestsResponse
        {
            Requests = { new HeldRequest { Certname = first ? "one.example.com" : "two.example.com", SpkiSha256 = "ab",
                Decision = new Decision { Reason = "HELD_FOR_APPROVAL" } } },
            NextPageToken = first ? "2" : "",
        });
    }

    public ConcurrentQueue<ListCertificatesRequest> Listings { get; } = new();

    // Two pages: a valid one that ends late, a revoked one that ends early.
    public override Task<ListCertificatesResponse> ListCertificates(ListCertificatesRequest request, ServerCallContext context)
    {
        Listings.Enqueue(request.Clone());
        var first = request.PageToken.Length == 0;
        var certificate = new CertificateSummary
        {
            Certname = first ? "one.example.com" : "two.example.com", Serial = first ? "4f01" : "4f02", Issuer = "overture",
            State = first ? CertificateState.Valid : CertificateState.Revoked, NotBefore = new(), GrantedBy = "launch",
            NotAfter = new() { Seconds = first ? 2_000_000_000 : 1_900_000_000 }, KeyAlgorithm = "P-256",
        };
        if (!first)
            (certificate.RevokedAt, certificate.RevokedBy, certificate.RevocationReason) = (new(), "admin", "leaked\nkey");
        return Task.FromResult(new ListCertificatesResponse { Certificates = { certificate }, NextPageToken = first ? "2" : "" });
    }

    public ConcurrentQueue<ListAuditRecordsRequest> AuditListings { get; } = new();

    public override async Task ListAuditRecords(ListAuditRecordsRequest request,
        IServerStreamWriter<ListAuditRecordsResponse> responseStream, ServerCallContext context)
    {
        AuditListings.Enqueue(request);
        if (request.Action == "none")
        {
            await responseStream.WriteAsync(new ListAuditRecordsResponse());
            return;
        }
        await responseStream.WriteAsync(new ListAuditRecordsResponse { Records = { new AuditRecord { Action = "cert.revoked",
            Outcome = "allow", Actor = "admin", Certname = "one.example.com", At = new(),
            Decision = new Decision { Sentence = "leaked" } } } });
        await responseStream.WriteAsync(new ListAuditRecordsResponse { Records = { new AuditRecord { Action = "csr.refused",
            Outcome = "deny", AskedName = "not%20a%20name", Peer = "10.0.0.7", At = new() } }, More = true, Unreadable = 2 });
    }

    public ConcurrentQueue<VerifyAuditRequest> Verifications { get; } = new();

    /// <summary>What the next verification finds wrong, where the expected heads name this stream.</summary>
    public const string BrokenStream = "certauthority/broken";

    public override async Task VerifyAudit(VerifyAuditRequest request, IServerStreamWriter<VerifyAuditResponse> responseStream,
        ServerCallContext context)
    {
        Verifications.Enqueue(request);
        await responseStream.WriteAsync(new VerifyAuditResponse { Batches = 1, Records = 500 });
        var verdict = new VerifyAuditResponse { Done = true, Batches = 2, Records = 700,
            Heads = { new AuditHead { Stream = "certauthority/one", Sequence = 2, HeadSha256 = "ab" } } };
        if (request.Expected.Any(h => h.Stream == BrokenStream))
        {
            verdict.Problems.Add([$"{BrokenStream}: cut off after batch 1; the head kept elsewhere saw its batch 2",
                "certauthority/one batch 2: its signature\nfaked line"]);
        }
        await responseStream.WriteAsync(verdict);
    }

    public override Task<ExplainCertificateResponse> ExplainCertificate(ExplainCertificateRequest request, ServerCallContext context)
    {
        if (request.Certname == "unknown.example.com")
        {
            throw new FaultException(FaultKind.NotFound, Reason.NotFound, "unknown.example.com is unknown: never launched, registered or "
                + "requested");
        }
        var decision = new Decision { Outcome = "sign", Reason = "TOKEN_ACCEPTED", Sentence = "signed because it brought its "
            + "token", Checks = { new Check { Name = "token", Expected = "hash aa", Observed = "matches", Passed = true } } };
        return Task.FromResult(new ExplainCertificateResponse
        {
            Certname = request.Certname.Length > 0 ? request.Certname : $"of-{request.Serial}",
            Claims =
            {
                new ExplainedClaim
                {
                    Claim = new Claim { Claim_ = "1", Serial = "4f01", Issuer = "overture", Decision = decision,
                        Grant = new Grant { Source = "launch" } },
                    Certificate = new CertificateRecord { Serial = "4f01" },
                    Revocation = new Revocation { Serial = "4f01", By = "operator", Sentence = "leaked" },
                    LaunchKid = "kid1",
                },
            },
            Blocks = { new Block { Kind = BlockKind.Revoked, By = "operator", Sentence = "leaked" } },
            Audit = { new AuditRecord { Action = "cert.released", Outcome = "allow", Actor = "agent", Peer = "10.0.0.7",
                Decision = decision } },
            Summary = "certificate 4f01 was revoked",
        });
    }

    /// <summary>The key of every request that waits here.</summary>
    public const string WaitingKey = "3f0c2a4e00000000000000000000000000000000000000000000000000000000";

    public ConcurrentQueue<ApproveCertificateRequestRequest> Approved { get; } = new();
    public ConcurrentQueue<DenyCertificateRequestRequest> Denied { get; } = new();

    public override Task<GetHeldRequestResponse> GetHeldRequest(GetHeldRequestRequest request, ServerCallContext context) =>
        request.Certname == "unknown.example.com"
        ? throw new FaultException(FaultKind.NotFound, Reason.NotFound, "no certificate request waits for unknown.example.com")
        : Task.FromResult(new GetHeldRequestResponse
        {
            Request = new HeldRequest
            {
                Certname = request.Certname, SpkiSha256 = WaitingKey, Key = "P-256", FingerprintSha256 = "ab01",
                Remedy = "approval by a person",
                Decision = new Decision { Reason = "HELD_FOR_APPROVAL", Sentence = "waits for a person",
                    Checks = { new Check { Name = "registered", Expected = "a launch record", Observed = "none" } } },
            },
        });

    public override Task<ApproveCertificateRequestResponse> ApproveCertificateRequest(ApproveCertificateRequestRequest request,
        ServerCallContext context)
    {
        Approved.Enqueue(request);
        return request.Certname == "undefined.example.com"
            ? throw new FaultException(FaultKind.Precondition, Reason.DefinitionMissing, "undefined.example.com has no node definition")
            : Task.FromResult(new ApproveCertificateRequestResponse { Serial = "4f",
                Decision = new Decision { Sentence = "approved by admin: known" } });
    }

    public override Task<DenyCertificateRequestResponse> DenyCertificateRequest(DenyCertificateRequestRequest request,
        ServerCallContext context)
    {
        Denied.Enqueue(request);
        return Task.FromResult(new DenyCertificateRequestResponse());
    }

    public override Task<IssueAdminCertificateResponse> IssueAdminCertificate(IssueAdminCertificateRequest request,
        ServerCallContext context)
    {
        Admins.Enqueue(request);
        return request.Certname == "node.example.com"
            ? throw new FaultException(FaultKind.Precondition, Reason.NameTaken, "node.example.com has a node's certificate")
            : Task.FromResult(new IssueAdminCertificateResponse { CertificatePem = "a certificate\n", Serial = "0f",
                NotAfter = new Google.Protobuf.WellKnownTypes.Timestamp(), BundlePem = "a bundle\n", CrlPem = "a list\n" });
    }

    private static Task<AuthorizeCertificateRequestResponse> Decided(string outcome, string reason, string sentence) =>
        Task.FromResult(new AuthorizeCertificateRequestResponse { Decision = new Decision { Outcome = outcome, Reason = reason,
            Sentence = sentence } });
}
