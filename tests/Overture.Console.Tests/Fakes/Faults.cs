using Overture.Conductor.V1;
using static Overture.Conductor.V1.ConditionSeverity;

namespace Overture.Console.Tests.Fakes;

/// <summary>One way in which an instance is broken: what is wrong, where that is seen, and who says so in its timeline.</summary>
internal sealed record Fault(int Number, string Profile, InstanceState State, TimeSpan Age, ConditionType Type)
{
    public ConditionSeverity Severity { get; init; } = Error;
    public required string Reason { get; init; }
    public required string Message { get; init; }
    public required string Next { get; init; }

    /// <summary>Its proof: "report", "record", "console", "provider"; and what that says.</summary>
    public required (string Source, string Text) Proof { get; init; }

    /// <summary>The key of its line in the timeline, and the service that wrote it.</summary>
    public required (string Key, string Service) Line { get; init; }

    public string Certname => Scene.Named(Number);

    /// <summary>Ten, each broken in another way.</summary>
    public static IReadOnlyList<Fault> All { get; } =
    [
        new(101, "web", InstanceState.Classified, TimeSpan.FromMinutes(14), ConditionType.RunFailed)
        {
            Reason = "CLASS_MISSING", Message = "the catalog names class profile::webb, which the puppetserver does not have",
            Next = "overture node edit 00000065", Line = ("run-failed", "conductor"),
            Proof = ("report", "Could not find class ::profile::webb for 00000065 on node 00000065"),
        },
        new(102, "web", InstanceState.Launching, TimeSpan.FromMinutes(9), ConditionType.LaunchFailed)
        {
            Reason = "CLOUD_QUOTA", Message = "the cloud refused it: vCPU limit of 64 is reached in eu-west-1",
            Next = "overture instance retry 00000066", Line = ("launch-failed", "conductor"),
            Proof = ("provider", "VcpuLimitExceeded: You have requested more vCPU capacity than your current limit of 64"),
        },
        new(103, "db", InstanceState.CsrReceived, TimeSpan.FromMinutes(3), ConditionType.CsrHeld)
        {
            Reason = "HELD_FOR_APPROVAL", Message = "its certificate request waits for a person",
            Next = "overture certificate approve 00000067", Line = ("csr-refused", "certauthority"),
            Proof = ("record", "hold: registered: expected a launch record, observed none"),
        },
        new(104, "db", InstanceState.Running, TimeSpan.FromMinutes(47), ConditionType.Stalled)
        {
            Severity = Warning, Reason = "CSR", Message = "no certificate request since it runs, for 46 min; the deadline is 30 min",
            Next = "overture instance console 00000068", Line = ("stalled", "conductor"),
            Proof = ("console", "cloud-init[612]: Err:1 http://deb.debian.org bookworm InRelease Temporary failure resolving"),
        },
        new(105, "web", InstanceState.Converged, TimeSpan.FromDays(3), ConditionType.Silent)
        {
            Severity = Warning, Reason = "SILENT", Message = "no report for 2 h; it should run each 30 min",
            Next = "overture ssh 00000069 -- systemctl status puppet", Line = ("stalled", "conductor"),
            Proof = ("record", "last report 2 h ago; the run interval is 30 min"),
        },
        new(108, "web", InstanceState.CsrReceived, TimeSpan.FromMinutes(6), ConditionType.Contested)
        {
            Reason = "CONTESTED", Message = "two keys came with its one-time token: one of them is a thief's",
            Next = "overture instance terminate 0000006c", Line = ("csr-refused", "certauthority"),
            Proof = ("record", "keys 3f0c2a4e and 77ab10c9 came with one token"),
        },
        new(109, "web", InstanceState.Signed, TimeSpan.FromMinutes(8), ConditionType.DefinitionBroken)
        {
            Reason = "DEFINITION_BROKEN", Message = "line 4: 'clases' is no key of a definition; the last good one is served",
            Next = "overture node edit 0000006d", Line = ("definition", "classifier"),
            Proof = ("record", "line 4, column 1: clases"),
        },
        new(110, "db", InstanceState.Signed, TimeSpan.FromMinutes(7), ConditionType.Unclassified)
        {
            Reason = "NODE_UNKNOWN", Message = "it has no definition, so it can't be classified",
            Next = "overture node set 0000006e -f node.yaml", Line = ("definition", "classifier"),
            Proof = ("record", "nodes/0000006e: there is no such object"),
        },
        new(111, "web", InstanceState.Classified, TimeSpan.FromMinutes(12), ConditionType.PartialRun)
        {
            Severity = Warning, Reason = "RUN_PARTIAL", Message = "the run skipped 12 of 214 resources, as with --tags",
            Next = "Run the agent without --tags; it counts once it has applied everything.", Line = ("run-failed", "conductor"),
            Proof = ("report", "12 of 214 resources were skipped; tags: ntp"),
        },
        new(112, "db", InstanceState.Running, TimeSpan.FromMinutes(20), ConditionType.Gone)
        {
            Reason = "STOPPED", Message = "the provider has stopped it: Client.UserInitiatedShutdown",
            Next = "Start it at the provider, or overture instance terminate 00000070", Line = ("launch-failed", "conductor"),
            Proof = ("provider", "stopped, Client.UserInitiatedShutdown"),
        },
    ];

    /// <summary>One of which each text tries to become markup.</summary>
    public static Fault Hostile { get; } =
        new(0, Scene.Hostile, InstanceState.Classified, TimeSpan.FromMinutes(5), ConditionType.CsrRefused)
        {
            Reason = "TOKEN_MISMATCH", Message = Scene.Hostile, Next = Scene.Hostile, Line = ("csr-refused", "certauthority"),
            Proof = ("record", Scene.Hostile),
        };

    /// <summary>Of one that is broken.</summary>
    public static Fault Of(Instance instance) => All.FirstOrDefault(f => f.Type == instance.Conditions[0].Type) ?? Hostile;

    public Condition Condition() => new()
    {
        Type = Type, Severity = Severity, Reason = Reason, Message = Message, Next = Next, Since = Scene.Ago(TimeSpan.FromMinutes(4)),
    };
}
