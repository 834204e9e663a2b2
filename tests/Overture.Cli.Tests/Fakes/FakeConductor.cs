using System.Collections.Concurrent;
using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Registry;
using Overture.Records.V1;

namespace Overture.Cli.Tests.Fakes;

/// <summary>
/// A Conductor with canned answers. The image decides how an instance fares: "host" converges, "broken" fails, "stuck" waits forever.
/// </summary>
public sealed class FakeConductor : ConductorService.ConductorServiceBase
{
    public const string Trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    public const string Url = "https://s3.example.com/bucket/userdata/x?X-Amz-Signature=secret";
    private readonly ConcurrentDictionary<string, Instance> instances = new();
    private int watches;

    public ConcurrentQueue<LaunchInstancesRequest> Launches { get; } = new();
    public ConcurrentQueue<RegisterInstanceRequest> Registrations { get; } = new();
    public ConcurrentQueue<TerminateInstanceRequest> Terminations { get; } = new();
    public ConcurrentQueue<ListInstancesRequest> Lists { get; } = new();

    public Instance Add(string certname, InstanceState state = InstanceState.Converged, string image = "host", string profile = "") =>
        instances[certname] = New(certname, state, image, profile);

    public DateTimeOffset Created(string certname) => Find(certname).CreatedAt.ToDateTimeOffset();

    public override Task<LaunchInstancesResponse> LaunchInstances(LaunchInstancesRequest request, ServerCallContext context)
    {
        Launches.Enqueue(request);
        if (request.Spec.Image == "two mistakes")
        {
            throw FaultException.Invalid(new FieldProblem("request_id", "must be of A-Z"),
                new FieldProblem("spec.image", "must be an image"));
        }
        if (request.Spec.Node?.Classes?.Fields.ContainsKey("probe") == true)
            throw FaultException.Invalid("spec.node.classes.probe.title", "is a name Puppet keeps for itself");
        if (request.Spec.Profile == "down")
            throw new FaultException(FaultKind.Unavailable, Reason.StoreUnavailable, "the object store does not answer");
        var made = Enumerable.Range(0, request.Count)
            .Select(_ => Add(Guid.CreateVersion7().ToString(), InstanceState.Launching, request.Spec.Image)).ToList();
        var results = made.Select(i => i.Image == "refused"
            ? new LaunchResult { Instance = i, Reason = "PROVIDER_FAILED", Detail = "no such image" } : new LaunchResult { Instance = i });
        return Task.FromResult(new LaunchInstancesResponse { RequestId = request.RequestId, TraceId = Trace, Results = { results } });
    }

    public override Task<RegisterInstanceResponse> RegisterInstance(RegisterInstanceRequest request, ServerCallContext context)
    {
        Registrations.Enqueue(request);
        return Task.FromResult(new RegisterInstanceResponse
        {
            Instance = Add(Guid.CreateVersion7().ToString(), InstanceState.Launching),
            UserData = request.UserDataUrl ? $"#include-once\n{Url}\n" : "#cloud-config\nwrite_files: [] # token-in-user-data\n",
            RequestId = request.RequestId,
            Token = "onetimetoken",
            UserDataUrl = request.UserDataUrl ? Url : "",
            UserDataUrlExpires = request.UserDataUrl ? Now() : null,
        });
    }

    public ConcurrentQueue<string> Retries { get; } = new();
    public ConcurrentQueue<UpdateInstanceRequest> Updates { get; } = new();
    public ConcurrentQueue<ReconcileRequest> Reconciles { get; } = new();

    /// <summary>What does not fit; the brake holds back what is more than a limit that was given.</summary>
    public ConcurrentQueue<Finding> Findings { get; } = new();

