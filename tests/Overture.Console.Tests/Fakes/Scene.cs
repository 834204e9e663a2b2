using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.V1;
using Overture.Records.V1;

namespace Overture.Console.Tests.Fakes;

/// <summary>A fleet in every state that pages must show, one of it with texts that try to become markup; and what is known of it.</summary>
internal static class Scene
{
    /// <summary>What an agent, a report or a writer of the bucket may have said.</summary>
    public const string Hostile = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'><b>&amp;";

    public const string HostileName = "evil.example.com";

    /// <summary>One without a profile.</summary>
    public const int Bare = 113;

    public static readonly DateTimeOffset Now = TimeProvider.System.GetUtcNow();

    // From each state to the next.
    private static readonly double[] Seconds = [0, 1.4, 22, 31, 3.2, 4.1, 51];

    /// <summary>Ten that are broken, each in another way.</summary>
    public static IReadOnlyList<int> Faults { get; } = [.. Fault.All.Select(f => f.Number)];

    public static string Named(int i) => $"{i:x8}-1b2c-4d3e-8f40-5a6b7c8d9e0f";

    public static Timestamp Ago(TimeSpan span) => (Now - span).ToTimestamp();

    public static List<Instance> Fleet() =>
    [
        .. Enumerable.Range(1, 31).Select(Converged),
        .. Fault.All.Select(f => Broken(f, f.Certname)),
        With(Named(106), InstanceState.Signed, "web", TimeSpan.FromSeconds(70)),
        With(Named(Bare), InstanceState.Signed, "", TimeSpan.FromSeconds(80)),
        With(Named(107), InstanceState.Launching, "web", TimeSpan.FromSeconds(6)),
        Evil(),
    ];

    public static Instance Converged(int i) =>
        With(Named(i), InstanceState.Converged, i % 3 == 0 ? "db" : "web", TimeSpan.FromMinutes(40 + i * 37));

    /// <summary>As large a fleet as wanted: of each hundred one broken, in turns in the ten ways.</summary>
    public static IEnumerable<Instance> Large(int count) => Enumerable.Range(100_000, count).Select((i, place) =>
        place % 100 == 99 ? Broken(Fault.All[place / 100 % Fault.All.Count], Named(i))
            : With(Named(i), InstanceState.Converged, i % 3 == 0 ? "db" : "web", TimeSpan.FromSeconds(600 + place * 5)));

    private static Instance Broken(Fault fault, string certname)
    {
        var instance = With(certname, fault.State, fault.Profile, fault.Age);
        instance.Conditions.Add(fault.Condition());
        return instance;
    }

    private static Instance Evil()
    {
        var evil = Broken(Fault.Hostile, HostileName);
        evil.Labels["note"] = Hostile;
        (evil.LaunchedBy, evil.Image, evil.Provider, evil.InstanceId, evil.Role) = (Hostile, Hostile, Hostile, Hostile, Hostile);
        evil.Addresses.Add(Hostile);
        return evil;
    }

    private static Instance With(string certname, InstanceState state, string profile, TimeSpan age)
    {
        var instance = new Instance
        {
            Certname = certname, State = state, Profile = profile, Provider = "ec2", InstanceId = "i-0f3a9c51d2", Image = "ami-0aa7d4",
            InstanceType = "m7g.large", Environment = "production", CreatedAt = Ago(age), LaunchedBy = "jo (operator)",
            TraceId = "4bf92f3577b34da6a3ce929d0e0e4736", Addresses = { "10.20.0.17" },
            Labels = { ["team"] = profile == "db" ? "data" : "blue", ["tier"] = profile },
        };
        var at = Now - age;
        for (var s = InstanceState.Requested; s <= state; s++)
        {
            at += TimeSpan.FromSeconds(Seconds[(int)s - 1]);
            instance.States.Add(new StateTime { State = s, At = at.ToTimestamp() });
        }
        if (state >= InstanceState.Signed)
            instance.Serial = CaScene.Serial;
        return instance;
    }

