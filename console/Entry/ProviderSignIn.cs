using System.Security.Cryptography;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.OpenIdConnect;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Overture.Console.Layout;
using Overture.Console.Sessions;
using Overture.Platform.Connections;
using Overture.Platform.Faults;
using Overture.Platform.Rpc;
using Overture.Platform.Tls;

namespace Overture.Console.Entry;

/// <summary>
/// Sign-in by an identity provider: OpenID Connect's code flow with PKCE. It ends where a link of `overture ui` does, in a
/// <see cref="Session"/>; what it holds is the provider's ID token, which each service verifies itself.
/// </summary>
internal static partial class ProviderSignIn
{
    private const string Scheme = "provider", Back = SignInPages.Provider + "/done", NoSession = "none";
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    public static void Add(IServiceCollection services, ConsoleProviderOptions options)
    {
        if (!options.IsOn)
            return;
        services.AddAuthentication(NoSession).AddScheme<AuthenticationSchemeOptions, NoneHere>(NoSession, null)
            .AddOpenIdConnect(Scheme, o => Configure(o, options));
        services.AddOptions<OpenIdConnectOptions>(Scheme).Configure<IssuerKeys, PeerCertificates, RandomNumberGenerator>(
            (o, keys, own, random) => (o.ConfigurationManager, o.ProtocolValidator) = (keys, new BoundToConsole(own, random)));
    }

    /// <summary>Before the sessions: the way back from the provider is the handler's own.</summary>
    public static void UseProviderSignIn(this WebApplication app)
    {
        if (app.Services.GetRequiredService<ConsoleOptions>().OpenIdConnect.IsOn)
            app.UseAuthentication();
    }

    public static void Map(IEndpointRouteBuilder app, ConsoleProviderOptions options)
    {
        if (!options.IsOn)
            return;
        app.MapGet(SignInPages.Provider, (Delegate)Begin).OnListener(ConsoleHost.Web).WithMetadata(new Open());
    }

    // Only from a page of ours: a provider that knows the browser asks nothing, and a page of another site would change who is signed in
    // here. A form would do too, but browsers let none lead to another site (form-action).
    private static async Task Begin(HttpContext http)
    {
        if (http.Request.Headers["Sec-Fetch-Site"] == "same-origin")
            await http.ChallengeAsync(Scheme);
        else
            await SignInPages.Ask(http, "A sign-in begins with the button on this page.").ExecuteAsync(http);
    }

    private static void Configure(OpenIdConnectOptions o, ConsoleProviderOptions options)
    {
        (o.ClientId, o.ClientSecret) = (options.ClientId, options.ClientSecret());
        (o.ResponseType, o.ResponseMode, o.UsePkce) = (OpenIdConnectResponseType.Code, OpenIdConnectResponseMode.Query, true);
        (o.CallbackPath, o.SignInScheme, o.RemoteAuthenticationTimeout) = (Back, NoSession, Patience);
        (o.MapInboundClaims, o.GetClaimsFromUserInfoEndpoint, o.DisableTelemetry) = (false, false, true);
        // As far as OnTicketReceived: nothing signs in with the ticket.
        o.SaveTokens = true;
        // Nothing is asked of the provider for one who only comes to the door; what it says of sign-outs is not listened to.
        o.PushedAuthorizationBehavior = PushedAuthorizationBehavior.Disable;
        (o.RemoteSignOutPath, o.SignedOutCallbackPath) = (PathString.Empty, PathString.Empty);
        o.Scope.Clear();
        foreach (var scope in options.AskedScopes)
            o.Scope.Add(scope);
        o.BackchannelHttpHandler = OutboundHandler.To(new Uri(options.Issuer), options.Roots);
        (o.TokenValidationParameters.ValidIssuer, o.TokenValidationParameters.ValidAudience) = (options.Issuer, options.ClientId);
        o.TokenValidationParameters.ValidAlgorithms = IdentityTokens.Algorithms;
        // The way back is a link from another site, so no strict cookie comes with it. __Host-: no other host of the domain can set one.
        foreach (var (cookie, name) in new[] { (o.CorrelationCookie, "state"), (o.NonceCookie, "nonce") })
        {
            (cookie.Name, cookie.Path) = ($"__Host-overture-{name}.", "/");
            (cookie.SameSite, cookie.SecurePolicy, cookie.HttpOnly) = (SameSiteMode.Lax, CookieSecurePolicy.Always, true);
        }
        o.Events = new OpenIdConnectEvents
        {
            OnRedirectToIdentityProvider = context =>
            {
                // Not by the Host header that a client sends.
                var url = context.HttpContext.RequestServices.GetRequiredService<ConsoleOptions>().Url;
                context.ProtocolMessage.RedirectUri = url.TrimEnd('/') + Back;
                return Task.CompletedTask;
            },
            // Not before: only now the nonce was held against this browser's cookie.
            OnTicketReceived = async context =>
            {
                context.HandleResponse();
                var token = context.Properties?.GetTokenValue(OpenIdConnectParameterNames.IdToken) ?? "";
                await (await Enter(context.HttpContext, token)).ExecuteAsync(context.HttpContext);
            },
            OnAccessDenied = async context =>
            {
                context.HandleResponse();
                await SignInPages.Ask(context.HttpContext, "You did not sign in: the provider says that this was refused.")
                    .ExecuteAsync(context.HttpContext);
            },
            OnRemoteFailure = async context =>
            {
                context.HandleResponse();
                if (Unavailable(context.Failure) is { } away)
                    throw away;
                await Failed(context.HttpContext, context.Failure).ExecuteAsync(context.HttpContext);
            },
        };
    }

