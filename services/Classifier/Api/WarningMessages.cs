using Overture.Platform.Records;

namespace Overture.Classifier.Api;

/// <summary>Warnings of definitions as the API's messages.</summary>
internal static class WarningMessages
{
    public static V1.DefinitionWarning Message(this DefinitionWarning warning) =>
        new() { Line = (int)warning.Line, Field = warning.Field, Rule = warning.Rule };
}
