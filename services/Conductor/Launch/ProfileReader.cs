using System.Text;
using Google.Protobuf;
using Overture.Conductor.Providers;
using Overture.Conductor.Specs;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;

namespace Overture.Conductor.Launch;

/// <summary>A profile's document, read: what it says, and every rule it breaks.</summary>
internal sealed record ReadProfile(LaunchSpec Spec, IReadOnlyList<ProfileProblem> Problems)
{
    /// <summary>What breaks no rule but is rarely intended.</summary>
    public IReadOnlyList<ProfileProblem> Warnings { get; init; } = [];
}

/// <summary>
/// Reads profiles: start_instance.yaml, or proto JSON of a LaunchSpec where the document begins with "{". Strictly, since they are
/// hand-written: an unknown key is an error, not a default. A profile must keep every rule of a launch, so that a valid one can be
/// launched.
/// </summary>
internal sealed class ProfileReader(LaunchLedger ledger, ProviderSet providers, ObjectStore store)
{
    private const int MaxBytes = 256 * 1024;

    public ReadProfile Read(string document)
    {
        document = Utf8Text.WithoutMark(document);
        if (Encoding.UTF8.GetByteCount(document) > MaxBytes)
            return new ReadProfile(new LaunchSpec(), [new ProfileProblem { Rule = "has more than 256 KiB" }]);
        return document.AsSpan().TrimStart() is ['{', ..] ? Json(document) : Yaml(document);
    }

    private ReadProfile Yaml(string text)
    {
        var document = LaunchDocument.Read(text);
        var problems = document.Problems.ToList();
        // A field that could not be read must not also be reported as missing; nor any, where nothing was read.
        if (!problems.Exists(p => p.Field.Length == 0))
        {
            problems.AddRange(Broken(document.Spec).Where(r => !problems.Exists(p => IsWithin(r.Field, p.Field)))
                .Select(r => new ProfileProblem { Line = document.LineOf(r.Field), Field = r.Field, Rule = r.Rule }).ToList());
        }
        return new ReadProfile(document.Spec, [.. problems.OrderBy(p => p.Line == 0).ThenBy(p => p.Line)]) { Warnings = document.Warnings };
    }

    private ReadProfile Json(string text)
    {
        try
        {
            var spec = JsonParser.Default.Parse<LaunchSpec>(text);
            return new ReadProfile(spec, [.. Broken(spec).Select(r => new ProfileProblem { Field = r.Field, Rule = r.Rule })])
                { Warnings = LaunchPlan.Warnings(spec.Node) };
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or InvalidJsonException)
        {
            return new ReadProfile(new LaunchSpec(), [new ProfileProblem { Rule = $"is not a LaunchSpec: {e.Message}" }]);
        }
    }

    private IReadOnlyList<FieldProblem> Broken(LaunchSpec spec)
    {
        if (LaunchPlan.Validate(spec, store.Name, providers.Find, out var problems) is not { } plan)
            return Fields(problems);
        try
        {
            _ = ledger.Preview(plan);
            return [];
        }
        catch (FaultException e) when (e.Kind == FaultKind.Invalid)
        {
            return Fields(e.Fields);
        }
    }

    private static IReadOnlyList<FieldProblem> Fields(IEnumerable<FieldProblem> problems) => [.. problems.Select(f =>
        f with { Field = f.Field.StartsWith("spec.", StringComparison.Ordinal) ? f.Field["spec.".Length..] : f.Field })];

    private static bool IsWithin(string field, string outer) =>
        field == outer || field.StartsWith(outer + ".", StringComparison.Ordinal) || field.StartsWith(outer + "[", StringComparison.Ordinal)
        || outer.StartsWith(field + ".", StringComparison.Ordinal) || outer.StartsWith(field + "[", StringComparison.Ordinal);
}
