using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Overture.Platform.Certificates;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;

namespace Overture.Platform.PuppetHost;

/// <summary>
/// Gets a listener for puppetservers its certificate, acting as an agent: tries forever, and again at two thirds of the certificate's
/// life, and once it is revoked. Start never waits for it.
/// </summary>
public abstract class PuppetHostEnrollment(PuppetHostCertificate host, ObjectStore store, TimeProvider clock, ILogger log)
    : BackgroundService
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1), LongestPause = TimeSpan.FromSeconds(5),
        LookAgain = TimeSpan.FromSeconds(10);

    protected PuppetHostCertificate Host => host;

    protected TimeProvider Clock => clock;

    /// <summary>No usable certificate, or an old one.</summary>
    protected virtual bool Wanted => host.WantsRenewal;

    /// <returns>True: a certificate was taken. False: not yet, or not with this try.</returns>
    protected abstract Task<bool> Enrol(CancellationToken cancel);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var pause = FirstPause;
        try
        {
            Announce();
            while (true)
            {
                await LookForRevocation(stoppingToken);
                if (!Wanted || await Try(stoppingToken))
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

    private async Task LookForRevocation(CancellationToken cancel)
    {
        if (host.Current is not { } leaf || host.IsRevoked)
            return;
        try
        {
            var name = CertName.TryParse(leaf.GetNameInfo(X509NameType.SimpleName, forIssuer: false), out var certname, out _)
                ? certname : default;
            if (await store.Get(ObjectKeys.Revocation($"{SerialNumber.Of(leaf)}"), cancel) is null
                && (name == default || await store.Get(ObjectKeys.StockRevocation(name), cancel) is null))
            {
                return;
            }
            host.MarkRevoked();
            PuppetHostLog.CertificateRevoked(log, leaf.Subject);
        }
        catch (Exception e) when (e is FaultException or UnreadableObjectException)
        {
            // The store is away, and health says so: it is looked again.
        }
    }

    private void Announce()
    {
        if (host.Current is { } leaf)
            PuppetHostLog.CertificateReady(log, leaf.Subject, leaf.NotAfter);
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
        catch (Exception e) when (e is HttpRequestException or FaultException or CryptographicException or InvalidDataException
            or IOException or UnauthorizedAccessException or InvalidOperationException
            || (e is TaskCanceledException && !cancel.IsCancellationRequested))
        {
            host.WhyNoOther = e.Message;
            PuppetHostLog.CertificateWaits(log, e.Message);
            return false;
        }
    }
}

internal static partial class PuppetHostLog
{
    [LoggerMessage(EventId = 60, EventName = "puppethost.certificate", Level = LogLevel.Information,
        Message = "the listener for puppetservers is open as {Certname} until {NotAfter}")]
    public static partial void CertificateReady(ILogger logger, string certname, DateTime notAfter);

    [LoggerMessage(EventId = 62, EventName = "puppethost.certificate_revoked", Level = LogLevel.Error,
        Message = "the certificate of the listener for puppetservers, {Subject}, is revoked: they do not accept it")]
    public static partial void CertificateRevoked(ILogger logger, string subject);

    [LoggerMessage(EventId = 61, EventName = "puppethost.certificate_waits", Level = LogLevel.Warning,
        Message = "the listener for puppetservers has no new certificate yet: {Cause}")]
    public static partial void CertificateWaits(ILogger logger, string cause);
}
