namespace Overture.Conductor.Instances;

/// <summary>What a stalled instance's console shows.</summary>
/// <param name="Code">For programs (docs/causes.md).</param>
/// <param name="Means">A clause: "cloud-init is switched off in the image".</param>
/// <param name="Line">That shows it; empty: that there is no line of a kind does.</param>
/// <param name="Next">What to do: one sentence, beginning in lower case.</param>
internal sealed record ShownCause(string Code, string Means, string Line, string Next)
{
    /// <summary>The meaning, with the line that shows it: one sentence.</summary>
    public string Message => Line.Length > 0 ? $"Its console shows that {Means}: \"{Line}\"." : $"On its console, {Means}.";
}
