using Google.Protobuf.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Overture.Classifier.Classification;
using Overture.Classifier.Definitions;
using Overture.Classifier.History;
using Overture.Classifier.Layers;
using Overture.Classifier.Puppetserver;
using Overture.Classifier.Terminus;
using Overture.Classifier.V1;
using Overture.Platform;
using Overture.Platform.Tls;

namespace Overture.Classifier;

/// <summary>The service, composed.</summary>
public sealed class ClassifierParts : IServiceParts<ClassifierOptions>
{
    public static string Name => "classifier";

    // It answers from memory (staleFor); out of the balancer it could not.
    public static HealthStatus WithoutStore => HealthStatus.Degraded;

    public static IReadOnlyList<Google.Protobuf.Reflection.ServiceDescriptor> Services => [ClassifierService.Descriptor];

    public static void Roles(RoleTable table) => table
        .Allow(ClassifierService.Descriptor, "Classify", Role.Enc, Role.Viewer, Role.Operator, Role.Admin)
        .Allow(ClassifierService.Descriptor, "PutNode", Role.Operator, Role.Admin)
        .Allow(ClassifierService.Descriptor, "GetNode", Role.Viewer, Role.Operator, Role.Admin)
        .Allow(ClassifierService.Descriptor, "ListNodes", Role.Viewer, Role.Operator, Role.Admin)
        .Allow(ClassifierService.Descriptor, "ExplainNode", Role.Viewer, Role.Operator, Role.Admin)
        .Allow(ClassifierService.Descriptor, "CheckNode", Role.Viewer, Role.Operator, Role.Admin)
        .Allow(ClassifierService.Descriptor, "ListHistory", Role.Viewer, Role.Operator, Role.Admin)
        .Allow(ClassifierService.Descriptor, "GetLayers", Role.Viewer, Role.Operator, Role.Admin)
        .Allow(ClassifierService.Descriptor, "PutLayers", Role.Operator, Role.Admin);

    public static void Add(WebApplicationBuilder builder, ClassifierOptions options)
    {
        builder.Services.AddSingleton<NodeStore>().AddSingleton<Freshness>().AddSingleton<DocumentReader>();
        builder.Services.AddSingleton<SharedDocuments>().AddSingleton<DocumentHistory>().AddSingleton<PutLayers>().AddSingleton<ExplainNode>();
        builder.Services.AddSingleton<NodeCache>();
        builder.Services.AddSingleton<NodeHistoryLog>();
        builder.Services.AddSingleton<ClassifyNode>();
        builder.Services.AddSingleton<PutNode>().AddSingleton<CheckCode>().AddSingleton<CheckNode>();
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
        app.MapGrpcService<ClassifierApi>().OnListener(Listeners.Grpc);
        if (app.Services.GetRequiredService<ClassifierOptions>().Terminus.IsOn)
            NodeTerminus.Map(app);
    }
}
