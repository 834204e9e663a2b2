using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Overture.CertAuthority.V1;
using Overture.Classifier.V1;
using Overture.Conductor.V1;
using Overture.Console.Sessions;
using Overture.Platform.Tls;

namespace Overture.Console.Services;

/// <summary>Calls of one request, as the person who is signed in: each carries the delegation, and a deadline.</summary>
internal sealed class Calls(ServiceLinks links, ConsoleOptions options, TimeProvider clock, Session session, CancellationToken cancel)
{
    private static readonly TimeSpan Usual = TimeSpan.FromSeconds(5);

    public static Calls Of(HttpContext http) => Of(http, Session.Required(http));

    /// <summary>As a person who is just coming in.</summary>
    public static Calls Of(HttpContext http, Session session)
    {
        var services = http.RequestServices;
        return new(services.GetRequiredService<ServiceLinks>(), services.GetRequiredService<ConsoleOptions>(),
            services.GetRequiredService<TimeProvider>(), session, http.RequestAborted);
    }

    public Task<Answer<T>> Conductor<T>(Func<ConductorService.ConductorServiceClient, CallOptions, AsyncUnaryCall<T>> call,
        TimeSpan? limit = null) where T : class =>
        Ask(Role.Conductor, o => call(new(links.To(Role.Conductor)), o), limit);

    public Task<Answer<T>> CertAuthority<T>(
        Func<CertAuthorityService.CertAuthorityServiceClient, CallOptions, AsyncUnaryCall<T>> call, TimeSpan? limit = null)
        where T : class =>
        Ask(Role.CertAuthority, o => call(new(links.To(Role.CertAuthority)), o), limit);

    public Task<Answer<T>> Classifier<T>(Func<ClassifierService.ClassifierServiceClient, CallOptions, AsyncUnaryCall<T>> call,
        TimeSpan? limit = null) where T : class =>
        Ask(Role.Classifier, o => call(new(links.To(Role.Classifier)), o), limit);

    /// <summary>All answers of a stream of CertAuthority's.</summary>
    public async Task<Answer<List<T>>> CertAuthorityAll<T>(
        Func<CertAuthorityService.CertAuthorityServiceClient, CallOptions, AsyncServerStreamingCall<T>> call)
    {
        try
        {
            using var answers = call(new(links.To(Role.CertAuthority)), Within(Usual));
            var all = new List<T>();
            while (await answers.ResponseStream.MoveNext(cancel))
                all.Add(answers.ResponseStream.Current);
            return new(all, null);
        }
        catch (RpcException e)
        {
            return new(null, TroubleOf(e, Role.CertAuthority));
        }
    }

    /// <summary>A stream that lasts until the browser goes.</summary>
    public AsyncServerStreamingCall<WatchInstancesResponse> Watch(WatchInstancesRequest request, CancellationToken until) =>
        new ConductorService.ConductorServiceClient(links.To(Role.Conductor)).WatchInstances(request,
            new CallOptions(Delegated(), cancellationToken: until));

    public Trouble TroubleOf(RpcException e, Role service)
    {
        var (key, address) = ServiceLinks.Of(options, service);
        return Trouble.Of(e, key, address);
    }

    /// <summary>A service's health, which it says to any peer.</summary>
    public async Task<(bool Serving, string Detail)> Health(Role service)
    {
        try
        {
            using var call = new Grpc.Health.V1.Health.HealthClient(links.To(service)).CheckAsync(new(), Within(Usual));
            var serving = (await call).Status == Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus.Serving;
            return (serving, call.GetTrailers().GetValue("overture-why") ?? "");
        }
        catch (RpcException e)
        {
            return (false, TroubleOf(e, service).Message);
        }
    }

    private async Task<Answer<T>> Ask<T>(Role service, Func<CallOptions, AsyncUnaryCall<T>> call, TimeSpan? limit) where T : class
    {
        try
        {
            return new(await call(Within(limit ?? Usual)), null);
        }
        catch (RpcException e)
        {
            return new(null, TroubleOf(e, service));
        }
    }

    private CallOptions Within(TimeSpan limit) => new(Delegated(), (clock.GetUtcNow() + limit).UtcDateTime, cancel);

    private Metadata Delegated() => new() { { DelegationStatement.Header, session.Delegation } };
}
