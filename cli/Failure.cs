namespace Overture.Cli;

/// <summary>One field that breaks a rule: its dotted path and the rule.</summary>
internal sealed record FieldProblem(string Field, string Rule);

/// <summary>Why a command ends without success, in the words of the person who typed it.</summary>
internal sealed class Failure(int exit, string message, string next = "") : Exception(message)
{
    public int Exit { get; } = exit;

    /// <summary>What to do about it; empty where that is unknown.</summary>
    public string Next { get; } = next;

    /// <summary>gRPC status in its wire spelling, e.g. NOT_FOUND; empty where no service was asked.</summary>
    public string Code { get; init; } = "";

    /// <summary>Reason code (docs/errors.md); empty where no service gave one.</summary>
    public string Reason { get; init; } = "";

    public string TraceId { get; init; } = "";
    public IReadOnlyList<FieldProblem> Fields { get; init; } = [];

    /// <summary>The message says no more than the fields, as a service's does that checked nothing else.</summary>
    public bool IsItsFields => Fields.Count > 0 && Message == Sentence(Fields);

    /// <summary>Several fields in one sentence, as the services put it.</summary>
    public static string Sentence(IEnumerable<FieldProblem> fields) => string.Join("; ", fields.Select(f => $"{f.Field}: {f.Rule}"));

    /// <summary>The same, with another next step.</summary>
    public Failure Then(string step) => new(Exit, Message, step) { Code = Code, Reason = Reason, TraceId = TraceId, Fields = Fields };

    public static Failure Config(string message, string next = "") => new(ExitCodes.Config, message, next);

    public static Failure Usage(string message, string next = "") => new(ExitCodes.Usage, message, next);
}
