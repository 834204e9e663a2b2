using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.Providers;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.PuppetHost;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.Conductor.Launch;

/// <summary>A request that is written down.</summary>
/// <param name="Names">Its certnames.</param>
/// <param name="Spec">What was asked for the first time; null: nobody wrote it down (before it was stored).</param>
internal sealed record OpenedRequest(IReadOnlyList<CertName> Names, LaunchSpec? Spec);

/// <summary>An instance that is written down.</summary>
/// <param name="Record">As first written, by whoever was first.</param>
/// <param name="Token">The one-time secret.</param>
/// <param name="UserData">Holds it.</param>
/// <param name="Fresh">This very call wrote it down.</param>
internal sealed record Enrolment(CertName Name, LaunchRecord Record, string Token, string UserData, bool Fresh);

/// <summary>
/// The durable part of a launch: request, node definition, signed record. Each write is put-if-absent in that order, so whoever repeats a launch
/// after a crash finds what was written, and writes what was not.
/// </summary>
internal sealed class LaunchLedger(ObjectStore store, LaunchKeys keys, PuppetCaBundle bundle, Ids ids, TimeProvider clock)
{
    private static readonly CertName Example = CertName.Parse("00000000-0000-4000-8000-000000000000");

    /// <summary>Fixes the certnames of a request. The same id and body: those of the first time.</summary>
    /// <exception cref="FaultException">REQUEST_ID_REUSED: the same id with another body.</exception>
    public async Task<OpenedRequest> Open(string caller, string requestId, string bodyHash, LaunchSpec spec, int count, CancellationToken cancel, CertName? own = null)
    {
        var fresh = new LaunchRequestRecord
        {
            Schema = 1,
            WriteId = ids.Unguessable(),
            Caller = caller,
            RequestId = requestId,
            BodySha256 = bodyHash,
            Certnames = { Enumerable.Range(0, count).Select(_ => (own ?? ids.CertName()).ToString()) },
            CreatedAt = clock.NowMs().ToTimestamp(),
            Spec = RecordJson.WriteText(spec),
        };
        var key = ObjectKeys.Request(caller, requestId);
        CrashPoint.Reach("launch.named");
        var standing = await store.PutIfAbsent(key, fresh, cancel) == PutOutcome.Stored
            ? fresh
            : await store.Get<LaunchRequestRecord>(key, cancel) ?? throw new InvalidDataException($"{key} is there and is not");
        CrashPoint.Reach("launch.request");
        if (standing.BodySha256 != bodyHash)
        {
            throw new FaultException(FaultKind.AlreadyExists, Reason.RequestIdReused,
                $"request id {requestId} was used for another launch at {standing.CreatedAt.ToDateTimeOffset():yyyy-MM-dd'T'HH:mm:ss'Z'}; choose a new one");
        }
        return new OpenedRequest([.. standing.Certnames.Select(CertName.Parse)], SpecOf(standing));
    }

    /// <summary>What was asked for when this instance was launched; null: nobody wrote it down.</summary>
    public async Task<LaunchSpec?> Asked(LaunchRecord record, CancellationToken cancel) =>
        await store.Get<LaunchRequestRecord>(ObjectKeys.Request(record.Caller, record.RequestId), cancel) is { } request ? SpecOf(request) : null;

    /// <summary>The certnames of a request; none: there was no such.</summary>
    public async Task<IReadOnlyList<CertName>> NamesOf(string caller, string requestId, CancellationToken cancel) =>
        await store.Get<LaunchRequestRecord>(ObjectKeys.Request(caller, requestId), cancel) is { } request ? [.. request.Certnames.Select(CertName.Parse)] : [];

    private static LaunchSpec? SpecOf(LaunchRequestRecord request) =>
        request.Spec.Length == 0 ? null : RecordJson.Read<LaunchSpec>(System.Text.Encoding.UTF8.GetBytes(request.Spec));

    /// <summary>Refuses a plan whose user data no provider would take, before anything is written.</summary>
    public void CheckSize(LaunchPlan plan, string requestId, IProvider? provider, int most = UserData.MostBytes)
    {
        var any = ids.CertName();
        _ = UserDataOf(any, plan, keys.Token(requestId, any), provider, most);
    }

