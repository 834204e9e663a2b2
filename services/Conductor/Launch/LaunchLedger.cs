using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.Instances;
using Overture.Conductor.Specs;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.PuppetHost;
using Overture.Platform.Records;
using Overture.Platform.Tls;
using Overture.Records.V1;

namespace Overture.Conductor.Launch;

/// <summary>A recorded request.</summary>
/// <param name="Names">Its certnames.</param>
/// <param name="Spec">The original spec; null: not recorded (by versions that did not store it).</param>
internal sealed record OpenedRequest(IReadOnlyList<CertName> Names, LaunchSpec? Spec);

/// <summary>A recorded instance.</summary>
/// <param name="Record">As first written.</param>
/// <param name="Token">The one-time secret.</param>
/// <param name="UserData">Holds it.</param>
/// <param name="Fresh">This call wrote it.</param>
internal sealed record Enrollment(CertName Name, LaunchRecord Record, string Token, string UserData, bool Fresh);

/// <summary>
/// The durable part of a launch: request, node definition, signed record. Each write is put-if-absent in that order, so a repeated launch
/// after a crash finds what was written and writes the rest.
/// </summary>
internal sealed class LaunchLedger(ConductorOptions options, ObjectStore store, LaunchKeys keys, PuppetCaBundle bundle, Ids ids,
    TimeProvider clock)
{
    private static readonly CertName Example = CertName.Parse("00000000-0000-4000-8000-000000000000");

    /// <summary>Fixes the certnames of a request. The same id and body: those of the first time.</summary>
    /// <param name="request">As asked for, with names for the first time.</param>
    /// <param name="cancel">Gives up; it may have been written.</param>
    /// <param name="supersede">Ends a request with another body, or of a profile that was changed, where it can only be refused; true:
    /// this one takes its id.</param>
    /// <exception cref="FaultException">REQUEST_ID_REUSED: the same id with another body.</exception>
    public async Task<OpenedRequest> Open(RequestedLaunch request, CancellationToken cancel,
        Func<LaunchRequestRecord, CancellationToken, Task<bool>>? supersede = null)
    {
        var fresh = new LaunchRequestRecord
        {
            Schema = 1,
            WriteId = ids.Unguessable(),
            Caller = request.Caller,
            RequestId = request.Id,
            BodySha256 = request.BodySha256,
            Certnames = { request.Names.Select(n => n.ToString()) },
            CreatedAt = clock.NowMs().ToTimestamp(),
            Spec = RecordedSpec.Write(request.Spec),
            ByProfile = request.Source == LaunchSource.Profile,
        };
        fresh.Seal = Google.Protobuf.ByteString.CopyFrom(SealOf(fresh));
        var key = ObjectKeys.Request(request.Caller, request.Id);
        CrashPoint.Reach("launch.named");
        var first = await store.PutIfAbsent(key, fresh, cancel) == PutOutcome.Stored ? fresh
            : await Standing(key, request, fresh, supersede, cancel);
        CrashPoint.Reach("launch.request");
        return new OpenedRequest([.. first.Certnames.Select(CertName.Parse)], SpecOf(first));
    }

    private async Task<LaunchRequestRecord> Standing(string key, RequestedLaunch request, LaunchRequestRecord fresh,
        Func<LaunchRequestRecord, CancellationToken, Task<bool>>? supersede, CancellationToken cancel)
    {
        while (true)
        {
            var found = await store.Get(key, cancel) ?? throw new UnreadableObjectException(key, "was removed while it was being read");
            var first = store.Read<LaunchRequestRecord>(key, found.Body);
            var isOther = first.BodySha256 != request.BodySha256;
            var isMended = isOther
                || (request.Source == LaunchSource.Profile && SpecOf(first) is { } spec && !spec.Equals(request.Spec));
            if (isMended && supersede is not null && await supersede(first, cancel))
            {
                CrashPoint.Reach("launch.superseded");
                if (await store.PutIfMatch(key, RecordJson.Write(fresh), found.ETag, cancel) == PutOutcome.Stored)
                    return fresh;
                continue; // another was first, perhaps this very one whose answer was lost
            }
            if (!isOther)
                return first;
            throw new FaultException(FaultKind.AlreadyExists, Reason.RequestIdReused,
                $"request id {request.Id} was used for another launch at {first.CreatedAt.ToDateTimeOffset():yyyy-MM-dd'T'HH:mm:ss'Z'}; "
                    + "choose a new one");
        }
    }

    /// <summary>
    /// What was asked for when this instance was launched, and by what; null: not recorded, not by a Conductor, or replaced by a mended
    /// request.
    /// </summary>
    public async Task<(LaunchSpec Spec, LaunchSource Source)?> Asked(LaunchRecord record, CancellationToken cancel) =>
        await store.Get<LaunchRequestRecord>(ObjectKeys.Request(record.Caller, record.RequestId), cancel) is { } request
            && request.Certnames.Contains(record.Certname) && SpecOf(request) is { } spec
            ? (spec, request.ByProfile ? LaunchSource.Profile : LaunchSource.Spec) : null;

    /// <summary>The certnames of a request; empty: no such request.</summary>
    public async Task<IReadOnlyList<CertName>> NamesOf(string caller, string requestId, CancellationToken cancel) =>
        await store.Get<LaunchRequestRecord>(ObjectKeys.Request(caller, requestId), cancel) is { } request
            ? [.. request.Certnames.Select(CertName.Parse)] : [];

    private byte[] SealOf(LaunchRequestRecord request) =>
        keys.Seal("overture-request-1",
            string.Join('\n', [request.Caller, request.RequestId, request.BodySha256, request.ByProfile ? "by profile" : "",
                .. request.Certnames, request.Spec]));

    // A spec decides what is signed: it counts as sealed by a Conductor alone.
    private LaunchSpec? SpecOf(LaunchRequestRecord request) =>
        request.Spec.Length == 0
            || !System.Security.Cryptography.CryptographicOperations.FixedTimeEquals(SealOf(request), request.Seal.Span) ? null
            : RecordedSpec.Read(request.Spec);

    /// <summary>Refuses a plan whose user data no provider would take, before anything is written.</summary>
    public void CheckSize(LaunchPlan plan, string requestId)
    {
        var any = ids.CertName();
        _ = UserDataOf(any, plan, keys.Token(requestId, any), keys.ReportToken(requestId, any));
    }

    /// <summary>
    /// The user data of a plan under an example name, with the secret masked and never derived; and its true size in bytes.
    /// </summary>
    /// <exception cref="FaultException">TOO_LARGE.</exception>
    public (string UserData, int Size) Preview(LaunchPlan plan)
    {
        // ASCII. A report token is 64 characters.
        var size = UserDataOf(Example, plan, new string('*', EnrollmentToken.Length), new string('*', 64)).Length;
        return (UserDataOf(Example, plan, SecretMask.Text, SecretMask.Text), size);
    }

    /// <summary>A warning where first boots are to be reported and user data has no room for it.</summary>
    public IEnumerable<ProfileProblem> Muted(LaunchPlan plan) =>
        !options.FirstBoot.IsOn
            || UserData.Reports(UserDataOf(Example, plan, new string('*', EnrollmentToken.Length), new string('*', 64))) ? []
            : [new ProfileProblem { Field = "launch", Rule = "leaves no room for the program that reports its first boot: nothing will be "
                + "known of that; shorten cloud_config or scripts" }];

    /// <summary>
    /// What <see cref="Enroll"/> would render for a name now, with what is secret masked; the token is not derived for it. Masks may be
    /// longer than what they hide, and nothing is sent.
    /// </summary>
    public string Masked(CertName name, LaunchPlan plan) =>
        UserDataOf(name, plan with { Spec = SecretMask.On(plan.Spec), MaxUserData = int.MaxValue }, SecretMask.Text,
            SecretMask.Text);

    /// <summary>Records one instance; a second time it changes nothing, not even a definition that was edited or archived since.</summary>
    public async Task<Enrollment> Enroll(LaunchOrder order, CancellationToken cancel)
    {
        var name = order.Name;
        var (token, reportToken) = (keys.Token(order.RequestId, name), keys.ReportToken(order.RequestId, name));
        var userData = UserDataOf(name, order.Plan, token, reportToken);
        var record = await Standing(name, cancel);
        var fresh = record is null;
        if (record is not null && !IsOf(order, record))
            throw Registered(name, record);
        if (record is null)
        {
            await store.PutIfAbsent(ObjectKeys.Node(name), (ReadOnlyMemory<byte>)System.Text.Encoding.UTF8.GetBytes(order.Plan.Definition),
                cancel);
            CrashPoint.Reach("launch.definition");
            record = RecordOf(order, token, UserData.Reports(userData) ? EnrollmentToken.Hash(reportToken) : "");
            if (await store.PutIfAbsent(ObjectKeys.Launch(name), keys.Sign(record, ids.Unguessable()), cancel) == PutOutcome.Conflict)
            {
                fresh = false;
                record = await Standing(name, cancel)
                    ?? throw new UnreadableObjectException(ObjectKeys.Launch(name), "was removed while it was being read");
                if (!IsOf(order, record))
                    throw Registered(name, record);
            }
        }
        CrashPoint.Reach("launch.record");
        return new Enrollment(name, record, token, userData, fresh);
    }

    // The same person, whatever the role was then: request ids are per name.
    private static bool IsOf(LaunchOrder order, LaunchRecord record) =>
        ObjectKeys.Request(record.Caller, record.RequestId) == ObjectKeys.Request(order.Caller, order.RequestId);

    // Only a host's own name can meet another's registration: all others are random.
    private static FaultException Registered(CertName name, LaunchRecord by) =>
        new(FaultKind.AlreadyExists, Reason.AlreadyExists,
            $"{name} is registered already, by {by.Caller}; terminate it first, and choose another name: a name is launched once");

    /// <summary>The record of this name, if its signature holds.</summary>
    /// <exception cref="UnreadableObjectException">There is one, and it does not.</exception>
    public async Task<LaunchRecord?> Standing(CertName name, CancellationToken cancel)
    {
        if (await store.Get<SignedLaunch>(ObjectKeys.Launch(name), cancel) is not { } signed)
            return null;
        return keys.Verify(signed, name)
            ?? throw store.Unreadable(new UnreadableObjectException(ObjectKeys.Launch(name),
                "carries no signature of a key this Conductor trusts"));
    }

    private string UserDataOf(CertName name, LaunchPlan plan, string token, string reportToken) =>
        UserData.Render(name, plan.Spec, plan.Node.Environment, token, bundle.Current.Pem, plan.MaxUserData,
            options.FirstBoot.IsOn ? new Reporter(options.FirstBoot.Address, reportToken) : null);

    private LaunchRecord RecordOf(LaunchOrder order, string token, string reportTokenHash)
    {
        var (plan, spec) = (order.Plan, order.Plan.Spec);
        var now = clock.NowMs();
        return new LaunchRecord
        {
            Schema = 1,
            Certname = order.Name.ToString(),
            RequestId = order.RequestId,
            NotBefore = now.ToTimestamp(),
            Deadline = (now + plan.Deadline).ToTimestamp(),
            TokenSha256 = EnrollmentToken.Hash(token),
            Attestation = spec.Attestation,
            Provider = spec.Provider,
            Account = order.Provider?.Account ?? "",
            Region = order.Provider?.Region ?? "",
            ClientToken = order.Name.ToString(),
            DnsAltNames = { spec.DnsAltNames },
            Extensions = { spec.Extensions },
            Role = spec.Role,
            Labels = { spec.Labels },
            Caller = order.Caller,
            Traceparent = order.Traceparent,
            Profile = spec.Profile,
            Image = order.Image ?? throw new FaultException(FaultKind.Precondition, Reason.ProviderUnfit,
                "the image that the launch describes could not be found; repeat the launch with the same request id"),
            InstanceType = spec.InstanceType,
            Environment = plan.Node.Environment,
            Expires = spec.Ttl is null ? null : (now + spec.Ttl.ToTimeSpan()).ToTimestamp(),
            Protected = spec.Protected,
            RunningSeconds = (uint)spec.Deadlines.Running.Seconds,
            CsrSeconds = (uint)spec.Deadlines.Csr.Seconds,
            ConvergedSeconds = (uint)spec.Deadlines.Converged.Seconds,
            ReportTokenSha256 = reportTokenHash,
        };
    }
}
