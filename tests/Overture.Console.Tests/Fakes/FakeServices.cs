using System.Collections.Concurrent;
using System.Threading.Channels;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Overture.CertAuthority.V1;
using Overture.Classifier.V1;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Rpc;
using Overture.Platform.Tls;
using Overture.Records.V1;

namespace Overture.Console.Tests.Fakes;

/// <summary>What the three services are asked, by whom; and what they answer.</summary>
internal sealed class World
{
    public List<Instance> Fleet { get; } = Scene.Fleet();

    /// <summary>"TerminateInstance NAME by jo (operator), by console".</summary>
    public ConcurrentQueue<string> Acts { get; } = new();

    /// <summary>Definitions with their versions; of the empty name the layers.</summary>
    public ConcurrentDictionary<string, (string Document, int Version)> Documents { get; } = new();

    /// <summary>Reasons that came with what was only to be validated.</summary>
    public ConcurrentDictionary<string, string> LookedAt { get; } = new();

    public ConcurrentQueue<WatchInstancesRequest> Watches { get; } = new();

    /// <summary>Of sessions, by nonce: what the registry would keep.</summary>
    public ConcurrentDictionary<string, SessionMark> Marks { get; } = new();

    /// <summary>Calls of MarkSession, answered or not.</summary>
    public ConcurrentQueue<SessionMark> Asks { get; } = new();

    /// <summary>Services that answer nothing.</summary>
    public ConcurrentDictionary<Role, bool> Away { get; } = new();

    public Instance Of(string certname) => Fleet.Find(i => i.Certname == certname)
        ?? throw new FaultException(FaultKind.NotFound, Reason.NotFound, $"there is no instance {certname}");

    public event Action<Instance>? Changed;

    public void Change(Instance instance) => Changed?.Invoke(instance);

    public PeerIdentity Asked(ServerCallContext context, Role service, string what = "")
    {
        if (Away.ContainsKey(service))
            throw new FaultException(FaultKind.Unavailable, Reason.StoreUnavailable, "the object store does not answer");
        var peer = context.Peer();
        if (what.Length > 0)
        {
            if (!peer.Roles.Overlaps([Role.Operator, Role.Admin]))
                throw new FaultException(FaultKind.Denied, Reason.RoleMissing, $"{peer.Caller} may not do that");
            Acts.Enqueue($"{what} by {peer.Caller}");
        }
        return peer;
    }
}