    public override Task<RetryInstanceResponse> RetryInstance(RetryInstanceRequest request, ServerCallContext context)
    {
        Retries.Enqueue(request.KeepFailed ? $"{request.Certname} kept" : request.Force ? $"{request.Certname} forced" : request.Certname);
        var instance = Find(request.Certname);
        if (instance.Image == "refused for good" && !request.Force)
        {
            throw new FaultException(FaultKind.Precondition, Reason.LaunchFailureFinal,
                $"{request.Certname} was refused for good; overture instance retry {request.Certname} --force");
        }
        if (instance.Conditions.Any(c => c.Type == ConditionType.Stalled))
        {
            var other = instance.Clone();
            other.Certname = "0e0e0e0e-0000-4000-8000-000000000001";
            other.Conditions.Clear();
            return Task.FromResult(new RetryInstanceResponse { Instance = other, Replaces = instance.Certname });
        }
        return Task.FromResult(instance.Image == "refused" ? new RetryInstanceResponse { Instance = instance, Reason = "PROVIDER_FAILED",
            Detail = "still no capacity" } : new RetryInstanceResponse { Instance = instance });
    }

    public override Task<UpdateInstanceResponse> UpdateInstance(UpdateInstanceRequest request, ServerCallContext context)
    {
        Updates.Enqueue(request);
        var instance = Find(request.Certname).Clone();
        instance.Protected = request.Protected;
        if (request.Ttl is { Seconds: > 0 } ttl)
            instance.Expires = new Timestamp { Seconds = 1_800_000_000 + ttl.Seconds };
        return Task.FromResult(new UpdateInstanceResponse { Instance = instance });
    }

    public override Task<ReconcileResponse> Reconcile(ReconcileRequest request, ServerCallContext context)
    {
        Reconciles.Enqueue(request);
        var found = Findings.Select(f => f.Clone()).ToList();
        if (request.Apply)
            found.ForEach(f => f.Done = f.HeldBack.Length == 0);
        return Task.FromResult(new ReconcileResponse { Findings = { found }, Records = 3, Instances = 2 });
    }

    public ConcurrentQueue<QuarantineInstanceRequest> Quarantines { get; } = new();

    public override Task<QuarantineInstanceResponse> QuarantineInstance(QuarantineInstanceRequest request, ServerCallContext context)
    {
        Quarantines.Enqueue(request);
        var instance = Find(request.Certname).Clone();
        instance.Quarantined = !request.Lift;
        return Task.FromResult(new QuarantineInstanceResponse { Instance = instance });
    }

    public ConcurrentDictionary<string, GetConsoleResponse> Consoles { get; } = new();

    public override Task<GetConsoleResponse> GetConsole(GetConsoleRequest request, ServerCallContext context) =>
        Task.FromResult(Consoles[request.Certname]);

    public override Task<GetUserDataResponse> GetUserData(GetUserDataRequest request, ServerCallContext context) =>
        Task.FromResult(new GetUserDataResponse { UserData = $"#cloud-config\n# {request.Certname}\n\"psk\": \"********\u001b[2J\"\n" });

    /// <summary>What there is to watch; the stream breaks once, behind the second.</summary>
    public IReadOnlyList<InstanceEvent> EventLog { get; set; } = [];

    public ConcurrentQueue<WatchEventsRequest> EventAsks { get; } = new();

    public override async Task WatchEvents(WatchEventsRequest request, IServerStreamWriter<WatchEventsResponse> responseStream,
        ServerCallContext context)
    {
        EventAsks.Enqueue(request);
        if (request.After.Length == 0)
        {
            await responseStream.WriteAsync(new WatchEventsResponse { Cursor = "41" });
            if (EventAsks.Count == 1)
                throw new FaultException(FaultKind.Unavailable, Reason.ShuttingDown, "the Conductor is shutting down; watch again");
        }
        static int Number(string cursor) => int.Parse(cursor, CultureInfo.InvariantCulture);
        foreach (var found in EventLog.Where(e => request.After.Length > 0 && Number(e.Cursor) > Number(request.After)))
        {
            await responseStream.WriteAsync(new WatchEventsResponse { Event = found });
            if (found.Cursor == "2")
                throw new FaultException(FaultKind.Unavailable, Reason.ShuttingDown, "the Conductor is shutting down; watch again");
        }
        await Task.Delay(Timeout.Infinite, context.CancellationToken);
    }

    /// <summary>The first is taken when it is replayed, the others are not.</summary>
    public ConcurrentQueue<UndeliveredEvent> Letters { get; } = new();

    public override Task<ListDeadLettersResponse> ListDeadLetters(ListDeadLettersRequest request, ServerCallContext context) =>
        Task.FromResult(new ListDeadLettersResponse { DeadLetters = { Letters } });