    // As every service will see it: who may do nothing there does not come in here.
    private static async Task<IResult> Enter(HttpContext http, string idToken)
    {
        var sessions = http.RequestServices.GetRequiredService<SessionCookie>();
        try
        {
            var session = await sessions.Open(ConsoleCallers.Encode(idToken), http.RequestAborted);
            sessions.Write(http, session);
            return SignInPages.Entered(session);
        }
        catch (FaultException e) when (e.Kind != FaultKind.Unavailable)
        {
            return SignInPages.Ask(http, $"You are not signed in: {e.Message}.", StatusCodes.Status403Forbidden);
        }
    }

    // That its keys can't be read, or that it does not take the code now, is no fault of who signs in.
    private static FaultException? Unavailable(Exception? failure) => failure switch
    {
        FaultException { Kind: FaultKind.Unavailable } fault => fault,
        HttpRequestException or OperationCanceledException => new(FaultKind.Unavailable, Reason.IdentityProviderUnavailable,
            "the identity provider does not answer: sign in again in a while"),
        _ => null,
    };

    // What the provider, or one who pretends to come from there, writes goes to the log and not onto the page.
    private static IResult Failed(HttpContext http, Exception? failure)
    {
        var log = http.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger("Overture.Console");
        NotSignedIn(log, failure?.Message.Split('\n')[0] ?? "");
        return SignInPages.Ask(http, "You are not signed in: the provider's answer did not belong to a sign-in that this browser began in "
            + $"the last {Patience.TotalMinutes} minutes, or was not as it must be. The console's log has the cause.",
            StatusCodes.Status400BadRequest);
    }

    [LoggerMessage(EventId = 2, EventName = "console.not_signed_in", Level = LogLevel.Warning,
        Message = "a sign-in by the provider failed: {Cause}")]
    private static partial void NotSignedIn(ILogger logger, string cause);

    private sealed class BoundToConsole : OpenIdConnectProtocolValidator
    {
        private readonly PeerCertificates own;
        private readonly RandomNumberGenerator random;

        // The handler checks the state itself, with its cookie.
        public BoundToConsole(PeerCertificates own, RandomNumberGenerator random) =>
            (this.own, this.random, RequireTimeStampInNonce, RequireStateValidation, NonceLifetime) = (own, random, false, false, Patience);

        public override string GenerateNonce() => ConsoleNonce.Make(own.Current.Leaf, random);
    }

    /// <summary>The handler wants a scheme beside it that signs in; here that is the session's cookie, which no scheme knows.</summary>
    private sealed class NoneHere(IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger,
        System.Text.Encodings.Web.UrlEncoder encoder) : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
    {
        protected override Task<AuthenticateResult> HandleAuthenticateAsync() => Task.FromResult(AuthenticateResult.NoResult());
    }
}