internal sealed class FakeConductor(World world) : ConductorService.ConductorServiceBase
{
    public override Task<GetInstanceResponse> GetInstance(GetInstanceRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.Conductor);
        return Task.FromResult(new GetInstanceResponse { Instance = world.Of(request.Certname) });
    }

    public override Task<ListInstancesResponse> ListInstances(ListInstancesRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.Conductor);
        var all = Matching(request.Filter).OrderByDescending(i => i.CreatedAt).ToList();
        var from = request.PageToken.Length > 0 ? int.Parse(request.PageToken, System.Globalization.CultureInfo.InvariantCulture) : 0;
        return Task.FromResult(new ListInstancesResponse { Instances = { all.Skip(from).Take(request.PageSize) },
            NextPageToken = all.Count > from + request.PageSize ? $"{from + request.PageSize}" : "" });
    }

    public override Task<SummarizeInstancesResponse> SummarizeInstances(SummarizeInstancesRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.Conductor);
        var all = Matching(request.Filter).ToList();
        return Task.FromResult(new SummarizeInstancesResponse
        {
            Total = all.Count, Healthy = all.Count(i => i.Conditions.Count == 0),
            States = { all.GroupBy(i => i.State).OrderBy(g => g.Key).Select(g => new StateCount { State = g.Key, Count = g.Count() }) },
            Conditions = { all.SelectMany(i => i.Conditions).GroupBy(c => c.Type).OrderBy(g => g.Key)
                .Select(g => new ConditionCount { Type = g.Key, Count = g.Count() }) },
        });
    }

    public override Task<SummarizeCausesResponse> SummarizeCauses(SummarizeCausesRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.Conductor);
        var wrong = Matching(request.Filter).Where(i => i.Conditions.Count > 0).ToList();
        return Task.FromResult(new SummarizeCausesResponse
        {
            Total = world.Fleet.Count, Broken = wrong.Count,
            Causes = { wrong.GroupBy(i => i.Conditions[0].Reason).Select(g => new CauseCount { Reason = g.Key, Sentence = g.First().Conditions[0].Message,
                Next = g.First().Conditions[0].Next, Type = g.First().Conditions[0].Type, Severity = g.First().Conditions[0].Severity,
                Since = g.First().Conditions[0].Since, Count = g.Count(), Certnames = { g.Take(3).Select(i => i.Certname) } })
                .OrderByDescending(c => c.Severity) },
        });
    }

    public override async Task WatchInstances(WatchInstancesRequest request, IServerStreamWriter<WatchInstancesResponse> responseStream,
        ServerCallContext context)
    {
        world.Asked(context, Role.Conductor);
        world.Watches.Enqueue(request);
        var changes = Channel.CreateUnbounded<Instance>();
        void Tell(Instance i) => changes.Writer.TryWrite(i.Clone());
        foreach (var name in request.Certnames)
            Tell(world.Of(name));
        world.Changed += Tell;
        try
        {
            await foreach (var instance in changes.Reader.ReadAllAsync(context.CancellationToken))
                await responseStream.WriteAsync(new() { Instance = instance });
        }
        finally
        {
            world.Changed -= Tell;
        }
    }

    public override Task<ExplainInstanceResponse> ExplainInstance(ExplainInstanceRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.Conductor);
        return Task.FromResult(Scene.Explained(world.Of(request.Certname)));
    }

    public override Task<GetTimelineResponse> GetTimeline(GetTimelineRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.Conductor);
        return Task.FromResult(Scene.Timeline(world.Of(request.Certname)));
    }

    public override Task<GetConsoleResponse> GetConsole(GetConsoleRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.Conductor, $"GetConsole {request.Certname}");
        return Task.FromResult(new GetConsoleResponse { Text = $"\u001b[32m[ OK ]\u001b[0m cloud-init\n{Scene.Hostile}\nlogin:",
            HostKeys = { new SshHostKey { Type = "ssh-ed25519", Fingerprint = "SHA256:abc" } } });
    }

    public override Task<ListProfilesResponse> ListProfiles(ListProfilesRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.Conductor);
        return Task.FromResult(new ListProfilesResponse { Profiles = { new Profile { Name = "web" }, new Profile { Name = "db" }, new Profile { Name = Scene.Hostile } } });
    }

    public override Task<PreviewLaunchResponse> PreviewLaunch(PreviewLaunchRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.Conductor);
        return request.Profile == "absent" ? throw new FaultException(FaultKind.NotFound, Reason.NotFound, "there is no profile absent") : Task.FromResult(Scene.Preview(request.Profile));
    }

    public override Task<LaunchInstancesResponse> LaunchInstances(LaunchInstancesRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.Conductor, $"LaunchInstances {request.Count} of {request.Profile}, {request.RequestId}");
        return Task.FromResult(new LaunchInstancesResponse { RequestId = request.RequestId,
            // Those beyond the fleet are not found afterwards.
            Results = { world.Fleet.Concat(Enumerable.Range(1_000, request.Count).Select(Scene.Converged)).Take(request.Count)
                .Select(i => new LaunchResult { Instance = i }) } });
    }

    public override Task<SummarizeConvergenceResponse> SummarizeConvergence(SummarizeConvergenceRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.Conductor);
        return Task.FromResult(Scene.Convergence(request.Filter));
    }

    public override Task<GetUserDataResponse> GetUserData(GetUserDataRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.Conductor, $"GetUserData {request.Certname}");
        return Task.FromResult(new GetUserDataResponse { UserData = $"#cloud-config\n\"runcmd\":\n- \"{Scene.Hostile}\"\n# token ********\n" });
    }

    public override Task<MarkSessionResponse> MarkSession(MarkSessionRequest request, ServerCallContext context)
    {
        world.Asks.Enqueue(request.Mark);
        world.Asked(context, Role.Conductor);
        var nonce = context.GetHttpContext().Features.Get<DelegatedPeer>()!.Nonce;
        var first = request.Mark == SessionMark.Entered && world.Marks.TryAdd(nonce, SessionMark.Entered);
        if (request.Mark == SessionMark.Ended)
            world.Marks[nonce] = SessionMark.Ended;
        return Task.FromResult(new MarkSessionResponse { First = first, Ended = world.Marks.GetValueOrDefault(nonce) == SessionMark.Ended });
    }

    public override Task<TerminateInstanceResponse> TerminateInstance(TerminateInstanceRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.Conductor, $"TerminateInstance {request.Certname} ({request.Reason})");
        return Task.FromResult(new TerminateInstanceResponse { Instance = world.Of(request.Certname) });
    }

    public override Task<UpdateInstanceResponse> UpdateInstance(UpdateInstanceRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.Conductor, $"UpdateInstance {request.Certname}");
        return Task.FromResult(new UpdateInstanceResponse { Instance = world.Of(request.Certname) });
    }

    private IEnumerable<Instance> Matching(InstanceFilter filter) => world.Fleet.Where(i =>
        (filter.States.Count == 0 || filter.States.Contains(i.State))
        && (filter.Conditions.Count == 0 || i.Conditions.Any(c => filter.Conditions.Contains(c.Type)))
        && (filter.Profile.Length == 0 || i.Profile == filter.Profile) && i.Certname.StartsWith(filter.Prefix, StringComparison.Ordinal));
}