    /// <summary>The user data of a plan under an example name, with the secret masked and never derived; and its true size in bytes.</summary>
    /// <exception cref="FaultException">TOO_LARGE.</exception>
    public (string UserData, int Size) Preview(LaunchPlan plan, IProvider? provider)
    {
        var size = UserDataOf(Example, plan, new string('*', EnrolmentToken.Length), provider, UserData.MostBytes).Length; // ASCII
        return (UserDataOf(Example, plan, "********", provider, UserData.MostBytes), size);
    }

    /// <summary>Writes down one instance; a second time it changes nothing, not even a definition that was edited or archived since.</summary>
    public async Task<Enrolment> Enrol(CertName name, LaunchPlan plan, string caller, string requestId, IProvider? provider, string traceparent, CancellationToken cancel, int most = UserData.MostBytes)
    {
        var token = keys.Token(requestId, name);
        var record = await Standing(name, cancel);
        var fresh = record is null;
        if (record is not null && (record.RequestId != requestId || record.Caller != caller))
            throw Registered(name, record);
        if (record is null)
        {
            await store.PutIfAbsent(ObjectKeys.Node(name), (ReadOnlyMemory<byte>)System.Text.Encoding.UTF8.GetBytes(plan.Definition), cancel);
            CrashPoint.Reach("launch.definition");
            record = RecordOf(name, plan, caller, requestId, provider, traceparent, token);
            if (await store.PutIfAbsent(ObjectKeys.Launch(name), keys.Sign(record, ids.Unguessable()), cancel) == PutOutcome.Conflict)
            {
                fresh = false;
                record = await Standing(name, cancel) ?? throw new InvalidDataException($"launches/{name} is there and is not");
                if (record.RequestId != requestId || record.Caller != caller)
                    throw Registered(name, record);
            }
        }
        CrashPoint.Reach("launch.record");
        return new Enrolment(name, record, token, UserDataOf(name, plan, token, provider, most), fresh);
    }

    // Only a host's own name can meet another's registration: all others are random.
    private static FaultException Registered(CertName name, LaunchRecord by) =>
        new(FaultKind.AlreadyExists, Reason.AlreadyExists, $"{name} is registered already, by {by.Caller}; terminate it first, and choose another name: a name is launched once");

    /// <summary>The record of this name, if its signature holds.</summary>
    /// <exception cref="InvalidDataException">There is one, and it does not.</exception>
    public async Task<LaunchRecord?> Standing(CertName name, CancellationToken cancel)
    {
        if (await store.Get<SignedLaunch>(ObjectKeys.Launch(name), cancel) is not { } signed)
            return null;
        return keys.Verify(signed, name) ?? throw new InvalidDataException($"launches/{name} carries no signature of a key this Conductor trusts");
    }

    private string UserDataOf(CertName name, LaunchPlan plan, string token, IProvider? provider, int most) =>
        UserData.Render(name, plan.Spec, plan.Node.Environment, token, bundle.Current.Pem, provider?.InstallsPuppet ?? true, most);

    private LaunchRecord RecordOf(CertName name, LaunchPlan plan, string caller, string requestId, IProvider? provider, string traceparent, string token)
    {
        var spec = plan.Spec;
        var now = clock.NowMs();
        return new LaunchRecord
        {
            Schema = 1,
            Certname = name.ToString(),
            RequestId = requestId,
            NotBefore = now.ToTimestamp(),
            Deadline = (now + plan.Deadline).ToTimestamp(),
            TokenSha256 = EnrolmentToken.Hash(token),
            Attestation = spec.Attestation,
            Provider = spec.Provider,
            Account = provider?.Account ?? "",
            Region = provider?.Region ?? "",
            ClientToken = name.ToString(),
            DnsAltNames = { spec.DnsAltNames },
            Extensions = { spec.Extensions },
            Role = spec.Role,
            Labels = { spec.Labels },
            Caller = caller,
            Traceparent = traceparent,
            Profile = spec.Profile,
            Image = spec.Image,
            InstanceType = spec.InstanceType,
            Environment = plan.Node.Environment,
            Expires = spec.Ttl is null ? null : (now + spec.Ttl.ToTimeSpan()).ToTimestamp(),
            Protected = spec.Protected,
            RunningSeconds = (uint)spec.Deadlines.Running.Seconds,
            CsrSeconds = (uint)spec.Deadlines.Csr.Seconds,
            ConvergedSeconds = (uint)spec.Deadlines.Converged.Seconds,
        };
    }
}
