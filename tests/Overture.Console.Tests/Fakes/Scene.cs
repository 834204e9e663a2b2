using Google.Protobuf.WellKnownTypes;
using Overture.Classifier.V1;
using Overture.Conductor.V1;
using Overture.Records.V1;

namespace Overture.Console.Tests.Fakes;

/// <summary>A fleet in every state that pages must show, one of it with texts that try to become markup.</summary>
internal static class Scene
{
    /// <summary>What an agent, a report or a writer of the bucket may have said.</summary>
    public const string Hostile = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'><b>&amp;";

    public const string HostileName = "evil.example.com";
    public static readonly DateTimeOffset Now = TimeProvider.System.GetUtcNow();

    public static Instance Converged(int i) => With(Named(i), InstanceState.Converged, i % 3 == 0 ? "db" : "web", TimeSpan.FromMinutes(40 + i * 37));

    public static List<Instance> Fleet()
    {
        var fleet = Enumerable.Range(1, 31).Select(Converged).ToList();
        fleet.Add(Wrong(With(Named(101), InstanceState.Classified, "web", TimeSpan.FromMinutes(14)), ConditionType.RunFailed,
            ConditionSeverity.Error, "CLASS_MISSING", "the catalog names class profile::webb, which the puppetserver does not have",
            "overture node edit 00000065"));
        fleet.Add(Wrong(With(Named(102), InstanceState.Launching, "web", TimeSpan.FromMinutes(9)), ConditionType.LaunchFailed,
            ConditionSeverity.Error, "CLOUD_QUOTA", "the cloud refused it: vCPU limit of 64 is reached in eu-west-1", "overture instance retry 00000066"));
        fleet.Add(Wrong(With(Named(103), InstanceState.CsrReceived, "db", TimeSpan.FromMinutes(3)), ConditionType.CsrHeld,
            ConditionSeverity.Error, "HELD_FOR_APPROVAL", "its certificate request waits for a person", "overture certificate approve 00000067"));
        fleet.Add(Wrong(With(Named(104), InstanceState.Running, "db", TimeSpan.FromMinutes(47)), ConditionType.Stalled,
            ConditionSeverity.Warning, "CSR", "no certificate request since it runs, for 46 min; the deadline is 30 min", "overture instance console 00000068"));
        fleet.Add(Wrong(With(Named(105), InstanceState.Converged, "web", TimeSpan.FromDays(3)), ConditionType.Silent,
            ConditionSeverity.Warning, "SILENT", "no report for 2 h; it should run each 30 min", "overture ssh 00000069 -- systemctl status puppet"));
        fleet.Add(Wrong(With(Named(108), InstanceState.CsrReceived, "web", TimeSpan.FromMinutes(6)), ConditionType.Contested,
            ConditionSeverity.Error, "CONTESTED", "two keys came with its one-time token: one of them is a thief's", "overture instance terminate 0000006c"));
        fleet.Add(Wrong(With(Named(109), InstanceState.Signed, "web", TimeSpan.FromMinutes(8)), ConditionType.DefinitionBroken,
            ConditionSeverity.Error, "DEFINITION_BROKEN", "line 4: 'clases' is no key of a definition; the last good one is served", "overture node edit 0000006d"));
        fleet.Add(Wrong(With(Named(110), InstanceState.Signed, "db", TimeSpan.FromMinutes(7)), ConditionType.Unclassified,
            ConditionSeverity.Error, "NODE_UNKNOWN", "it has no definition, so it can't be classified", "overture node set 0000006e -f node.yaml"));
        fleet.Add(Wrong(With(Named(111), InstanceState.Classified, "web", TimeSpan.FromMinutes(12)), ConditionType.PartialRun,
            ConditionSeverity.Warning, "RUN_PARTIAL", "the run skipped 12 of 214 resources, as with --tags", "Run the agent without --tags; it counts once it has applied everything."));
        fleet.Add(Wrong(With(Named(112), InstanceState.Running, "db", TimeSpan.FromMinutes(20)), ConditionType.Gone,
            ConditionSeverity.Error, "STOPPED", "the provider has stopped it: Client.UserInitiatedShutdown", "Start it at the provider, or overture instance terminate 00000070"));
        fleet.Add(With(Named(106), InstanceState.Signed, "web", TimeSpan.FromSeconds(70)));
        fleet.Add(With(Named(Bare), InstanceState.Signed, "", TimeSpan.FromSeconds(80)));
        fleet.Add(With(Named(107), InstanceState.Launching, "web", TimeSpan.FromSeconds(6)));
        var evil = Wrong(With(HostileName, InstanceState.Classified, Hostile, TimeSpan.FromMinutes(5)), ConditionType.CsrRefused,
            ConditionSeverity.Error, "TOKEN_MISMATCH", Hostile, Hostile);
        evil.Labels["note"] = Hostile;
        (evil.LaunchedBy, evil.Image, evil.Provider, evil.InstanceId, evil.Role) = (Hostile, Hostile, Hostile, Hostile, Hostile);
        evil.Addresses.Add(Hostile);
        fleet.Add(evil);
        return fleet;
    }

