using System.Security.Cryptography;
using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Overture.Conductor.Launch;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.Conductor.Reports;

/// <summary>
/// Gets the report listener its certificate the way every node gets one: the Conductor registers a name for itself, then acts as the agent. It
/// tries for ever, and once more at two thirds of the certificate's life, under a new name. Start never waits for it.
/// </summary>
internal sealed class PuppetHostEnrolment(
    ConductorOptions options, PuppetHostCertificate host, PuppetCaClient ca, RegisterInstance register, Ids ids, TimeProvider clock,
    ILogger<PuppetHostEnrolment> log) : BackgroundService
{
    private const string Pending = "pending";
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1), LongestPause = TimeSpan.FromSeconds(5), LookAgain = TimeSpan.FromMinutes(10), TokenLife = TimeSpan.FromHours(24);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var pause = FirstPause;
        try
        {
            Announce();
            while (true)
            {
                if (!host.WantsRenewal || await Try(stoppingToken))
                {
                    pause = FirstPause;
                    await Task.Delay(LookAgain, clock, stoppingToken);
                    continue;
                }
                await Task.Delay(pause, clock, stoppingToken);
                pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
            }
        }
        catch (OperationCanceledException)
        {
            // stopping
        }
    }

    private void Announce()
    {
        if (host.Current is { } leaf)
            Log.CertificateReady(log, leaf.Subject, leaf.NotAfter);
    }

    private async Task<bool> Try(CancellationToken cancel)
    {
        try
        {
            if (!await Enrol(cancel))
                return false;
            Announce();
            return true;
        }
        catch (Exception e) when (e is HttpRequestException or FaultException or CryptographicException or InvalidDataException or IOException
            || (e is TaskCanceledException && !cancel.IsCancellationRequested))
        {
            Log.CertificateWaits(log, e.Message);
            return false;
        }
    }

    private async Task<bool> Enrol(CancellationToken cancel)
    {
        // 1. a name of our own; the request id stays the same until we have the certificate, so a restart finds the same name
        var requestId = await PendingRequest(cancel);
        var registered = await register.Run(ConductorParts.Name, new RegisterInstanceRequest { Spec = Spec(), RequestId = requestId }, cancel);
        if (clock.GetUtcNow() >= registered.Instance.Deadline.ToDateTimeOffset() || registered.Instance.State >= InstanceState.Terminating)
        {
            File.Delete(host.FileOf(Pending)); // that token is void: another name, next time
            return false;
        }

        // 2. key and request; handing in the same key again is harmless
        var certname = registered.Instance.Certname;
        using var key = host.KeyOf(certname);
        await ca.Request(certname, key, registered.Token, cancel);

        // 3. the certificate, into use
        if (await ca.Certificate(certname, cancel) is not { } pem)
            return false;
        host.Take(certname, pem, key);
        File.Delete(host.FileOf(Pending));
        return true;
    }

    private async Task<string> PendingRequest(CancellationToken cancel)
    {
        var file = host.FileOf(Pending);
        if (!File.Exists(file))
            PrivateFile.Write(file, $"reports-{ids.Ordered()}");
        return await File.ReadAllTextAsync(file, cancel);
    }

    private LaunchSpec Spec() => new()
    {
        Puppet = new PuppetSettings { Server = options.Reports.CaServer, CaServer = options.Reports.CaServer, CaPort = options.Reports.CaPort },
        DnsAltNames = { options.Reports.Names.Where(HostName.IsDns) },
        Labels = { ["overture"] = "report-listener" },
        Profile = "overture",
        Attestation = Overture.Records.V1.Attestation.Token,
        Deadline = Duration.FromTimeSpan(TokenLife),
    };
}
