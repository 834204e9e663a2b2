using Overture.Classifier.Documents;
using Overture.Classifier.Puppetserver;
using Overture.Classifier.Terminus;
using Overture.Platform.Faults;
using Overture.Platform.Options;

namespace Overture.Classifier;

/// <summary>Classifier's options, beside the common ones.</summary>
public sealed record ClassifierOptions : ServiceOptions
{
    private const string Fail = "fail", SiteManifest = "site-manifest";

    /// <summary>An answer older than this is looked up again before it is given. 0s to 1h.</summary>
    public TimeSpan Freshness { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>While the store does not answer, the last answer is given when it is no older than this. 0s to 24h; 0s: never.</summary>
    public TimeSpan StaleFor { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>
    /// What a node that was not launched here gets: an error, or no classes, so that Puppet's site manifest decides: "fail" or
    /// "site-manifest".
    /// </summary>
    public string UnknownNodes { get; init; } = Fail;

    internal bool UnknownGoBySiteManifest => UnknownNodes == SiteManifest;

    public TerminusOptions Terminus { get; init; } = new();

    public PuppetserverOptions Puppetserver { get; init; } = new();

    // store.id is written once, at the first start. The terminus' key and certificate are there too; without it nothing is written later.
    public override IReadOnlyList<string> WrittenDirectories() => Terminus.IsOn ? base.WrittenDirectories() : [];

    public override IEnumerable<FieldProblem> Problems()
    {
        foreach (var problem in base.Problems())
            yield return problem;
        if (Freshness < TimeSpan.Zero || Freshness > TimeSpan.FromHours(1))
            yield return new("freshness", "must be 0s to 1h");
        if (StaleFor < TimeSpan.Zero || StaleFor > TimeSpan.FromHours(24))
            yield return new("staleFor", "must be 0s to 24h");
        if (UnknownNodes is not (Fail or SiteManifest))
            yield return new("unknownNodes", "must be fail or site-manifest");

        foreach (var problem in Terminus.Problems().Concat(Puppetserver.Problems(Terminus.IsOn)))
            yield return problem;
    }
}
