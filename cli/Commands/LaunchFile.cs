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

    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(3);

    private readonly string file;
    private readonly LaunchDocument document;

    private LaunchFile(string file, LaunchDocument document) => (this.file, this.document) = (file, document);

    public LaunchSpec Spec => document.Spec;

    /// <summary>With what its writer should be asked, on stderr.</summary>
    /// <exception cref="Failure">Every mistake, by line: those of keys and kinds, and with them what the Conductor finds.</exception>
    public static async Task<LaunchFile> Read(Session session, string file, CancellationToken cancel)
    {
        var text = YamlFile.Text(file, ExitCodes.Usage, Next);
        var document = LaunchDocument.Read(text);
        if (document.Problems.Count > 0)
        {
            var problems = await WithTheConductors(session, text, document.Problems, cancel);
            var others = problems.Skip(1).Select(p => new FieldProblem(Place(file, p.Line), $"{p.Field} {p.Rule}".TrimStart()));
            throw new Failure(ExitCodes.Usage, Describe(file, problems[0]), Next) { Fields = [.. others] };
        }
        DoubtfulText.Say(file, document.Warnings);
        document.Spec.Bucket = StorePath.Absolute(document.Spec.Bucket);
        return new LaunchFile(file, document);
    }

    // A file that is refused here would be refused there next, for something else. Where the Conductor can't be asked, that comes later.
    private static async Task<IReadOnlyList<ProfileProblem>> WithTheConductors(Session session, string text,
        IReadOnlyList<ProfileProblem> own, CancellationToken cancel)
    {
        try
        {
            var request = new ValidateProfileRequest { Document = text };
            var answer = await session.Conductor((c, o) => c.ValidateProfileAsync(request, o), cancel, Soon);
            // A bucket of the working directory is none of the Conductor's until its path is whole.
            return [.. own.Concat(answer.Problems.Where(p => p.Field != "bucket")).DistinctBy(p => p.Field.Length > 0 ? p.Field : p.Rule)
                .OrderBy(p => p.Line == 0 ? int.MaxValue : p.Line)];
        }
        catch (Failure)
        {
            return own;
        }
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
