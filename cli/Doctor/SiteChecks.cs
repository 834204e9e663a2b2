using System.Globalization;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Grpc.Health.V1;
using Overture.CertAuthority.V1;
using Overture.Classifier.V1;
using Overture.Cli.Commands;
using Overture.Cli.Output;
using Overture.Conductor.V1;
using Overture.Platform.Tls;
using Serving = Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace Overture.Cli.Doctor;

/// <summary>What can be asked of a running site from here, each question by itself: one that fails keeps none of the others back.</summary>
internal sealed class SiteChecks(Session session, Action<DoctorLine> report, CancellationToken cancel)
{
    private const string Why = "overture-why";
    private static readonly TimeSpan CertificateSoon = TimeSpan.FromDays(14), ClockWarning = TimeSpan.FromSeconds(5),
        ClockFailure = TimeSpan.FromSeconds(60), MaxCrlAge = TimeSpan.FromDays(8), Limit = TimeSpan.FromSeconds(10);

    /// <returns>Whether all three services answer.</returns>
    public async Task<bool> Run()
    {
        Own();
        var answered = true;
        (string Key, string Address)[] services =
        [
            ("conductor", session.Config.Conductor), ("certAuthority", session.Config.CertAuthority),
            ("classifier", session.Config.Classifier),
        ];
        foreach (var (key, address) in services)
            answered &= await Service(key, address);
        // The Conductor says it of itself.
        foreach (var (key, address) in services[1..])
            await Try("certificates", $"{key.ToLowerInvariant()} certificate", () => Certificate(key.ToLowerInvariant(), address));
        await Try("bucket", "promises", Bucket);
        await Try("registry", "persistence", OfTheConductor);
        await Try("certificates", "crl", Crl);
        await Try("certificates", "expiring", Expiring);
        await Try("certificates", "waiting requests", Held);
        await Try("definitions", "served", Definitions);
        await Try("fleet", "causes", Fleet);
        await Try("fleet", "comparison", Comparison);
        return answered;
    }

    // Our own certificate; one that can't be used at all ends the command before.
    private void Own()
    {
        using var own = X509CertificateLoader.LoadCertificateFromFile(session.Config.Certificate);
        var identity = PeerIdentity.Of(own);
        var left = own.NotAfter.ToUniversalTime() - session.Clock.GetUtcNow().UtcDateTime;
        var roles = string.Join(", ", identity.Roles.Select(RoleNames.Of));
        report(new DoctorLine("you", "certificate", identity.Problem.Length > 0 ? DoctorStatus.Failed
            : left < CertificateSoon ? DoctorStatus.Warning : DoctorStatus.Ok,
            identity.Problem.Length > 0 ? $"{session.Config.Certificate} {identity.Problem}"
                : $"{identity.Name}, role {(roles.Length > 0 ? roles : "none")}, until {own.NotAfter.ToUniversalTime():yyyy-MM-dd}",
            identity.Problem.Length > 0 || left < CertificateSoon
            ? "overture pki init --home DIR, or overture pki issue, makes another" : ""));
    }

    private async Task<bool> Service(string key, string address)
    {
        var (name, began) = (key.ToLowerInvariant(), session.Clock.GetTimestamp());
        try
        {
            var connection = session.Open(key, address);
            using var call = new Health.HealthClient(connection.Calls).CheckAsync(new HealthCheckRequest(), session.Within(Limit, cancel));
            var serving = (await call).Status == Serving.Serving;
            var (why, took) = (call.GetTrailers().GetValue(Why), session.Clock.GetElapsedTime(began));
            report(new DoctorLine("services", name, !serving ? DoctorStatus.Failed : why is null ? DoctorStatus.Ok : DoctorStatus.Warning,
                $"{(serving ? "serving" : "not serving")} at {address}{(why is null ? "" : $": {why}")}",
                why is null ? "" : "docs/operations.md has each of these; it heals by itself once the cause is gone", took));
            Clock(name, (await call.ResponseHeadersAsync).GetValue("date"), took);
            return true;
        }
        catch (RpcException e) when (!cancel.IsCancellationRequested)
        {
            report(DoctorLine.Of("services", name, RpcFailures.From(e, key, address), session.Clock.GetElapsedTime(began)));
            return false;
        }
    }

