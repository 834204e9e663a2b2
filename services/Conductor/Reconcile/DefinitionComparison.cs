using Overture.Conductor.V1;

namespace Overture.Conductor.Reconcile;

/// <summary>What the Conductor knows of an instance's end.</summary>
internal enum Ending
{
    None,
    /// <summary>Its definition may be there still, or not any more.</summary>
    Underway,
    Over,
}

/// <summary>Names that have a definition against names that should have one, by the keys of the store alone. Pure.</summary>
/// <param name="Defined">Of <c>nodes/</c>, listed before the launches: a launch stores its definition first.</param>
/// <param name="Launched">Of <c>launches/</c>.</param>
/// <param name="EndOf">Of a launched name; null: it was not read yet, so nothing is said of it.</param>
internal sealed record DefinitionComparison(IReadOnlySet<string> Defined, IReadOnlySet<string> Launched, Func<string, Ending?> EndOf)
{
    /// <summary>Definitions of terminated instances, and those without any launch; in order.</summary>
    public IReadOnlyList<string> Stray => [.. Defined.Where(IsStray).Order(StringComparer.Ordinal)];

    /// <summary>Instances without a definition; in order.</summary>
    public IReadOnlyList<string> Missing =>
        [.. Launched.Where(n => !Defined.Contains(n) && EndOf(n) == Ending.None).Order(StringComparer.Ordinal)];

    private bool IsStray(string name) => !Launched.Contains(name) || EndOf(name) == Ending.Over;

    public static Finding StrayFinding(string name, bool isLaunched) => new()
    {
        Kind = FindingKind.StrayDefinition,
        Certname = name,
        Detail = isLaunched ? "its instance is terminated, and it has a definition again"
            : "it has a definition, and no launch, registration or certificate",
        Action = "none: it is only reported",
        HeldBack = isLaunched ? $"where nothing needs it: overture node delete {name}"
            : $"a typing error: overture node delete {name}; a host that is to come: overture instance register --certname {name}",
    };

    public static Finding MissingFinding(string name) => new()
    {
        Kind = FindingKind.MissingDefinition,
        Certname = name,
        Detail = "it was launched and has not ended, and it has no definition: it is not classified, so its runs fail",
        Action = "none: it is only reported",
        HeldBack = $"overture node history {name}, then overture node rollback {name} VERSION; or overture node set {name} -f FILE "
            + "--reason TEXT",
    };
}
