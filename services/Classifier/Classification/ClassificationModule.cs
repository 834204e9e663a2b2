using Microsoft.Extensions.DependencyInjection;

namespace Overture.Classifier.Classification;

/// <summary>Answers.</summary>
internal static class ClassificationModule
{
    public static IServiceCollection AddClassification(this IServiceCollection services) =>
        services
            .AddSingleton<ExplainNode>()
            .AddSingleton<ListDefinitions>()
            .AddSingleton<AnswerCache>()
            .AddSingleton<ClassifyNode>();
}
