using Overture.Platform.Records;

namespace Overture.Classifier.Documents;

/// <summary>One of the definitions that an answer is made of.</summary>
/// <param name="Name">"defaults", "group NAME", "profile NAME" or "node".</param>
/// <param name="Document">Its object.</param>
/// <param name="Version">Of that object.</param>
internal sealed record Layer(string Name, string Document, string Version, NodeDefinition Content)
{
    public const string Own = "node";

    /// <summary>It is the node's own definition.</summary>
    public bool IsOwn => Name == Own;
}