    public static ExplainInstanceResponse Explained(Instance instance)
    {
        var worst = instance.Conditions.FirstOrDefault();
        var explained = new ExplainInstanceResponse
        {
            Certname = instance.Certname, State = instance.State, Ready = worst is null && instance.State == InstanceState.Converged,
            Verdict = worst is not null ? $"It is not ready: {worst.Message}"
                : instance.State == InstanceState.Converged ? "It converged, and nothing is wrong with it" : "It is on its way",
            Since = Ago(TimeSpan.FromMinutes(4)), WaitsFor = worst is null ? "" : "a Puppet run that succeeds",
        };
        if (worst is null)
            return explained;
        var (source, text) = Fault.Of(instance).Proof;
        explained.Causes.Add(new Cause
        {
            Reason = worst.Reason, Sentence = worst.Message, Next = worst.Next, Since = Ago(TimeSpan.FromMinutes(4)),
            Proofs = { new Proof { Source = source, Text = text, At = Ago(TimeSpan.FromMinutes(4)) } },
        });
        if (worst.Type is ConditionType.RunFailed or ConditionType.CsrRefused)
            explained.LastRun = FailedRun(instance, worst);
        var released = new Proof { Source = "record", Text = "certificate 4f01 was released", At = Ago(TimeSpan.FromMinutes(12)) };
        explained.RuledOut.Add(new RuledOut { What = "signing", Proof = released });
        var reached = new Proof { Source = "timeline", Text = "its request came from 10.20.0.17" };
        explained.RuledOut.Add(new RuledOut { What = "network", Proof = reached });
        return explained;
    }

    private static RunReport FailedRun(Instance instance, Condition worst) => new()
    {
        Result = "failed", Sentence = worst.Message, ReportedAt = Ago(TimeSpan.FromMinutes(4)), StartedAt = Ago(TimeSpan.FromMinutes(4.4)),
        Status = instance.Certname == HostileName ? Hostile : "failed", TransactionUuid = "5c1f9a7e", FailedBefore = 2,
    };

    public static GetTimelineResponse Timeline(Instance instance)
    {
        var timeline = new GetTimelineResponse { TraceId = instance.TraceId };
        foreach (var state in instance.States)
        {
            var (key, service, detail) = Step(state.State);
            timeline.Events.Add(new TimelineEvent { Key = key, Service = service, Detail = detail, At = state.At });
        }
        foreach (var condition in instance.Conditions)
        {
            var (key, service) = Fault.Of(instance).Line;
            timeline.Events.Add(new TimelineEvent
            {
                Key = $"{key}:{condition.Reason}", Service = service, At = Ago(TimeSpan.FromMinutes(2)), Detail = condition.Message,
                Reason = condition.Reason,
            });
        }
        return timeline;
    }

    private static (string Key, string Service, string Detail) Step(InstanceState state) => state switch
    {
        InstanceState.Requested => ("requested", "conductor", "launch requested by jo (operator)"),
        InstanceState.Launching => ("launched", "conductor", "the provider accepted it as i-0f3a"),
        InstanceState.Running => ("running", "conductor", "the provider runs it, at 10.20.0.17"),
        InstanceState.CsrReceived => ("csr-received", "certauthority", "certificate request with key 3f0c2a4e (RSA 4096) from 10.20.0.17"),
        InstanceState.Signed => ("signed", "certauthority", "signed because it brought its token"),
        InstanceState.Classified => ("classified", "classifier", "classified as production, 3 classes"),
        _ => ("converged", "conductor", "first good run: 214 resources, 58 changed"),
    };

    public static PreviewLaunchResponse Preview(string profile) => new()
    {
        Spec = new LaunchSpec
        {
            Provider = "ec2", Image = "ami-0aa7d4", InstanceType = "m7g.large", Profile = profile,
            Labels = { ["team"] = "blue", ["note"] = Hostile },
            Puppet = new PuppetSettings { Server = "puppet.example.com", Serverport = 8140 },
        },
        UserData = $"#cloud-config\n# {Hostile}\nwrite_files:\n  - path: /etc/puppet/csr_attributes.yaml\n    content: '********'\n",
        UserDataSize = 9211, ProviderVerdict = "yes",
        Warnings = { new ProfileProblem { Line = 7, Field = "node.parameters.hostname", Rule = "hides a fact" } },
    };
}
