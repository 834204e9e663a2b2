using System.Collections.Concurrent;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.Cli.Tests.Fakes;

/// <summary>A Conductor with canned answers. The image decides how an instance fares: "host" converges, "broken" fails, "stuck" waits for ever.</summary>
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

    public override Task<LaunchInstancesResponse> LaunchInstances(LaunchInstancesRequest request, ServerCallContext context)
    {
        Launches.Enqueue(request);
        if (request.Count is < 1 or > 100)
            throw FaultException.Invalid(new FieldProblem("count", "must be 1 to 100"), new FieldProblem("spec.image", "must be an image"));
        if (request.Spec.Profile == "down")
            throw new FaultException(FaultKind.Unavailable, Reason.StoreUnavailable, "the object store does not answer");
        var made = Enumerable.Range(0, request.Count).Select(_ => Add(Guid.CreateVersion7().ToString(), InstanceState.Launching, request.Spec.Image)).ToList();
        var results = made.Select(i => i.Image == "refused" ? new LaunchResult { Instance = i, Reason = "PROVIDER_FAILED", Detail = "no such image" } : new LaunchResult { Instance = i });
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

    /// <summary>What the bucket is said to be.</summary>
    public CheckBucketResponse Bucket { get; set; } = new();

    public override Task<CheckBucketResponse> CheckBucket(CheckBucketRequest request, ServerCallContext context) => Task.FromResult(Bucket);

    public override Task<GetInstanceResponse> GetInstance(GetInstanceRequest request, ServerCallContext context) =>
        Task.FromResult(new GetInstanceResponse { Instance = Find(request.Certname) });

    public override Task<ListInstancesResponse> ListInstances(ListInstancesRequest request, ServerCallContext context)
    {
        Lists.Enqueue(request);
        // Two to a page, so that a caller who forgets the next page is found out.
        var all = instances.Values.Where(i => (request.ShowTerminated || i.State != InstanceState.Terminated)
            && (request.State == InstanceState.Unspecified || i.State == request.State) && (request.Profile.Length == 0 || i.Profile == request.Profile))
            .OrderBy(i => i.Certname, StringComparer.Ordinal).ToList();
        var from = request.PageToken.Length == 0 ? 0 : int.Parse(request.PageToken);
        return Task.FromResult(new ListInstancesResponse { Instances = { all.Skip(from).Take(2) }, NextPageToken = from + 2 < all.Count ? $"{from + 2}" : "" });
    }

    public override async Task WatchInstances(WatchInstancesRequest request, IServerStreamWriter<WatchInstancesResponse> responseStream, ServerCallContext context)
    {
        foreach (var name in request.Certnames)
            await responseStream.WriteAsync(new WatchInstancesResponse { Instance = Find(name) });
        var watched = request.Certnames.Select(Find).ToList();
        // The first watch of a "restarts" breaks, as at a restart of the Conductor.
        if (watched.Exists(i => i.Image == "restarts") && Interlocked.Increment(ref watches) == 1)
            throw new FaultException(FaultKind.Unavailable, Reason.ShuttingDown, "shutting down");
        foreach (var instance in watched.Where(i => i.State is not (InstanceState.Converged or InstanceState.Terminated)))
        {
            if (instance.Image == "broken")
            {
                instance.Trouble = InstanceTrouble.RunFailed;
                instance.TroubleDetail = "the first run failed";
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

    public override Task<GetTimelineResponse> GetTimeline(GetTimelineRequest request, ServerCallContext context)
    {
        var instance = Find(request.Certname);
        return Task.FromResult(new GetTimelineResponse
        {
            TraceId = Trace,
            Events =
            {
                new TimelineEvent { Key = "requested", At = instance.CreatedAt, Service = "conductor", Detail = "launch written down" },
                new TimelineEvent { Key = "csr-refused:TOKEN_MISMATCH", At = instance.CreatedAt, Service = "certauthority", Detail = "evil\u001b[31m\nline", Reason = "TOKEN_MISMATCH" },
            },
        });
    }

    public override Task<TerminateInstanceResponse> TerminateInstance(TerminateInstanceRequest request, ServerCallContext context)
    {
        Terminations.Enqueue(request);
        var instance = Find(request.Certname);
        instance.State = InstanceState.Terminated;
        return Task.FromResult(new TerminateInstanceResponse { Instance = instance });
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
