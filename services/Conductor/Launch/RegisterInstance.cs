using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Logging;
using Overture.Conductor.Instances;
using Overture.Conductor.Specs;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Platform.Telemetry;

namespace Overture.Conductor.Launch;

/// <summary>A launch without the provider's part: the caller starts the instance, with the user data that is returned.</summary>
internal sealed class RegisterInstance(
    LaunchLedger ledger, FetchedUserData fetched, InstanceTable table, Timeline timeline, ObjectStore store, Ids ids,
    ILogger<RegisterInstance> log)
{
    public async Task<RegisterInstanceResponse> Run(string caller, RegisterInstanceRequest request, CancellationToken cancel)
    {
        // 1. the request is sound
        var requestId = request.RequestId.Length > 0 ? request.RequestId : ids.Ordered();
        var plan = LaunchPlan.Validate(request.Spec, store.Name, providers: null, out var broken);
        FieldProblem[] problems = [.. RequestId.Validate(requestId), .. broken];
        if (plan is null || problems.Length > 0)
            throw FaultException.Invalid(problems);
        if (request.UserDataUrl)
        {
            fetched.CheckStore();
            plan = plan with { MaxUserData = UserData.MaxFetchedBytes };
        }
        ledger.CheckSize(plan, requestId);

        // 2. the name is fixed
        using var span = FlowTelemetry.Source.StartActivity(FlowTelemetry.Launch);
        var own = request.Certname.Length == 0 ? (CertName?)null : await NoAdministrator(Own(request.Certname), cancel);
        var body = RequestBody.Hash(own is null ? "register" : $"register {own}", request.Spec, 1);
        var opened = await ledger.Open(
            new RequestedLaunch(caller, requestId, body, request.Spec, LaunchSource.Spec, [own ?? ids.CertName()]), cancel);

        // 3. recorded: node definition, then the signed record
        var enrollment = await ledger.Enroll(
            new LaunchOrder(opened.Names[0], plan, caller, requestId, Provider: null, span?.Id ?? ""), cancel);
        if (enrollment.Fresh)
            Log.Registered(log, enrollment.Record.Certname, caller, requestId);

        // 4. registry
        timeline.Add("conductor", enrollment.Name, InstanceEvents.Requested, $"registered by {caller}",
            proof: ObjectKeys.Launch(enrollment.Name), at: enrollment.Record.NotBefore.ToDateTimeOffset());
        var answer = new RegisterInstanceResponse
        {
            UserData = enrollment.UserData,
            RequestId = requestId,
            Token = enrollment.Token,
            Warnings = { LaunchPlan.Warnings(plan.Spec.Node), ledger.Muted(plan) },
        };

        // 5. the user data where the instance fetches it, for one that may still use it
        if (request.UserDataUrl)
        {
            var (url, expires) = await fetched.Keep(enrollment, cancel);
            (answer.UserData, answer.UserDataUrl, answer.UserDataUrlExpires) = ($"#include-once\n{url}\n", url, expires.ToTimestamp());
        }
        answer.Instance = await table.Refold(enrollment.Name, cancel) ?? throw Lookup.Unknown(enrollment.Name);
        return answer;
    }

    // A certificate with pp_cli_auth is root on the CA API: a node of that name would share it. CertAuthority looks again before it signs.
    private async Task<CertName> NoAdministrator(CertName name, CancellationToken cancel)
    {
        await foreach (var key in store.List(ObjectKeys.ClaimsOf(name), null, cancel))
        {
            if (key.StartsWith(ObjectKeys.Claim(name, ObjectKeys.AdminClaim), StringComparison.Ordinal))
            {
                throw new FaultException(FaultKind.Precondition, Reason.NameTaken,
                    $"{name} holds an administrator's certificate (pp_cli_auth); register the host under another name");
            }
        }
        return name;
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
