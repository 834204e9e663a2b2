using Google.Protobuf.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Overture.Classifier.Api;
using Overture.Classifier.Classification;
using Overture.Classifier.Documents;
using Overture.Classifier.Edits;
using Overture.Classifier.Puppetserver;
using Overture.Classifier.Terminus;
using Overture.Classifier.V1;
using Overture.Platform.Rpc;
using Overture.Platform;

namespace Overture.Classifier;

/// <summary>Registers the service's parts.</summary>
public sealed class ClassifierModule : IServiceModule<ClassifierOptions>
{
    public static string Name => "classifier";

    // It answers from memory (staleFor); out of the balancer it could not.
    public static HealthStatus WithoutStore => HealthStatus.Degraded;

    public static IReadOnlyList<Google.Protobuf.Reflection.ServiceDescriptor> Services => [ClassifierService.Descriptor];

    public static void Add(WebApplicationBuilder builder, ClassifierOptions options)
    {
        builder.Services
            .AddDocuments()
            .AddClassification()
            .AddSingleton<PutLayers>()
            .AddSingleton<PutNode>()
            .AddSingleton<DeleteNode>()
            .AddSingleton<CheckCode>()
            .AddSingleton<CheckNode>();
        if (options.Puppetserver.IsOn)
            builder.Services.AddSingleton<PuppetserverClient>();
        if (options.Terminus.IsOn)
            NodeTerminus.Add(builder.Services, options.Terminus);
    }

    public static void Listen(KestrelServerOptions kestrel, ClassifierOptions options)
    {
        if (options.Terminus.IsOn)
            NodeTerminus.Listen(kestrel, options.Terminus);
    }

    public static void Map(WebApplication app)
    {
        app.MapRpcsOf<ClassifyApi>();
        app.MapRpcsOf<NodesApi>();
        app.MapRpcsOf<LayersApi>();
        if (app.Services.GetRequiredService<ClassifierOptions>().Terminus.IsOn)
            NodeTerminus.Map(app);
    }
}
