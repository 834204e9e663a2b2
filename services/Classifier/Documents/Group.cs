using System.IO.Enumeration;
using Overture.Platform.Records;

namespace Overture.Classifier.Documents;

/// <summary>What a rule is asked about: facts of the launch, which never change.</summary>
/// <param name="Profile">The launch profile; empty: none.</param>
internal sealed record Subject(string Certname, string Profile, IReadOnlyDictionary<string, string> Labels);

/// <summary>The nodes a group is for: all given conditions must hold; none given: every node.</summary>
/// <param name="Certnames">Globs of * and ?; one of them must match.</param>
/// <param name="Profiles">One of them.</param>
/// <param name="Labels">Each of them.</param>
internal sealed record GroupRule(IReadOnlyList<string> Certnames, IReadOnlyList<string> Profiles,
    IReadOnlyDictionary<string, string> Labels)
{
    public bool Matches(Subject subject) =>
        (Certnames.Count == 0 || Certnames.Any(g => FileSystemName.MatchesSimpleExpression(g, subject.Certname, ignoreCase: false)))
        && (Profiles.Count == 0 || Profiles.Contains(subject.Profile))
        && Labels.All(l => subject.Labels.TryGetValue(l.Key, out var value) && value == l.Value);

    /// <summary>Whether a node can be in both; true where that is undecidable.</summary>
    public bool CanMeet(GroupRule other) =>
        !(Profiles.Count > 0 && other.Profiles.Count > 0 && !Profiles.Intersect(other.Profiles).Any())
        && !Labels.Any(l => other.Labels.TryGetValue(l.Key, out var value) && value != l.Value)
        && (Certnames.Count == 0 || other.Certnames.Count == 0
            || Certnames.Any(mine => other.Certnames.Any(theirs => CanMeet(mine, theirs))));

    private static bool CanMeet(string mine, string theirs) =>
        IsGlob(mine) ? IsGlob(theirs) || FileSystemName.MatchesSimpleExpression(mine, theirs, ignoreCase: false)
        : FileSystemName.MatchesSimpleExpression(theirs, mine, ignoreCase: false);

    private static bool IsGlob(string text) => text.AsSpan().ContainsAny('*', '?');
}

/// <summary>A definition for many nodes.</summary>
/// <param name="Name">Of its own in the document.</param>
/// <param name="Rank">0-9999; a higher one lies over a lower one.</param>
internal sealed record Group(string Name, int Rank, GroupRule Rule, NodeDefinition Content);
