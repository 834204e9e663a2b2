using System.Collections.Concurrent;
using System.Net;
using Overture.Platform.Faults;
using Overture.Platform.PuppetHost;
using Overture.Platform.Records;

namespace Overture.Classifier.Puppetserver;

/// <summary>
/// Asks a puppetserver what code it has: /puppet/v3/environments and /puppet/v3/environment_classes. An answer that came with an ETag
/// (environment-class-cache-enabled) is requested again with it, and never used without revalidation. puppetserver writes its ETags without
/// quotes, so they are taken as they are.
/// </summary>
/// <param name="bundle">Null: there is no terminus listener, and the options name files.</param>
/// <param name="own">The same.</param>
internal sealed class PuppetserverClient(ClassifierOptions options, TimeProvider clock, PuppetCaBundle? bundle = null,
    PuppetHostCertificate? own = null) : IDisposable
{
    private const int LargestAnswer = 8 * 1024 * 1024, MaxKept = 50, MaxAtOnce = 2;
    // Each question has its JRuby read every manifest, and may bring megabytes.
    private readonly SemaphoreSlim asking = new(MaxAtOnce);
    private readonly PuppetPeer peer = new(options.Puppetserver, bundle, own, clock, options.Puppetserver.Timeout, LargestAnswer);
    private readonly ConcurrentDictionary<string, (string Tag, EnvironmentClasses Classes)> kept = new(StringComparer.Ordinal);

    /// <param name="environments">Whose classes are wanted; of those that are not there, none are asked for.</param>
    /// <param name="cancel">The caller hung up.</param>
    /// <exception cref="FaultException">PUPPETSERVER_UNAVAILABLE: it does not answer in time, or not this.</exception>
    public async Task<PuppetCode> Code(IReadOnlyCollection<string> environments, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(options.Puppetserver.Timeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        var mine = false;
        try
        {
            await asking.WaitAsync(either.Token);
            mine = true;
            using var list = await Ask("puppet/v3/environments", null, either.Token);
            var there = PuppetCode.EnvironmentsOf(await list.Content.ReadAsByteArrayAsync(either.Token));
            var asked = new Dictionary<string, EnvironmentClasses>(StringComparer.Ordinal);
            foreach (var environment in environments.Where(there.Contains))
                asked[environment] = await Classes(environment, either.Token);
            return new PuppetCode(there, asked);
        }
        catch (Exception e) when (e is FormatException || PuppetPeer.IsOutage(e, cancel))
        {
            throw Unavailable(peer.Cause(e));
        }
        finally
        {
            if (mine)
                asking.Release();
        }
    }

    public void Dispose()
    {
        peer.Dispose();
        asking.Dispose();
    }

    private async Task<EnvironmentClasses> Classes(string environment, CancellationToken cancel)
    {
        var known = kept.TryGetValue(environment, out var before) ? before : default;
        using var answer = await Ask($"puppet/v3/environment_classes?environment={environment}", known.Tag, cancel);
        if (answer.StatusCode == HttpStatusCode.NotModified)
            return known.Classes ?? throw new FormatException("it answers 304 to an unconditional request");
        var classes = EnvironmentClasses.Parse(await answer.Content.ReadAsByteArrayAsync(cancel));
        if (answer.Headers.NonValidated.TryGetValues("ETag", out var tags) && tags.ToString() is { Length: > 0 } tag
            && (kept.ContainsKey(environment) || kept.Count < MaxKept))
        {
            kept[environment] = (tag, classes);
        }
        else
        {
            kept.TryRemove(environment, out _);
        }

        return classes;
    }

    private async Task<HttpResponseMessage> Ask(string path, string? unless, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Accept.ParseAdd("application/json");
        if (unless is not null)
            request.Headers.TryAddWithoutValidation("If-None-Match", unless);
        var answer = await peer.Client().SendAsync(request, cancel);
        if (answer.StatusCode is HttpStatusCode.OK || (unless is not null && answer.StatusCode is HttpStatusCode.NotModified))
            return answer;
        using (answer)
        {
            var text = PrintableText.Of(await answer.Content.ReadAsStringAsync(cancel));
            throw Unavailable($"it answers {(int)answer.StatusCode} to GET /{path}{(text.Length > 0 ? $" ({text})" : "")}"
                + (answer.StatusCode == HttpStatusCode.Forbidden
                    ? "; its auth.conf must allow this Classifier (class_readers of overture::puppetserver)" : ""));
        }
    }

    private FaultException Unavailable(string cause) => new(FaultKind.Unavailable, Reason.PuppetserverUnavailable,
        $"nothing was saved or compared: the puppetserver at {options.Puppetserver.Url} did not report its code: {cause}");
}