    /// <summary>One without a profile.</summary>
    public const int Bare = 113;

    /// <summary>Ten that are broken, each in another way.</summary>
    public static IReadOnlyList<int> Faults { get; } = [101, 102, 103, 104, 105, 108, 109, 110, 111, 112];

    public static string Named(int i) => $"{i:x8}-1b2c-4d3e-8f40-5a6b7c8d9e0f";

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
        if (worst is not null)
        {
            explained.Causes.Add(new Cause
            {
                Reason = worst.Reason, Sentence = worst.Message, Next = worst.Next, Since = Ago(TimeSpan.FromMinutes(4)),
                Proofs = { ProofOf(instance, worst.Type) },
            });
            explained.LastRun = worst.Type is not (ConditionType.RunFailed or ConditionType.CsrRefused) ? null
                : new RunReport { Result = "failed", Sentence = worst.Message, ReportedAt = Ago(TimeSpan.FromMinutes(4)), StartedAt = Ago(TimeSpan.FromMinutes(4.4)),
                    Status = instance.Certname == HostileName ? Hostile : "failed", TransactionUuid = "5c1f9a7e", FailedBefore = 2 };
            explained.RuledOut.Add(new RuledOut { What = "signing", Proof = new Proof { Source = "record", Text = "certificate 4f01 was released", At = Ago(TimeSpan.FromMinutes(12)) } });
            explained.RuledOut.Add(new RuledOut { What = "network", Proof = new Proof { Source = "timeline", Text = "its request came from 10.20.0.17" } });
        }
        return explained;
    }

    // Where such a fault is seen.
    private static Proof ProofOf(Instance instance, ConditionType type)
    {
        var (source, text) = type switch
        {
            ConditionType.LaunchFailed => ("provider", "VcpuLimitExceeded: You have requested more vCPU capacity than your current limit of 64"),
            ConditionType.CsrHeld or ConditionType.CsrRefused => ("record", "hold: registered: expected a launch record, observed none"),
            ConditionType.Stalled => ("console", "cloud-init[612]: Err:1 http://deb.debian.org bookworm InRelease Temporary failure resolving"),
            ConditionType.Silent => ("record", "last report 2 h ago; the run interval is 30 min"),
            ConditionType.Contested => ("record", "keys 3f0c2a4e and 77ab10c9 came with one token"),
            ConditionType.DefinitionBroken => ("record", "line 4, column 1: clases"),
            ConditionType.Unclassified => ("record", "nodes/0000006e: there is no such object"),
            ConditionType.PartialRun => ("report", "12 of 214 resources were skipped; tags: ntp"),
            ConditionType.Gone => ("provider", "stopped, Client.UserInitiatedShutdown"),
            _ => ("report", "Could not find class ::profile::webb for 00000065 on node 00000065"),
        };
        return new() { Source = source, At = Ago(TimeSpan.FromMinutes(4)), Text = instance.Certname == HostileName ? Hostile : text };
    }

    public static GetTimelineResponse Timeline(Instance instance)
    {
        var timeline = new GetTimelineResponse { TraceId = instance.TraceId };
        foreach (var state in instance.States)
        {
            var (key, service, detail) = state.State switch
            {
                InstanceState.Requested => ("requested", "conductor", "launch requested by jo (operator)"),
                InstanceState.Launching => ("launched", "conductor", "the provider accepted it as i-0f3a"),
                InstanceState.Running => ("running", "conductor", "the provider runs it, at 10.20.0.17"),
                InstanceState.CsrReceived => ("csr-received", "certauthority", "certificate request with key 3f0c2a4e (RSA 4096) from 10.20.0.17"),
                InstanceState.Signed => ("signed", "certauthority", "signed because it brought its token"),
                InstanceState.Classified => ("classified", "classifier", "classified as production, 3 classes"),
                _ => ("converged", "conductor", "first good run: 214 resources, 58 changed"),
            };
            timeline.Events.Add(new TimelineEvent { Key = key, Service = service, Detail = detail, At = state.At });
        }
        foreach (var condition in instance.Conditions)
        {
            var (key, service) = condition.Type switch
            {
                ConditionType.CsrHeld or ConditionType.CsrRefused or ConditionType.Contested => ("csr-refused", "certauthority"),
                ConditionType.LaunchFailed or ConditionType.Gone => ("launch-failed", "conductor"),
                ConditionType.DefinitionBroken or ConditionType.Unclassified => ("definition", "classifier"),
                ConditionType.Stalled or ConditionType.Silent => ("stalled", "conductor"),
                _ => ("run-failed", "conductor"),
            };
            timeline.Events.Add(new TimelineEvent { Key = $"{key}:{condition.Reason}", Service = service, At = Ago(TimeSpan.FromMinutes(2)),
                Detail = condition.Message, Reason = condition.Reason });
        }
        return timeline;
    }

    /// <summary>A name without a definition.</summary>
    public const string Undefined = "new.example.com";

    public static readonly string Document = $"classes:\n  profile::web:\n    port: 8443\n# {Hostile}\n";

    /// <summary>As CertAuthority would issue it.</summary>
    public static readonly string Pem = MadeUp();

    public static PreviewLaunchResponse Preview(string profile) => new()
    {
        Spec = new LaunchSpec { Provider = "ec2", Image = "ami-0aa7d4", InstanceType = "m7g.large", Profile = profile, Labels = { ["team"] = "blue", ["note"] = Hostile },
            Puppet = new PuppetSettings { Server = "puppet.example.com", Serverport = 8140 } },
        UserData = $"#cloud-config\n# {Hostile}\nwrite_files:\n  - path: /etc/puppet/csr_attributes.yaml\n    content: '********'\n", UserDataSize = 9211,
        ProviderVerdict = "yes", Warnings = { new ProfileProblem { Line = 7, Field = "node.parameters.hostname", Rule = "hides a fact" } },
    };

    /// <summary>As of a fleet that has converged many times, the last day with a bad hour: those of that day were terminated since.</summary>
    /// <param name="filter">Null: of all.</param>
    public static SummarizeConvergenceResponse Convergence(InstanceFilter? filter = null)
    {
        var answer = new SummarizeConvergenceResponse { Converged = 412, P50 = Seconds(104), P95 = Seconds(230) };
        foreach (var (from, low, middle, high) in new[] { (1, 0.4, 1.1, 2.0), (2, 14, 21, 38), (3, 22, 29, 55), (4, 1.4, 2.6, 6), (5, 2.2, 3.9, 8), (6, 33, 49, 90.0) })
        {
            answer.Steps.Add(new StepWindow { From = (InstanceState)from, To = (InstanceState)(from + 1), Count = 412, P10 = Seconds(low), P50 = Seconds(middle), P90 = Seconds(high) });
        }
        answer.Steps.Add(new StepWindow { From = InstanceState.Requested, To = InstanceState.Converged, Count = filter?.Profile is "db" ? 97 : 412, P10 = Seconds(81), P50 = Seconds(112), P90 = Seconds(183) });
        if (filter?.ShowTerminated == false)
            return answer;
        var hour = new DateTimeOffset(Now.Year, Now.Month, Now.Day, Now.Hour, 0, 0, TimeSpan.Zero);
        for (var i = 23; i >= 0; i--)
        {
            if (i is 19 or 20 or 21)
                continue;
            answer.Hours.Add(new ConvergedHour { From = hour.AddHours(-i).ToTimestamp(), Count = 4 + i % 7, P50 = Seconds(100 + 9 * (i % 5)), P95 = Seconds(i == 6 ? 560 : 170 + 14 * (i % 6)) });
        }
        return answer;
    }

    private static Duration Seconds(double seconds) => TimeSpan.FromSeconds(seconds).ToDuration();

    public static ExplainNodeResponse Definition(string certname) => new()
    {
        Certname = certname, Layers = { "defaults", "group web", "node" },
        Values =
        {
            new ExplainedValue { Path = "environment", Value = Value.ForString("production"), Layer = "built in" },
            new ExplainedValue { Path = "classes.profile::web.port", Value = Value.ForNumber(8443), Layer = "node", Author = "jo (operator)",
                Shadowed = { new ExplainedValue { Layer = "group web", Value = Value.ForNumber(443) } } },
            new ExplainedValue { Path = "classes.ntp.servers", Value = Value.ForList(Value.ForString("10.20.0.1"), Value.ForString("10.20.0.2")), Layer = "defaults" },
            new ExplainedValue { Path = "parameters.motd", Value = Value.ForString(certname == HostileName ? Hostile : "web tier"), Layer = "group web" },
        },
    };

    public static HeldRequest Held(string certname) => new()
    {
        Certname = certname, SpkiSha256 = "3f0c2a4e9b7d5560aa11cc22dd33ee44ff5566778899aabbccddeeff00112233", Key = "RSA 4096", Peer = "10.20.0.31",
        FingerprintSha256 = "ab01cd02ef030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d", ReceivedAt = Ago(TimeSpan.FromMinutes(3)),
        Remedy = certname == HostileName ? Hostile : "an approval by a person, or a registration of that name",
        RequestedDnsNames = { certname == HostileName ? Hostile : "db1.example.com" }, RequestedExtensions = { ["1.3.6.1.4.1.34380.1.1.1"] = certname == HostileName ? Hostile : "ED803750" },
        Decision = new Decision
        {
            Outcome = "hold", Reason = "HELD_FOR_APPROVAL", Sentence = certname == HostileName ? Hostile : "no launch vouches for this name, so a person has to decide",
            Checks = { new Check { Name = "registered", Expected = "a launch record", Observed = "none" },
                new Check { Name = "key", Expected = "RSA 2048 or more, or P-256", Observed = "RSA 4096", Passed = true } },
        },
    };

    private static string MadeUp()
    {
        using var key = System.Security.Cryptography.ECDsa.Create(System.Security.Cryptography.ECCurve.NamedCurves.nistP256);
        var request = new System.Security.Cryptography.X509Certificates.CertificateRequest($"CN={Named(1)}", key, System.Security.Cryptography.HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new("1.3.6.1.4.1.34380.1.1.13", [0x0c, 3, (byte)'w', (byte)'e', (byte)'b'], false));
        using var certificate = request.CreateSelfSigned(Now, Now.AddYears(5));
        return certificate.ExportCertificatePem();
    }

    public static Timestamp Ago(TimeSpan span) => (Now - span).ToTimestamp();

    private static Instance With(string certname, InstanceState state, string profile, TimeSpan age)
    {
        var instance = new Instance
        {
            Certname = certname, State = state, Profile = profile, Provider = "ec2", InstanceId = "i-0f3a9c51d2", Image = "ami-0aa7d4", InstanceType = "m7g.large",
            Environment = "production", CreatedAt = Ago(age), LaunchedBy = "jo (operator)", TraceId = "4bf92f3577b34da6a3ce929d0e0e4736",
            Labels = { ["team"] = profile == "db" ? "data" : "blue", ["tier"] = profile }, Addresses = { "10.20.0.17" },
        };
        var spans = new[] { 0.0, 1.4, 22, 31, 3.2, 4.1, 51 };
        var at = Now - age;
        for (var s = InstanceState.Requested; s <= state; s++)
        {
            at += TimeSpan.FromSeconds(spans[(int)s - 1]);
            instance.States.Add(new StateTime { State = s, At = at.ToTimestamp() });
        }
        if (state >= InstanceState.Signed)
            instance.Serial = "4f01";
        return instance;
    }

    private static Instance Wrong(Instance instance, ConditionType type, ConditionSeverity severity, string reason, string message, string next)
    {
        instance.Conditions.Add(new Condition { Type = type, Severity = severity, Reason = reason, Message = message, Next = next,
            Since = Ago(TimeSpan.FromMinutes(4)) });
        return instance;
    }
}
