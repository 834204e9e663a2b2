using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;
using Overture.Platform.Faults;
using Overture.Platform.Tls;

namespace Overture.Platform.Rpc;

/// <summary>
/// What the identity provider publishes of itself: its keys and addresses. Read again once it is 5 minutes old, and the call that finds it
/// so waits; of a provider that does not answer, what was read last counts for an hour, then nothing does.
/// </summary>
public sealed class IssuerKeys : IConfigurationManager<OpenIdConnectConfiguration>, IDisposable
{
    public static readonly TimeSpan Fresh = TimeSpan.FromMinutes(5), Oldest = TimeSpan.FromHours(1), Pause = TimeSpan.FromSeconds(10);

    private const int LargestDocument = 512 * 1024;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(4);
    private readonly IdentityProviderOptions options;
    private readonly TimeProvider clock;
    private readonly Lock gate = new();
    private readonly HttpClient http;
    // By timestamps: a clock that is set back must not keep a key that was taken back.
    private (OpenIdConnectConfiguration Configuration, IReadOnlySet<string> Keys, long At)? read;
    private long? tried;
    private Task reading = Task.CompletedTask;
    private string cause = "";

    public IssuerKeys(IdentityProviderOptions options, TimeProvider clock)
    {
        ArgumentNullException.ThrowIfNull(options);
        (this.options, this.clock) = (options, clock);
        http = new HttpClient(OutboundHandler.To(options.IsOn ? new Uri(options.Issuer) : null, options.Roots))
        {
            Timeout = Limit, MaxResponseContentBufferSize = LargestDocument,
        };
    }

    /// <exception cref="FaultException">IDENTITY_PROVIDER_UNAVAILABLE: it was not read within the last hour.</exception>
    public async Task<OpenIdConnectConfiguration> GetConfigurationAsync(CancellationToken cancel)
    {
        Task now;
        lock (gate)
        {
            if (Age > Fresh)
                Start();
            now = reading;
            // Old keys are for a provider that did not answer when it was asked last; each call need not find that out itself.
            if (Age <= Fresh || (Age <= Oldest && cause.Length > 0))
                return read!.Value.Configuration;
        }
        await now.WaitAsync(cancel);
        return Last();
    }

    /// <summary>For a token of a key that is not known: reads again, if the last time is 10 s ago.</summary>
    /// <inheritdoc cref="GetConfigurationAsync"/>
    public async Task<OpenIdConnectConfiguration> Again(CancellationToken cancel)
    {
        Task now;
        lock (gate)
        {
            Start();
            now = reading;
        }
        await now.WaitAsync(cancel);
        return Last();
    }

    /// <summary>Whether it publishes a key now, by what was read last; reads again behind the call where that is old.</summary>
    /// <param name="thumbprint">As of <see cref="Thumbprint"/>.</param>
    /// <returns>Null: it was not read within the last hour.</returns>
    public bool? Publishes(string thumbprint)
    {
        lock (gate)
        {
            if (Age > Fresh)
                Start();
            return Age <= Oldest ? read!.Value.Keys.Contains(thumbprint) : null;
        }
    }

    /// <summary>Names a key by what it is (RFC 7638), not by what it is called.</summary>
    public static string Thumbprint(SecurityKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return Base64UrlEncoder.Encode(key.ComputeJwkThumbprint());
    }

    /// <summary>The error while its keys are not known.</summary>
    public FaultException Unknown() => new(FaultKind.Unavailable, Reason.IdentityProviderUnavailable,
        $"the keys of the identity provider {options.Issuer} can't be read: {cause}");

    public void RequestRefresh()
    {
        lock (gate)
            Start();
    }

    public void Dispose() => http.Dispose();

    private TimeSpan Age => read is { } known ? clock.GetElapsedTime(known.At) : TimeSpan.MaxValue;

    private OpenIdConnectConfiguration Last()
    {
        lock (gate)
        {
            return Age <= Oldest ? read!.Value.Configuration : throw Unknown();
        }
    }

    private void Start()
    {
        if (!reading.IsCompleted || (tried is { } last && clock.GetElapsedTime(last) < Pause))
            return;
        tried = clock.GetTimestamp();
        reading = Task.Run(Read);
    }

    // Also what waits for no one must not be lost when its caller goes: it is for all.
    private async Task Read()
    {
        try
        {
            using var limit = new CancellationTokenSource(Limit, clock);
            var address = $"{options.Issuer.TrimEnd('/')}/.well-known/openid-configuration";
            var found = await OpenIdConnectConfigurationRetriever.GetAsync(address,
                new HttpDocumentRetriever(http), limit.Token);
            var keys = found.SigningKeys.Where(k => k.CanComputeJwkThumbprint()).Select(Thumbprint).ToHashSet(StringComparer.Ordinal);
            lock (gate)
            {
                if (found.Issuer != options.Issuer)
                    cause = "it names another issuer than openIdConnect.issuer";
                else if (keys.Count == 0)
                    cause = "it publishes no key";
                else
                    (read, cause) = ((found, keys, clock.GetTimestamp()), "");
            }
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // A document that is not as it must be ends in many kinds of exception; all say the same here.
            lock (gate)
                cause = e is OperationCanceledException ? "it does not answer" : (e.InnerException ?? e).Message.Split('\n')[0];
        }
    }
}
