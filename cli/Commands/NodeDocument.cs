using Google.Protobuf.WellKnownTypes;
using Overture.Classifier.V1;
using Overture.Cli.Output;

namespace Overture.Cli.Commands;

/// <summary>node show as one document: {"node": Node, "classification": ClassifyResponse or null}.</summary>
internal static class NodeDocument
{
    public static Struct Of(Node node, ClassifyResponse? answer) => new()
    {
        Fields =
        {
            ["node"] = Value.ForStruct(Rendering.Tree(node)),
            ["classification"] = answer is null ? Value.ForNull() : Value.ForStruct(Rendering.Tree(answer)),
        },
    };
}
