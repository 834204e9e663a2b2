using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Logging;
using Overture.Conductor.State;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Platform.Telemetry;

namespace Overture.Conductor.Launch;

/// <summary>All of a launch but the provider's part: somebody else starts the instance, with the user data that is returned.</summary>
internal sealed class RegisterInstance(
    LaunchLedger ledger, FetchedUserData fetched, StateKeeper keeper, EventLog events, ObjectStore store, Ids ids, ILogger<RegisterInstance> log)
{
    public async Task<RegisterInstanceResponse> Run(string caller, RegisterInstanceRequest request, CancellationToken cancel)
    {
        // 1. the request is sound
        var requestId = request.RequestId.Length > 0 ? request.RequestId : ids.Ordered();
        RequestId.Check(requestId);
        var plan = LaunchPlan.From(request.Spec, store.Name, providers: null);
        if (request.UserDataUrl)
            fetched.CheckStore();
        var most = request.UserDataUrl ? UserData.MostFetchedBytes : UserData.MostBytes;
        ledger.CheckSize(plan, requestId, provider: null, most);

        // 2. the name is fixed
        using var span = FlowTelemetry.Source.StartActivity(FlowTelemetry.Launch);
        var own = request.Certname.Length == 0 ? (CertName?)null : Own(request.Certname);
        var opened = await ledger.Open(caller, requestId, RequestBody.Hash(own is null ? "register" : $"register {own}", request.Spec, 1), request.Spec, 1, cancel, own);

        // 3. written down: node definition, then the signed record
        var enrolment = await ledger.Enrol(opened.Names[0], plan, caller, requestId, provider: null, span?.Id ?? "", cancel, most);
        if (enrolment.Fresh)
            Log.Registered(log, enrolment.Record.Certname, caller, requestId);

        // 4. registry
        await events.Write("conductor", enrolment.Name, "requested", $"registered by {caller}", proof: ObjectKeys.Launch(enrolment.Name), at: enrolment.Record.NotBefore.ToDateTimeOffset());
        var answer = new RegisterInstanceResponse
        {
            UserData = enrolment.UserData,
            RequestId = requestId,
            Token = enrolment.Token,
        };

        // 5. the user data where the instance fetches it, for one that may still use it
        if (request.UserDataUrl)
        {
            var (url, expires) = await fetched.Keep(enrolment, cancel);
            (answer.UserData, answer.UserDataUrl, answer.UserDataUrlExpires) = ($"#include-once\n{url}\n", url, expires.ToTimestamp());
        }
        answer.Instance = await keeper.Refold(enrolment.Name, cancel) ?? throw Lookup.Unknown(enrolment.Name);
        return answer;
    }

    private static CertName Own(string text)
    {
        if (!CertName.TryParse(text, out var name, out var rule))
            throw FaultException.Invalid("certname", rule);
        // Overture gives those out, unguessable; and the CA API's own are not to be had.
        if (name.IsUuid || name.ToString() is "ca" or "localhost" || name.ToString().StartsWith("certauthority-", StringComparison.Ordinal))
            throw FaultException.Invalid("certname", "must not be a UUID, \"ca\", \"localhost\" or begin with certauthority-");
        return name;
    }
}
