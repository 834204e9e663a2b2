using System.Globalization;
using System.Threading.Channels;
using Grpc.Core;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Rpc;
using Overture.Platform.Tls;

namespace Overture.Console.Tests.Fakes;

/// <summary>Answers of the scene.</summary>
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
        var matching = world.Matching(request.Filter);
        var all = (request.Order == InstanceOrder.OldestFirst ? matching.Reverse() : matching).ToList();
        var from = request.PageToken.Length > 0 ? int.Parse(request.PageToken, CultureInfo.InvariantCulture) : 0;
        return Task.FromResult(new ListInstancesResponse
        {
            Instances = { all.Skip(from).Take(request.PageSize) },
            NextPageToken = all.Count > from + request.PageSize ? $"{from + request.PageSize}" : "",
        });
    }

    public override Task<SummarizeInstancesResponse> SummarizeInstances(SummarizeInstancesRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.Conductor);
        var all = world.Matching(request.Filter).ToList();
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
        var wrong = world.Matching(request.Filter).Where(i => i.Conditions.Count > 0).ToList();
        return Task.FromResult(new SummarizeCausesResponse
        {
            Total = world.Fleet.Count, Broken = wrong.Count,
            Causes = { wrong.GroupBy(i => i.Conditions[0].Reason).Select(g => Cause([.. g])).OrderByDescending(c => c.Severity) },
        });
    }

    private static CauseCount Cause(List<Instance> alike)
    {
        var first = alike[0].Conditions[0];
        return new()
        {
            Reason = first.Reason, Sentence = first.Message, Next = first.Next, Type = first.Type, Severity = first.Severity,
            Since = first.Since, Count = alike.Count, Certnames = { alike.Take(3).Select(i => i.Certname) },
        };
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
        return Task.FromResult(new GetConsoleResponse
        {
            Text = $"\u001b[32m[ OK ]\u001b[0m cloud-init\n{Scene.Hostile}\nlogin:",
            HostKeys = { new SshHostKey { Type = "ssh-ed25519", Fingerprint = "SHA256:abc" } },
        });
    }

    public override Task<ListProfilesResponse> ListProfiles(ListProfilesRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.Conductor);
        return Task.FromResult(new ListProfilesResponse
        {
            Profiles = { new Profile { Name = "web" }, new Profile { Name = "db" }, new Profile { Name = Scene.Hostile } },
        });
    }

    public override Task<PreviewLaunchResponse> PreviewLaunch(PreviewLaunchRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.Conductor);
        return request.Profile == "absent" ? throw new FaultException(FaultKind.NotFound, Reason.NotFound, "there is no profile absent")
            : Task.FromResult(Scene.Preview(request.Profile));
    }

    public override Task<LaunchInstancesResponse> LaunchInstances(LaunchInstancesRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.Conductor, $"LaunchInstances {request.Count} of {request.Profile}, {request.RequestId}");
        // Those beyond the fleet are not found afterwards.
        var launched = world.Fleet.Concat(Enumerable.Range(1_000, request.Count).Select(Scene.Converged)).Take(request.Count);
        return Task.FromResult(new LaunchInstancesResponse
        {
            RequestId = request.RequestId, Results = { launched.Select(i => new LaunchResult { Instance = i }) },
        });
    }

    public override Task<SummarizeConvergenceResponse> SummarizeConvergence(SummarizeConvergenceRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.Conductor);
        return Task.FromResult(Convergence.Of(request.Filter));
    }

    public override Task<GetUserDataResponse> GetUserData(GetUserDataRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.Conductor, $"GetUserData {request.Certname}");
        var userData = $"#cloud-config\n\"runcmd\":\n- \"{Scene.Hostile}\"\n# token ********\n";
        return Task.FromResult(new GetUserDataResponse { UserData = userData });
    }

    public override Task<MarkSessionResponse> MarkSession(MarkSessionRequest request, ServerCallContext context)
    {
        world.Asks.Enqueue(request.Mark);
        world.Asked(context, Role.Conductor);
        var nonce = context.GetHttpContext().Features.Get<DelegatedPeer>()!.Nonce;
        var first = request.Mark == SessionMark.Entered && world.Marks.TryAdd(nonce, SessionMark.Entered);
        if (request.Mark == SessionMark.Ended)
            world.Marks[nonce] = SessionMark.Ended;
        var ended = world.Marks.GetValueOrDefault(nonce) == SessionMark.Ended;
        return Task.FromResult(new MarkSessionResponse { First = first, Ended = ended });
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
}
