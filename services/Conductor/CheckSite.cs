using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.Conductor.Providers;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.PuppetHost;
using Overture.Platform.Registry;

namespace Overture.Conductor;

/// <summary>What the Conductor finds of what it needs, asked now; the result changes nothing here.</summary>
internal sealed class CheckSite(RegistryConnection registry, PuppetCaBundle bundle, ConductorOptions options, ProviderSet providers,
    TimeProvider clock)
{
    private static readonly TimeSpan Soon = TimeSpan.FromDays(30), ProviderLimit = TimeSpan.FromSeconds(20);

    public async Task<CheckSiteResponse> Run(CancellationToken cancel)
    {
        var answer = new CheckSiteResponse { Checks = { await Registry() } };
        answer.Checks.Add(Certificate("puppet CA", Chain, "the CA has to be renewed or replaced before that: docs/operations.md"));
        answer.Checks.Add(Certificate("own certificate", () => [X509CertificateLoader.LoadCertificateFromFile(options.Tls.Certificate)],
            "overture pki init --home DIR, or overture pki issue, makes another"));
        answer.Checks.AddRange(await Task.WhenAll(providers.All.Select(p => Ready(p, cancel))));
        return answer;
    }

    private async Task<SiteCheck> Registry()
    {
        const string area = "registry", check = "persistence";
        try
        {
            var kept = await RegistryPersistence.Ask(registry);
            return kept.Broken.Length > 0 ? New(area, check, SiteCheckStatus.Failed, $"Redis could not write its data: {kept.Broken}",
                    "see Redis' log on its host: a full disk, as a rule")
                : kept.AppendOnly ? New(area, check, SiteCheckStatus.Ok, "Redis is reached, and writes each change to its file")
                : New(area, check, SiteCheckStatus.Warning, "Redis keeps no file of its changes: timelines are lost when it ends",
                    "appendonly yes in redis.conf (docs/registry.md)");
        }
        catch (FaultException e) when (e.Reason == Reason.RegistryUnavailable)
        {
            return New(area, "reachable", SiteCheckStatus.Failed, $"Redis {registry.State.Sentence}",
                "check registry.endpoint, user and password; overture registry init writes users with their rights");
        }
    }

    private X509Certificate2Collection Chain()
    {
        var chain = new X509Certificate2Collection();
        chain.ImportFromPem(bundle.Current.Pem);
        return chain.Count > 0 ? chain : throw new CryptographicException("no certificate is in the CA's bundle");
    }

    private SiteCheck Certificate(string check, Func<IEnumerable<X509Certificate2>> read, string next)
    {
        try
        {
            return Dated(check, read(), next);
        }
        catch (Exception e) when (e is InvalidOperationException or IOException or UnauthorizedAccessException or CryptographicException)
        {
            return New("certificates", check, SiteCheckStatus.Failed, $"it can't be read: {e.Message}",
                "see that the file is there, whole, and readable");
        }
    }

    // By the one that ends first.
    private SiteCheck Dated(string check, IEnumerable<X509Certificate2> certificates, string next)
    {
        var first = certificates.MinBy(c => c.NotAfter)!;
        var left = first.NotAfter.ToUniversalTime() - clock.GetUtcNow().UtcDateTime;
        var ends = left > TimeSpan.Zero ? "is valid until" : "ended on";
        var text = $"{first.GetNameInfo(X509NameType.SimpleName, forIssuer: false)} {ends} {first.NotAfter.ToUniversalTime():yyyy-MM-dd}";
        return left > Soon ? New("certificates", check, SiteCheckStatus.Ok, text)
            : New("certificates", check, left > TimeSpan.Zero ? SiteCheckStatus.Warning : SiteCheckStatus.Failed, text, next);
    }

    private static async Task<SiteCheck> Ready(IProvider provider, CancellationToken cancel)
    {
        var check = $"{provider.Name}{(provider.Region.Length > 0 ? $" {provider.Region}" : "")}";
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(ProviderLimit);
        string? why;
        try
        {
            why = await provider.CheckReady(limit.Token);
        }
        catch (ProviderException e)
        {
            why = e.Message;
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            why = $"it did not answer within {ProviderLimit.TotalSeconds:0} s";
        }
        return why is null ? New("provider", check, SiteCheckStatus.Ok, "takes launches")
            : New("provider", check, SiteCheckStatus.Failed, $"takes no launches: {why.TrimEnd('.')}",
                "correct what it says, then: overture doctor -c FILE asks it for a launch without doing it");
    }

    private static SiteCheck New(string area, string check, SiteCheckStatus status, string detail, string next = "") =>
        new() { Area = area, Check = check, Status = status, Detail = detail, Next = next };
}
