using System.Collections.Concurrent;
using Overture.Classifier.Documents;
using Overture.Platform.Records;

namespace Overture.Classifier.Classification;

/// <summary>The last answer that was made for each node: it is good as long as it would be made of the same.</summary>
internal sealed class AnswerCache
{
    private readonly ConcurrentDictionary<CertName, Answer> made = new();

    public Answer? Find(CertName name, AnswerVersions of) =>
        made.TryGetValue(name, out var answer) && answer.Versions == of ? answer : null;

    /// <summary>In place of the one before; beyond the limit it is made at each call.</summary>
    public Answer Keep(CertName name, Answer answer)
    {
        if (made.Count < NodeCache.MaxEntries || made.ContainsKey(name))
            made[name] = answer;
        return answer;
    }

    public void Forget(CertName name) => made.TryRemove(name, out _);
}
