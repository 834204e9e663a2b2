using Overture.Classifier.Terminus;
using Overture.Platform.Faults;
using Overture.Platform.Options;

namespace Overture.Classifier;

/// <summary>What Classifier is told beside the common options.</summary>
public sealed record ClassifierOptions : ServiceOptions
{
    /// <summary>An answer older than this is looked up again before it is given. 0s to 1h.</summary>
    public TimeSpan Freshness { get; init; } = TimeSpan.FromSeconds(5);

    public TerminusOptions Terminus { get; init; } = new();

    public override IEnumerable<FieldProblem> Problems()
    {
        foreach (var problem in base.Problems())
            yield return problem;
        if (Freshness < TimeSpan.Zero || Freshness > TimeSpan.FromHours(1))
            yield return new("freshness", "must be 0s to 1h");
        foreach (var problem in Terminus.Problems())
            yield return problem;
    }
}
