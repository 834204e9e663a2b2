using Microsoft.Extensions.DependencyInjection;
using Overture.Platform.Serving;

namespace Overture.Conductor.Instances;

/// <summary>Instances: their records, the table of all, and what people ask of them.</summary>
internal static class InstancesModule
{
    public static IServiceCollection AddInstances(this IServiceCollection services) =>
        services
            .AddSingleton<InstanceRecordsReader>()
            .AddSingleton<FirstBootStore>()
            .AddSingleton<InstanceRows>()
            .AddSingleton<FirstLooks>()
            .AddSingleton<InstanceEventStore>()
            .AddSingleton<BeginTermination>()
            .AddSingleton<InstanceList>()
            .AddSingleton<SummarizeInstances>()
            .AddSingleton<SummarizeConvergence>()
            .AddSingleton<InstanceWatch>()
            .AddSingleton<InstanceTimeline>()
            .AddSingleton<IndexWriter>()
            .AddSingleton<SnapshotStore>()
            .AddSingleton<InstanceTable>()
            .AddSingleton<DefinitionLook>()
            .AddMadeAtStart<FleetMetrics>()
            .AddSingleton<UpdateInstance>()
            .AddSingleton<QuarantineInstance>();
}
