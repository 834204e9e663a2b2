namespace Overture.Conductor.Instances;

/// <summary>What a stalled instance's console shows.</summary>
/// <param name="Message">The meaning, with the line that shows it: one sentence.</param>
/// <param name="Next">What to do: one sentence, beginning in lower case.</param>
internal sealed record ShownCause(string Message, string Next);