    public override Task<ReplayDeadLettersResponse> ReplayDeadLetters(ReplayDeadLettersRequest request, ServerCallContext context) =>
        Task.FromResult(new ReplayDeadLettersResponse { Delivered = 1, Left = 1, Failure = "chat, event 8: it answers 500" });

    public override Task<DeleteDeadLettersResponse> DeleteDeadLetters(DeleteDeadLettersRequest request, ServerCallContext context) =>
        Task.FromResult(new DeleteDeadLettersResponse { Deleted = (uint)request.Cursors.Count });

    /// <summary>What the bucket is said to be.</summary>
    public CheckBucketResponse Bucket { get; set; } = new();

    public override Task<CheckBucketResponse> CheckBucket(CheckBucketRequest request, ServerCallContext context) => Task.FromResult(Bucket);

    /// <summary>What the Conductor is said to find of what it needs.</summary>
    public CheckSiteResponse Site { get; set; } = new()
    {
        Checks = { new SiteCheck { Area = "provider", Check = "local", Status = SiteCheckStatus.Ok, Detail = "takes launches" } },
    };

    public override Task<CheckSiteResponse> CheckSite(CheckSiteRequest request, ServerCallContext context) => Task.FromResult(Site);

    public override Task<GetInstanceResponse> GetInstance(GetInstanceRequest request, ServerCallContext context) =>
        Task.FromResult(new GetInstanceResponse { Instance = Find(request.Certname) });

    public override Task<ListInstancesResponse> ListInstances(ListInstancesRequest request, ServerCallContext context)
    {
        Lists.Enqueue(request);
        // Two to a page, so that a caller who forgets the next page is found out.
        var filter = request.Filter ?? new InstanceFilter();
        var all = instances.Values.Where(i => (request.ShowTerminated || filter.ShowTerminated || i.State != InstanceState.Terminated)
            && (filter.States.Count == 0 || filter.States.Contains(i.State))
            && (filter.Conditions.Count == 0 || i.Conditions.Any(c => filter.Conditions.Contains(c.Type)))
            && (filter.Profile.Length == 0 || i.Profile == filter.Profile)
            && (request.Profile.Length == 0 || i.Profile == request.Profile)
            && filter.Selector.Split(',', StringSplitOptions.RemoveEmptyEntries).All(t => t.Split("!=") is [var other, var not]
                ? i.Labels.GetValueOrDefault(other) != not : i.Labels.GetValueOrDefault(t.Split('=')[0]) == t.Split('=')[1])
            && (filter.Prefix.Length == 0 || i.Certname.StartsWith(filter.Prefix, StringComparison.Ordinal)))
            .OrderBy(i => i.Certname, StringComparer.Ordinal).ToList();
        var from = request.PageToken.Length == 0 ? 0 : int.Parse(request.PageToken);
        return Task.FromResult(new ListInstancesResponse { Instances = { all.Skip(from).Take(2) }, NextPageToken = from + 2 < all.Count
            ? $"{from + 2}" : "" });
    }

    /// <summary>Released at each watch of a "frozen", which says nothing more before <see cref="Thawed"/>.</summary>
    public SemaphoreSlim Watched { get; set; } = new(0);