internal sealed class FakeClassifier(World world) : ClassifierService.ClassifierServiceBase
{
    public override Task<ExplainNodeResponse> ExplainNode(ExplainNodeRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.Classifier);
        return Task.FromResult(Scene.Definition(request.Certname));
    }

    public override Task<GetNodeResponse> GetNode(GetNodeRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.Classifier);
        if (request.Certname == Scene.Undefined)
            throw new FaultException(FaultKind.NotFound, Reason.NodeUnknown, "no definition of it");
        var (document, version) = world.Documents.GetOrAdd(request.Certname, (Scene.Document, 1));
        return Task.FromResult(new GetNodeResponse { Node = new Node { Certname = request.Certname, Etag = $"v{version}", UpdatedAt = Scene.Ago(TimeSpan.FromHours(2)),
            Definition = document } });
    }

    public override Task<PutNodeResponse> PutNode(PutNodeRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.Classifier, $"PutNode {request.Certname}{(request.ValidateOnly ? ", only to look" : $" ({request.Reason})")}");
        if (request.ValidateOnly)
            world.LookedAt[request.Certname] = request.Reason;
        Put(request.Certname, request.Definition, request.Etag, request.ValidateOnly);
        return Task.FromResult(new PutNodeResponse { Warnings = { new DefinitionWarning { Line = 2, Field = "parameters.hostname", Rule = "hides a fact" } } });
    }

    public override Task<DeleteNodeResponse> DeleteNode(DeleteNodeRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.Classifier, $"DeleteNode {request.Certname} {request.Etag} {request.Force} ({request.Reason})");
        return Task.FromResult(new DeleteNodeResponse { HistoryId = "2" });
    }

    public override Task<GetLayersResponse> GetLayers(GetLayersRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.Classifier);
        var (document, version) = world.Documents.GetOrAdd("", (Scene.Document, 1));
        return Task.FromResult(new GetLayersResponse { Layers = new Layers { Document = document, Etag = $"v{version}", UpdatedAt = Scene.Ago(TimeSpan.FromHours(2)) } });
    }

    public override Task<PutLayersResponse> PutLayers(PutLayersRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.Classifier, $"PutLayers{(request.ValidateOnly ? ", only to look" : $" ({request.Reason})")}");
        Put("", request.Document, request.Etag, request.ValidateOnly);
        return Task.FromResult(new PutLayersResponse());
    }

    private void Put(string name, string document, string etag, bool onlyLook)
    {
        if (document.Contains("broken", StringComparison.Ordinal))
            throw FaultException.Invalid("definition", $"line 2: {Scene.Hostile} is no environment");
        if (onlyLook)
            return;
        var (_, version) = world.Documents.GetOrAdd(name, (Scene.Document, 1));
        if (etag != $"v{version}")
            throw new FaultException(FaultKind.Conflict, Reason.EtagMismatch, $"{name} was changed by another caller; read it again");
        world.Documents[name] = (document, version + 1);
    }

    public override Task<ListHistoryResponse> ListHistory(ListHistoryRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.Classifier);
        return Task.FromResult(new ListHistoryResponse { Entries = { new HistoryEntry { Id = "2", Kind = "put", Author = "kim (admin)", Reason = "more", Document = "classes:\n  old: {}\n",
            At = Scene.Ago(TimeSpan.FromHours(1)) }, new HistoryEntry { Id = "1", Kind = "put", Author = "jo (operator)", Reason = Scene.Hostile,
            Document = "classes: {}\n", At = Scene.Ago(TimeSpan.FromHours(2)) } } });
    }

    public override Task<ListDefinitionsResponse> ListDefinitions(ListDefinitionsRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.Classifier);
        return Task.FromResult(new ListDefinitionsResponse { Definitions = { world.Fleet.Take(20).Append(world.Fleet[^1]).Select(i => new DefinitionSummary { Certname = i.Certname,
            Environment = "production", Layers = { "defaults", $"group {i.Profile}", "node" }, Author = "jo (operator)", UpdatedAt = i.CreatedAt,
            Problems = { i.Certname == Scene.HostileName ? [Scene.Hostile] : Array.Empty<string>() } }) } });
    }
}

