using Microsoft.Extensions.DependencyInjection;

namespace Overture.Classifier.Documents;

/// <summary>Definitions, layers and history, as they are read.</summary>
internal static class DocumentsModule
{
    public static IServiceCollection AddDocuments(this IServiceCollection services) =>
        services
            .AddSingleton<NodeStore>()
            .AddSingleton<NodeNames>()
            .AddSingleton<Freshness>()
            .AddSingleton<DocumentReader>()
            .AddSingleton<SharedDocuments>()
            .AddSingleton<DocumentHistory>()
            .AddSingleton<NodeCache>()
            .AddSingleton<NodeHistoryLog>();
}
