using Overture.Conductor.Console;

namespace Overture.Conductor.Explain;

/// <summary>A cause that has a text of its own: what its mark in a message means, and what to do.</summary>
/// <param name="Code">For programs (docs/causes.md).</param>
/// <param name="Means">A sentence without its full stop.</param>
/// <param name="Next">A sentence, or a command; NAME stands for the certname.</param>
/// <param name="Marks">Any of them shows it (<see cref="LineMark"/>).</param>
internal sealed record KnownCause(string Code, string Means, string Next, params string[] Marks)
{
    /// <summary>The first of a table whose mark is in a message; null: none.</summary>
    public static KnownCause? Find(IEnumerable<KnownCause> table, string message) =>
        table.FirstOrDefault(c => c.Marks.Any(m => LineMark.IsIn(message, m)));
}
