using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Logging;
using Overture.Conductor.Instances;
using Overture.Conductor.Launch;
using Overture.Conductor.Specs;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.PuppetHost;
using Overture.Platform.Records;

namespace Overture.Conductor.Reports;

/// <summary>
/// The report listener's certificate, obtained the way every node obtains one: the Conductor registers a name for itself, then acts as the
/// agent; at two thirds of the certificate's life under a new name.
/// </summary>
internal sealed class ReportHostEnrollment(
    ConductorOptions options, PuppetHostCertificate host, PuppetCaClient ca, RegisterInstance register, Ids ids, ObjectStore store,
    TimeProvider clock, ILogger<ReportHostEnrollment> log) : PuppetHostEnrollment(host, store, clock, log)
{
    // A name that was configured since: one more certificate, and no second one for its sake.
    private bool lacksNames = host.Current is { } leaf && NamesOf(options).Any(n => !leaf.MatchesHostname(n));

    private const string Pending = "pending";
    private static readonly TimeSpan TokenLife = TimeSpan.FromHours(24);

    protected override bool Wanted => lacksNames || base.Wanted;

    protected override async Task<bool> Enrol(CancellationToken cancel)
    {
        // 1. a name of our own; the request id stays the same until we have the certificate, so a restart finds the same name
        var requestId = await PendingRequest(cancel);
        RegisterInstanceResponse registered;
        try
        {
            registered = await register.Run(ConductorModule.Name, new RegisterInstanceRequest { Spec = Spec(), RequestId = requestId },
                cancel);
        }
        catch (FaultException e) when (e.Reason == Reason.RequestIdReused)
        {
            File.Delete(Host.FileOf(Pending)); // the names were configured otherwise since: another request, next time
            return false;
        }
        if (Clock.GetUtcNow() >= registered.Instance.Deadline.ToDateTimeOffset() || registered.Instance.State >= InstanceState.Terminating)
        {
            File.Delete(Host.FileOf(Pending)); // that token is void: another name, next time
            return false;
        }

        // 2. key and request; handing in the same key again is harmless
        var certname = registered.Instance.Certname;
        using var key = Host.KeyOf(certname);
        await ca.Request(certname, key, registered.Token, renews: false, cancel);

        // 3. the certificate, into use
        if (await ca.Certificate(certname, cancel) is not { } pem)
            return false;
        Host.Take(certname, pem, key);
        File.Delete(Host.FileOf(Pending));
        lacksNames = false;
        return true;
    }

    private async Task<string> PendingRequest(CancellationToken cancel)
    {
        var file = Host.FileOf(Pending);
        if (!File.Exists(file))
            PrivateFile.Write(file, $"reports-{ids.Ordered()}");
        return await File.ReadAllTextAsync(file, cancel);
    }

    private static IEnumerable<string> NamesOf(ConductorOptions options) =>
        options.Reports.Names.Concat(options.FirstBoot.IsOn ? [options.FirstBoot.Address.Host] : []).Where(HostName.IsDns).Distinct();

    private LaunchSpec Spec() => new()
    {
        Puppet = new PuppetSettings { Server = options.Reports.CaServer, CaServer = options.Reports.CaServer,
            CaPort = options.Reports.CaPort },
        DnsAltNames = { NamesOf(options) },
        Labels = { ["overture"] = "report-listener" },
        Profile = "overture",
        Role = InstanceRecords.OwnRole,
        Attestation = Overture.Records.V1.Attestation.Token,
        Deadline = Duration.FromTimeSpan(TokenLife),
    };
}
