using Google.Protobuf.WellKnownTypes;
using Overture.Classifier.V1;
using Overture.Console.Layout;
using Overture.Console.Services;

namespace Overture.Console.Definitions;

/// <summary>What is stored now, of a node or of the layers.</summary>
/// <param name="Etag">Empty: there is none.</param>
/// <param name="Unreadable">Why the document is empty though there is one.</param>
public sealed record StoredText(string Document, string Etag, Timestamp? UpdatedAt, string Unreadable)
{
    /// <param name="name">Empty: the layers.</param>
    /// <exception cref="PageException">The Classifier does not say.</exception>
    internal static async Task<StoredText> Read(Calls calls, string name)
    {
        if (name.Length == 0)
        {
            var layers = (await calls.Classifier((c, o) => c.GetLayersAsync(new(), o))).Demand().Layers;
            return new(layers.Document, layers.Etag, layers.UpdatedAt, layers.Unreadable);
        }
        var node = await calls.Classifier((c, o) => c.GetNodeAsync(new() { Certname = name }, o));
        if (node.Trouble is { Status: Grpc.Core.StatusCode.NotFound })
            return new("", "", null, "");
        var found = node.Demand().Node;
        return new(found.Definition, found.Etag, found.UpdatedAt, found.Unreadable);
    }
}

/// <summary>A text on its way from a person to the Classifier.</summary>
/// <param name="Name">Empty: the layers.</param>
/// <param name="Document">As the person has it.</param>
public sealed record Edit(string Name, StoredText Stored, string Document)
{
    /// <summary>The version that saving replaces.</summary>
    public string Etag { get; init; } = "";

    public string Reason { get; init; } = "";

    /// <summary>Compare it with the puppetserver's code.</summary>
    public bool Check { get; init; }

    /// <summary>Also for a name that is not known, or has ended.</summary>
    public bool Unregistered { get; init; }

    /// <summary>It breaks no rule: the difference is shown, and what saves it.</summary>
    public bool Reviewed { get; init; }

    /// <summary>Someone else saved since the person began.</summary>
    public bool Overtaken { get; init; }

    public IReadOnlyList<DefinitionWarning> Warnings { get; init; } = [];
    public Trouble? Wrong { get; init; }

    public bool IsNew => Stored.Etag.Length == 0;
    public string Title => Name.Length == 0 ? "the layers" : $"the definition of {Names.Short(Name)}";
    public string Address => Name.Length == 0 ? "/layers" : $"/definitions/{Uri.EscapeDataString(Name)}";
    public string Command => Name.Length == 0 ? "overture layers edit" : IsNew ? "" : $"overture node edit {Name}";
}
