namespace Overture.Platform.Records;

/// <summary>
/// Site manifests with `node` statements of which none is for a node and none is `node default`: Puppet then compiles nothing for it,
/// whatever its definition says. Only a run shows it, since no API of a puppetserver lists node statements. Pure.
/// </summary>
public static class NodeStatements
{
    // Of Puppet's compiler (evaluate_ast_node), 7 to 9.
    private const string Complaint = "Could not find node statement with name 'default'";

    /// <summary>One sentence.</summary>
    public const string Cure = "Add `node default {}` to the site manifest of its environment (manifests/site.pp): where that has node "
        + "statements, Puppet refuses every node that none of them matches, whatever its definition says.";

    /// <param name="text">What a run reported, or a sentence around it.</param>
    public static bool AreMissingBy(string text) => text.Contains(Complaint, StringComparison.Ordinal);
}
