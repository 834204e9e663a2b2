using Overture.Conductor.Profiles;
using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>
/// start_instance.yaml as a file (<see cref="LaunchDocument"/>): its mistakes by line, and places that mean something only here. Every rule but
/// those of keys and kinds of values is the Conductor's.
/// </summary>
internal static class LaunchFile
{
    private const string Next = "examples/start_instance.yaml shows every key";

    public static LaunchSpec Read(string file)
    {
        var document = LaunchDocument.Read(YamlFile.Text(file, ExitCodes.Usage, Next));
        if (document.Problems is { Count: > 0 } problems)
            throw new Failure(ExitCodes.Usage, Told(file, problems[0]), Next) { Fields = [.. problems.Skip(1).Select(p => new FieldProblem(Place(file, p), $"{p.Field} {p.Rule}".TrimStart()))] };
        var spec = document.Spec;
        spec.Bucket = StorePath.Absolute(spec.Bucket);
        return spec;
    }

    /// <summary>FILE:LINE: FIELD RULE.</summary>
    public static string Told(string file, ProfileProblem problem) => $"{Place(file, problem)}: {$"{problem.Field} {problem.Rule}".TrimStart()}";

    private static string Place(string file, ProfileProblem problem) => problem.Line == 0 ? file : $"{file}:{problem.Line}";
}