    public TaskCompletionSource Thawed { get; set; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public override async Task WatchInstances(WatchInstancesRequest request, IServerStreamWriter<WatchInstancesResponse> responseStream,
        ServerCallContext context)
    {
        foreach (var name in request.Certnames)
            await responseStream.WriteAsync(new WatchInstancesResponse { Instance = Find(name) });
        var watched = request.Certnames.Select(Find).ToList();
        // The first watch of a "restarts" breaks, as at a restart of the Conductor.
        if (watched.Exists(i => i.Image == "restarts") && Interlocked.Increment(ref watches) == 1)
            throw new FaultException(FaultKind.Unavailable, Reason.ShuttingDown, "shutting down");
        // As after a network or a host that stalled: the connection is given up, without an answer.
        if (watched.Exists(i => i.Image == "cut off")
            || (watched.Exists(i => i.Image == "cut off once") && Interlocked.Increment(ref watches) == 1))
        {
            context.GetHttpContext().Abort();
            return;
        }
        if (watched.Exists(i => i.Image == "frozen"))
        {
            Watched.Release();
            await Thawed.Task.WaitAsync(context.CancellationToken);
        }
        foreach (var instance in watched.Where(i => i.State is not (InstanceState.Converged or InstanceState.Terminated)))
        {
            if (instance.Image == "broken")
            {
                instance.Conditions.Add(new Condition
                {
                    Type = ConditionType.RunFailed, Severity = ConditionSeverity.Error, Message = "the first run failed",
                });
            }
            else if (instance.Image != "stuck")
            {
                instance.State = InstanceState.Converged;
                instance.States.Add(new StateTime { State = InstanceState.Converged, At = Now() });
            }
            await responseStream.WriteAsync(new WatchInstancesResponse { Instance = instance });
        }
        if (!request.UntilSettled || watched.Exists(i => i.Image == "stuck"))
            await Task.Delay(Timeout.InfiniteTimeSpan, context.CancellationToken);
    }

    // Steps of a termination that have come so far, and released whenever its timeline was read.
    private readonly ConcurrentDictionary<string, ConcurrentQueue<TimelineEvent>> steps = new();
    private readonly ConcurrentDictionary<string, SemaphoreSlim> timelineRead = new();

    private async Task Steps(string certname, CancellationToken cancel)
    {
        var read = timelineRead.GetOrAdd(certname, _ => new SemaphoreSlim(0));
        foreach (var step in (string[])["terminating", "CertAuthority has confirmed", "waits for the\u001b provider", "it is archived"])
        {
            steps.GetOrAdd(certname, _ => new())
                .Enqueue(new TimelineEvent { Key = step, At = Now(), Service = "conductor", Detail = step });
            while (read.Wait(0, cancel))
                continue;
            await read.WaitAsync(cancel); // one that was under way
            await read.WaitAsync(cancel);
        }
    }

    public override Task<GetTimelineResponse> GetTimeline(GetTimelineRequest request, ServerCallContext context)
    {
        var instance = Find(request.Certname);
        timelineRead.GetOrAdd(request.Certname, _ => new SemaphoreSlim(0)).Release();
        return Task.FromResult(new GetTimelineResponse
        {
            TraceId = Trace,
            Events =
            {
                new TimelineEvent { Key = "requested", At = instance.CreatedAt, Service = "conductor", Detail = "launch written down" },
                new TimelineEvent { Key = "csr-refused:TOKEN_MISMATCH", At = instance.CreatedAt, Service = "certauthority",
                    Detail = "evil\u001b[31m\nline", Reason = "TOKEN_MISMATCH" },
                steps.GetValueOrDefault(request.Certname, new()),
            },
        });
    }

    public override Task<ExplainInstanceResponse> ExplainInstance(ExplainInstanceRequest request, ServerCallContext context)
    {
        var instance = Find(request.Certname);
        var answer = new ExplainInstanceResponse
        {
            Certname = instance.Certname, State = instance.State, Since = instance.CreatedAt,
            Ready = instance.State == InstanceState.Converged, Verdict = "It is ready.",
            RuledOut = { new RuledOut { What = "the provider",
                Proof = new Proof { Text = "it accepted the launch", At = instance.CreatedAt } } },
        };
        if (answer.Ready)
            return Task.FromResult(answer);
        answer.Verdict = "It is not ready: its clock is off.";
        answer.WaitsFor = "its certificate request";
        answer.Causes.Add(new Cause { Reason = "CLOCK", Sentence = "Its clock is off.", Next = "Start NTP.",
            Proofs = { new Proof { Source = "console", Text = "evil\u001b[31m\nline" } } });
        answer.Unknown.Add("Its console was cut off.");
        return Task.FromResult(answer);
    }

    public override Task<SummarizeCausesResponse> SummarizeCauses(SummarizeCausesRequest request, ServerCallContext context) =>
        Task.FromResult(request.Filter.Profile == "broken-fleet"
            ? new SummarizeCausesResponse { Total = 5, Broken = 2,
                Causes = { new CauseCount { Reason = "CLOCK", Sentence = "Its clock is off.",
                Count = 2, Since = Now(), Certnames = { "a.example.com", "b.example.com" }, Next = "Start NTP." } } }
            : new SummarizeCausesResponse { Total = 5 });

    public override async Task<TerminateInstanceResponse> TerminateInstance(TerminateInstanceRequest request, ServerCallContext context)
    {
        Terminations.Enqueue(request);
        var instance = Find(request.Certname);
        if (instance.Profile == "cut off once" && Terminations.Count(t => t.Certname == request.Certname) == 1)
            context.GetHttpContext().Abort();
        if (instance.Image == "slow to end")
        {
            instance.State = InstanceState.Terminating;
            throw new FaultException(FaultKind.Unavailable, Reason.RevocationPending,
                $"termination of {request.Certname} is waiting for CertAuthority; it continues by itself");
        }
        if (instance.Image == "ends never")
        {
            instance.State = InstanceState.Terminating;
            await Task.Delay(Timeout.Infinite, context.CancellationToken);
        }
        if (instance.Image == "ends in steps")
            await Steps(request.Certname, context.CancellationToken);
        instance.State = InstanceState.Terminated;
        return new TerminateInstanceResponse { Instance = instance };
    }

    public override Task<PreviewLaunchResponse> PreviewLaunch(PreviewLaunchRequest request, ServerCallContext context) =>
        Task.FromResult(new PreviewLaunchResponse { Spec = request.Spec ?? new LaunchSpec { Profile = request.Profile },
            UserData = "#cloud-config\n# ********\n", UserDataSize = 77, ProviderVerdict = request.Profile.Length > 0
            ? "no: not\u001b you" : "" });

    public ConcurrentQueue<PutProfileRequest> ProfilePuts { get; } = new();

    private static Profile Web { get; } = new() { Name = "web", Document = "provider: local\n", Etag = "v1",
        Spec = new LaunchSpec { Provider = "local", Image = "host" } };

    private static Profile Bad { get; } = new() { Name = "bad", Document = "imgae: host\n", Etag = "v1",
        Problems = { new ProfileProblem { Line = 1, Field = "imgae", Rule = "is unknown" } } };

    public override Task<ListProfilesResponse> ListProfiles(ListProfilesRequest request, ServerCallContext context) =>
        Task.FromResult(new ListProfilesResponse { Profiles = { Bad, Web } });

    public override Task<GetProfileResponse> GetProfile(GetProfileRequest request, ServerCallContext context) =>
        Task.FromResult(new GetProfileResponse
        {
            Profile = request.Name switch { "web" => Web, "bad" => Bad,
                _ => throw new FaultException(FaultKind.NotFound, Reason.NotFound, $"no profile {request.Name}") },
        });

    public override Task<ValidateProfileResponse> ValidateProfile(ValidateProfileRequest request, ServerCallContext context) =>
        Task.FromResult(new ValidateProfileResponse
        {
            Problems = { request.Document.Contains("imgae", StringComparison.Ordinal)
                ? [new ProfileProblem { Line = 2, Field = "imgae", Rule = "is unknown" },
                new ProfileProblem { Field = "puppet.server", Rule = "must be\u001b[31m a host name" }] : [] },
        });

    public override Task<PutProfileResponse> PutProfile(PutProfileRequest request, ServerCallContext context)
    {
        ProfilePuts.Enqueue(request);
        if (request.Etag is not ("" or "v1"))
            throw new FaultException(FaultKind.Conflict, Reason.EtagMismatch, "read it again");
        return Task.FromResult(new PutProfileResponse { Profile = new Profile { Name = request.Name, Document = request.Document,
            Etag = "v2" } });
    }

    private Instance Find(string certname) => instances.TryGetValue(certname, out var found) ? found
        : throw new FaultException(FaultKind.NotFound, Reason.NotFound, $"no instance {certname}");

    private static Instance New(string certname, InstanceState state, string image, string profile) => new()
    {
        Certname = certname,
        State = state,
        States = { new StateTime { State = InstanceState.Requested, At = Now() } },
        Image = image,
        Profile = profile,
        Provider = "local",
        TraceId = Trace,
        CreatedAt = Now(),
    };

    private static Timestamp Now() => Timestamp.FromDateTimeOffset(TimeProvider.System.GetUtcNow());
}