internal sealed class FakeCertAuthority(World world) : CertAuthorityService.CertAuthorityServiceBase
{
    public override Task<GetCertificateResponse> GetCertificate(GetCertificateRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.CertAuthority);
        return world.Of(request.Certname).Serial.Length == 0 ? throw new FaultException(FaultKind.NotFound, Reason.NotFound, "no certificate")
            : Task.FromResult(new GetCertificateResponse { Serial = "4f01", NotAfter = (Scene.Now + TimeSpan.FromDays(1825)).ToTimestamp(), State = CertificateState.Valid,
                Decision = new Decision { Outcome = "sign", Reason = "TOKEN_ACCEPTED", Sentence = "it brought its one-time token",
                    Checks = { new Check { Name = "token", Expected = "hash 9f2c", Observed = "the same", Passed = true } } } });
    }

    public override Task<ListCertificateRequestsResponse> ListCertificateRequests(ListCertificateRequestsRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.CertAuthority);
        return Task.FromResult(new ListCertificateRequestsResponse { Requests = { Scene.Held(Scene.Named(103)), Scene.Held(Scene.HostileName) } });
    }

    public override Task<GetHeldRequestResponse> GetHeldRequest(GetHeldRequestRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.CertAuthority);
        return Task.FromResult(new GetHeldRequestResponse { Request = Scene.Held(request.Certname) });
    }

    public override Task<ApproveCertificateRequestResponse> ApproveCertificateRequest(ApproveCertificateRequestRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.CertAuthority, $"Approve {request.Certname} {request.SpkiSha256[..8]} ({request.Reason})");
        return Task.FromResult(new ApproveCertificateRequestResponse { Serial = "4f" });
    }

    public override Task<DenyCertificateRequestResponse> DenyCertificateRequest(DenyCertificateRequestRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.CertAuthority, $"Deny {request.Certname} ({request.Reason})");
        return Task.FromResult(new DenyCertificateRequestResponse());
    }

    public override Task<ListCertificatesResponse> ListCertificates(ListCertificatesRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.CertAuthority);
        return Task.FromResult(new ListCertificatesResponse { Certificates = { world.Fleet.TakeLast(12).Select((i, n) => new CertificateSummary { Certname = i.Certname,
            Serial = $"4f{n:x2}", State = n % 4 == 3 ? CertificateState.Revoked : CertificateState.Valid, NotAfter = Scene.Ago(TimeSpan.FromDays(-300)), KeyAlgorithm = "RSA 4096",
            GrantedBy = "launch", RevocationReason = n % 4 == 3 ? Scene.Hostile : "", RevokedBy = n % 4 == 3 ? "kim (admin)" : "" }) } });
    }

    public override Task<ExplainCertificateResponse> ExplainCertificate(ExplainCertificateRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.CertAuthority);
        var serial = request.Serial.Length > 0 ? request.Serial : "4f01";
        return Task.FromResult(new ExplainCertificateResponse
        {
            Certname = request.Serial.Length > 0 ? Scene.Named(1) : request.Certname, Summary = "it would be refused: the name has a certificate",
            Claims = { new ExplainedClaim { Claim = new Claim { Serial = serial, Decision = new Decision { Reason = "TOKEN_ACCEPTED", Sentence = "it brought its one-time token" } },
                Certificate = new CertificateRecord { Serial = serial, Pem = request.Certname == Scene.HostileName ? Scene.Hostile : Scene.Pem },
                Revocation = request.Certname == Scene.HostileName ? new Revocation { By = "kim (admin)", Sentence = Scene.Hostile } : null } },
            Audit = { new AuditRecord { At = Scene.Ago(TimeSpan.FromHours(1)), Action = "cert.released", Outcome = "allow", Certname = request.Certname, Actor = "agent" } },
        });
    }

    public override Task<RevokeCertificateResponse> RevokeCertificate(RevokeCertificateRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.CertAuthority, $"Revoke {request.Certname}{request.Serial} ({request.Reason})");
        return Task.FromResult(new RevokeCertificateResponse { Certname = request.Certname });
    }

    public override async Task ListAuditRecords(ListAuditRecordsRequest request, IServerStreamWriter<ListAuditRecordsResponse> responseStream, ServerCallContext context)
    {
        world.Asked(context, Role.CertAuthority);
        await responseStream.WriteAsync(new ListAuditRecordsResponse { Records = { world.Fleet.TakeLast(9).Select((i, n) => new AuditRecord { At = i.CreatedAt,
            Action = n % 3 == 0 ? "csr.refused" : "cert.released", Outcome = n % 3 == 0 ? "deny" : "allow", Certname = i.Certname, Actor = "agent", Peer = "10.20.0.17",
            Decision = new Decision { Sentence = n % 3 == 0 ? Scene.Hostile : "it brought its one-time token", Reason = "TOKEN_ACCEPTED" } }) } });
    }
}

internal sealed class FakeHealth(World world) : Grpc.Health.V1.Health.HealthBase
{
    public override Task<Grpc.Health.V1.HealthCheckResponse> Check(Grpc.Health.V1.HealthCheckRequest request, ServerCallContext context)
    {
        var away = !world.Away.IsEmpty;
        if (away)
            context.ResponseTrailers.Add("overture-why", "the object store does not answer");
        return Task.FromResult(new Grpc.Health.V1.HealthCheckResponse { Status = away
            ? Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus.NotServing : Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus.Serving });
    }
}