    private async Task<DoctorLine> Certificate(string service, string address)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(Limit);
        try
        {
            return await MutualTls.Shown(session.Config, address, session.Clock, limit.Token) is { } shown
                ? ServiceCertificate.Of(service, new Uri($"https://{address}").Host, session.Config.Roots, shown, session.Clock.GetUtcNow())
                : new("certificates", $"{service} certificate", DoctorStatus.Failed, $"{address} shows none: it speaks no TLS 1.3",
                    "correct the address in the configuration: another program answers there");
        }
        catch (IOException) when (!cancel.IsCancellationRequested)
        {
            return new("certificates", $"{service} certificate", DoctorStatus.Skipped, $"{address} ended the connection");
        }
        catch (Exception e) when (e is SocketException or UriFormatException
            || (e is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            return new("certificates", $"{service} certificate", DoctorStatus.Skipped, $"{address} can't be reached");
        }
    }

    // By the Date of its answer, a second exact at most.
    private void Clock(string service, string? date, TimeSpan took)
    {
        if (!DateTimeOffset.TryParse(date, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at))
            return;
        var off = at - session.Clock.GetUtcNow();
        var size = off.Duration() - took - TimeSpan.FromSeconds(1);
        var status = size > ClockFailure ? DoctorStatus.Failed : size > ClockWarning ? DoctorStatus.Warning : DoctorStatus.Ok;
        report(new DoctorLine("services", $"clock of {service}", status, status == DoctorStatus.Ok ? "agrees with this host's"
            : $"is {off.Duration().TotalSeconds:0} s {(off > TimeSpan.Zero ? "ahead of" : "behind")} this host's",
            status == DoctorStatus.Ok ? "" : "set both hosts by NTP: agents refuse certificates of the future"));
    }

    // What it says of what it needs, but for the last line, which is returned.
    private async Task<DoctorLine> OfTheConductor()
    {
        var answer = await session.Conductor((c, o) => c.CheckSiteAsync(new CheckSiteRequest(), o), cancel, TimeSpan.FromSeconds(60));
        var lines = answer.Checks.Select(c => new DoctorLine(c.Area, c.Check, c.Status switch
        {
            SiteCheckStatus.Ok => DoctorStatus.Ok,
            SiteCheckStatus.Warning => DoctorStatus.Warning,
            _ => DoctorStatus.Failed,
        }, c.Detail, c.Next)).ToList();
        lines.SkipLast(1).ToList().ForEach(report);
        return lines.LastOrDefault() ?? new DoctorLine("provider", "any", DoctorStatus.Failed, "the Conductor has no provider",
            "switch one on");
    }

    private async Task<DoctorLine> Bucket()
    {
        var answer = await session.Conductor((c, o) => c.CheckBucketAsync(new CheckBucketRequest(), o), cancel, TimeSpan.FromSeconds(60));
        var broken = answer.Promises.FirstOrDefault(p => !p.Kept);
        return broken is not null
            ? new("bucket", "promises", DoctorStatus.Failed, $"{answer.Bucket} breaks {broken.Promise}: {broken.Detail}",
                "use a server that keeps it (docs/operations.md)")
            : answer.Public ? new("bucket", "promises", DoctorStatus.Failed, $"{answer.Bucket} can be read by anybody, without a key",
                "block public access to the bucket")
            : new("bucket", "promises", DoctorStatus.Ok, $"{answer.Bucket} keeps all {answer.Promises.Count}");
    }

    private async Task<DoctorLine> Crl()
    {
        var list = await session.CertAuthority((c, o) => c.GetCrlAsync(new GetCrlRequest(), o), cancel);
        var now = session.Clock.GetUtcNow();
        var (age, left) = (now - list.ThisUpdate.ToDateTimeOffset(), list.NextUpdate.ToDateTimeOffset() - now);
        var text = $"number {list.Number}, ends {list.NextUpdate.ToDateTimeOffset():yyyy-MM-dd}";
        return left < CertificateSoon
            ? new("certificates", "crl", DoctorStatus.Failed, text,
                "overture health --service certauthority says why there is no newer list")
            : age > MaxCrlAge ? new("certificates", "crl", DoctorStatus.Warning, $"{text}; it is {age.TotalHours:0} hours old",
                "overture health --service certauthority says why there is no newer list")
            : new("certificates", "crl", DoctorStatus.Ok, text);
    }

