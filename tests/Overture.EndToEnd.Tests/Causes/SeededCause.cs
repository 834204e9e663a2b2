namespace Overture.EndToEnd.Tests.Causes;

/// <summary>A cause, how it is made for real, and what explain must say of it.</summary>
/// <param name="Id">Of its row.</param>
/// <param name="Reason">The code of the first cause that explain must name.</param>
/// <param name="Proof">A piece of the line that proves it.</param>
/// <param name="Made">For people: what was done.</param>
/// <param name="Make">Does it; returns the certname.</param>
/// <param name="Alone">It breaks what the others need.</param>
public sealed record SeededCause(string Id, string Reason, string Proof, string Made, Func<CauseSite, Task<string>> Make,
    bool Alone = false)
{
    /// <summary>How long it may be from what was done until it can be known: a step's deadline, a scan.</summary>
    public TimeSpan Known { get; init; }

    /// <summary>What an instance's console must show before it can be known; empty: nothing.</summary>
    public string Console { get; init; } = "";
}
