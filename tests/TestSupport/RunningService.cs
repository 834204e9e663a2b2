using Microsoft.AspNetCore.Builder;
using Overture.Platform;
using Overture.Platform.Options;

namespace Overture.TestSupport;

/// <summary>A real service in this process: Kestrel, mTLS, roles, stores, as its Program would start it.</summary>
public sealed class RunningService : IAsyncDisposable
{
    private bool ended;

    private RunningService(WebApplication app) => App = app;

    public WebApplication App { get; }

    public static async Task<RunningService> Start<TParts, TOptions>(TOptions options)
        where TParts : IServiceModule<TOptions>
        where TOptions : ServiceOptions
    {
        var app = ServiceHost.Build<TParts, TOptions>(options);
        await app.StartAsync();
        return new RunningService(app);
    }

    public async ValueTask DisposeAsync()
    {
        // Once: a process that has ended gets no second SIGTERM either.
        if (ended)
            return;
        ended = true;
        await App.StopAsync();
        await App.DisposeAsync();
    }
}
