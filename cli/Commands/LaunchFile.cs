using Overture.Cli.Output;
using Overture.Conductor.Specs;
using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>
/// start_instance.yaml as a file (<see cref="LaunchDocument"/>): its mistakes by line, and places that mean something only here. Every rule
/// but those of keys and kinds of values is the Conductor's, and gets its line here.
/// </summary>
internal sealed class LaunchFile
{
    private const string Next = "examples/start_instance.yaml shows every key", OfSpec = "spec.";

    private readonly string file;
    private readonly LaunchDocument document;

    private LaunchFile(string file, LaunchDocument document) => (this.file, this.document) = (file, document);

    public LaunchSpec Spec => document.Spec;

    /// <summary>With what its writer should be asked, on stderr.</summary>
    /// <exception cref="Failure">Every mistake, by line.</exception>
    public static LaunchFile Read(string file)
    {
        var document = LaunchDocument.Read(YamlFile.Text(file, ExitCodes.Usage, Next));
        if (document.Problems is { Count: > 0 } problems)
        {
            var others = problems.Skip(1).Select(p => new FieldProblem(Place(file, p.Line), $"{p.Field} {p.Rule}".TrimStart()));
            throw new Failure(ExitCodes.Usage, Describe(file, problems[0]), Next) { Fields = [.. others] };
        }
        DoubtfulText.Say(file, document.Warnings);
        document.Spec.Bucket = StorePath.Absolute(document.Spec.Bucket);
        return new LaunchFile(file, document);
    }

    /// <summary>A call with this file's spec; the fields that the service refuses get their line.</summary>
    public async Task<T> Placed<T>(Func<Task<T>> call)
    {
        try
        {
            return await call();
        }
        catch (Failure f) when (f.Exit == ExitCodes.Usage && f.Fields.Count > 0)
        {
            FieldProblem[] placed = [.. f.Fields.Select(Placed)];
            throw new Failure(f.Exit, f.IsItsFields ? Failure.Sentence(placed) : f.Message, f.Next)
            {
                Code = f.Code,
                Reason = f.Reason,
                TraceId = f.TraceId,
                Fields = placed,
            };
        }
    }

    private FieldProblem Placed(FieldProblem problem) => problem.Field.StartsWith(OfSpec, StringComparison.Ordinal)
        ? problem with { Rule = $"{problem.Rule} ({Place(file, document.LineOf(problem.Field[OfSpec.Length..]))})" } : problem;

    /// <summary>FILE:LINE: FIELD RULE.</summary>
    public static string Describe(string file, ProfileProblem problem) =>
        $"{Place(file, problem.Line)}: {$"{problem.Field} {problem.Rule}".TrimStart()}";

    private static string Place(string file, int line) => line == 0 ? file : $"{file}:{line}";
}
