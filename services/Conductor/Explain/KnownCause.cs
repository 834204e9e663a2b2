using Overture.Conductor.Console;

namespace Overture.Conductor.Explain;

/// <summary>A cause that has a text of its own: what its mark in a message means, and what to do.</summary>
/// <param name="Code">For programs (docs/causes.md).</param>
/// <param name="Means">A sentence without its full stop.</param>
/// <param name="Next">A sentence, or a command; NAME stands for the certname.</param>
/// <param name="Marks">Any of them shows it (<see cref="LineMark"/>).</param>
internal sealed record KnownCause(string Code, string Means, string Next, params string[] Marks)
{
    // Between the errors of one run, the one that explains it best first (RunErrors, ReportVerdict).
    private const string Also = "; also: ";

    /// <summary>
    /// The first of a table whose mark is in a message; null: none. Of several errors the first that is known counts: a mark never goes
    /// over
    /// two of them.
    /// </summary>
    public static KnownCause? Find(IReadOnlyCollection<KnownCause> table, string message) =>
        message.Split(Also).Select(e => table.FirstOrDefault(c => c.Marks.Any(m => LineMark.IsIn(e, m)))).FirstOrDefault(c =>
            c is not null);
}