    private async Task<DoctorLine> Expiring()
    {
        var request = new ListCertificatesRequest { PageSize = 500, ExpiringWithin = Duration.FromTimeSpan(TimeSpan.FromDays(30)) };
        var answer = await session.CertAuthority((c, o) => c.ListCertificatesAsync(request, o), cancel);
        var count = $"{answer.Certificates.Count}{(answer.NextPageToken.Length > 0 ? " or more" : "")}";
        return answer.Certificates.Count == 0
            ? new("certificates", "expiring", DoctorStatus.Ok, "none of the valid ones ends within 30 days")
            : new("certificates", "expiring", DoctorStatus.Warning, $"{count} end within 30 days",
                "overture certificate expiring --within 30d");
    }

    private async Task<DoctorLine> Held()
    {
        var answer = await session.CertAuthority((c, o) => c.ListCertificateRequestsAsync(new ListCertificateRequestsRequest(), o), cancel);
        return answer.Requests.Count == 0 ? new("certificates", "waiting requests", DoctorStatus.Ok, "none waits for a person")
            : new("certificates", "waiting requests", DoctorStatus.Warning, $"{answer.Requests.Count} wait for a person, a day at most",
                "overture certificate requests");
    }

    private async Task<DoctorLine> Definitions()
    {
        var found = 0;
        var request = new ListDefinitionsRequest { PageSize = 500, ProblemsOnly = true };
        do
        {
            var page = await session.Classifier((c, o) => c.ListDefinitionsAsync(request, o), cancel);
            found += page.Definitions.Count;
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);
        return found == 0 ? new("definitions", "served", DoctorStatus.Ok, "every node's definition can be served")
            : new("definitions", "served", DoctorStatus.Warning, $"{found} are not served as they are written",
                "overture node list --problems");
    }

    private async Task<DoctorLine> Fleet()
    {
        var answer = await session.Conductor((c, o) => c.SummarizeCausesAsync(new SummarizeCausesRequest(), o), cancel);
        return answer.Broken == 0 ? new("fleet", "causes", DoctorStatus.Ok, $"nothing is wrong with any of {answer.Total} instances")
            : new("fleet", "causes", DoctorStatus.Warning,
                $"{answer.Broken} of {answer.Total} instances have something wrong, most urgent: {answer.Causes[0].Sentence}",
                "overture instance explain");
    }

    private async Task<DoctorLine> Comparison()
    {
        var answer = await session.Conductor((c, o) => c.ReconcileAsync(new ReconcileRequest(), o), cancel, TimeSpan.FromMinutes(3));
        var unfit = answer.Findings.Count + answer.Omitted;
        return answer.Unknown.Count > 0
            ? new("fleet", "comparison", DoctorStatus.Failed, $"the instances of {string.Join(", ", answer.Unknown)} could not be listed",
                "check the provider's credentials and that the Conductor reaches it")
            : unfit > 0 ? new("fleet", "comparison", DoctorStatus.Warning, $"{unfit} records, instances or definitions do not match",
                "overture gc --dry-run")
            : new("fleet", "comparison", DoctorStatus.Ok, $"{answer.Records} records match {answer.Instances} instances");
    }

    private async Task Try(string area, string check, Func<Task<DoctorLine>> work)
    {
        var began = session.Clock.GetTimestamp();
        try
        {
            report(await work() with { Took = session.Clock.GetElapsedTime(began) });
        }
        catch (Failure failure) when (failure.Exit == ExitCodes.Denied)
        {
            report(new DoctorLine(area, check, DoctorStatus.Skipped, failure.Message, "with a certificate of role operator it is tried"));
        }
        catch (Failure failure)
        {
            report(DoctorLine.Of(area, check, failure, session.Clock.GetElapsedTime(began)));
        }
    }
}
