using System.Security.Cryptography;
using Overture.Records.V1;

namespace Overture.CertAuthority.Audit;

/// <summary>
/// All streams together: each by itself, then against every head that was seen (another replica, this one's own memory, the operator),
/// because a chain can't show that its own end was cut off. No I/O.
/// </summary>
/// <param name="keyOf">The key of an id, if the CA vouches for it as that stream's.</param>
/// <param name="acts">Takes what the records say; null where not needed.</param>
internal sealed class AuditLogCheck(Func<string, string, ECDsa?> keyOf, RecordedActs? acts = null)
{
    private readonly SortedDictionary<string, AuditStreamCheck> streams = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Stream, long Sequence, string Head), string> seen = [];
    private readonly List<string> problems = [];

    public long Batches { get; private set; }
    public long Records => streams.Values.Sum(s => s.Records);
    public IEnumerable<AuditHead> Heads => streams.Values.Where(s => s.Last > 0).Select(s => s.Head);
    public IReadOnlyList<string> Problems => problems;

    /// <summary>One object below audit/; within a stream in the order of their names.</summary>
    /// <param name="links">Take the heads of other streams in it as seen.</param>
    public void Read(string path, ReadOnlySpan<byte> body, bool links = true)
    {
        if (path.Split('/') is not [_, var service, var replica, var name])
        {
            problems.Add($"{path}: no batch has such a name");
            return;
        }
        Batches++;
        var stream = StreamOf($"{service}/{replica}");
        if (stream.Read(name, body) is not { } batch)
            return;
        foreach (var text in batch.Records)
            acts?.Take(text);
        if (!links)
            return;
        foreach (var other in batch.Others)
            Expect(other, $"batch {batch.Sequence} of {stream.Stream}");
    }

    /// <summary>How far each stream was read.</summary>
    public IEnumerable<(string Stream, long Last)> Positions => streams.Select(s => (s.Key, s.Value.Last));

    /// <summary>This head was there once.</summary>
    /// <param name="source">Who saw it.</param>
    public void Expect(AuditHead head, string source)
    {
        StreamOf(head.Stream);
        seen.TryAdd((head.Stream, head.Sequence, head.HeadSha256), source);
    }

    /// <summary>A problem found elsewhere.</summary>
    public void Add(string problem) => problems.Add(problem);

    /// <summary>Compares the streams with every head that was seen.</summary>
    public void Settle()
    {
        foreach (var stream in seen.GroupBy(s => s.Key.Stream).OrderBy(g => g.Key, StringComparer.Ordinal))
        {
            var found = StreamOf(stream.Key);
            // Of a tail that is gone, the furthest head seen says it all.
            var furthest = stream.MaxBy(s => s.Key.Sequence);
            if (furthest.Key.Sequence > found.Last)
            {
                problems.Add(found.Last == 0
                    ? $"{stream.Key}: the whole stream is gone; {furthest.Value} saw its batch {furthest.Key.Sequence}"
                    : $"{stream.Key}: cut off after batch {found.Last}; {furthest.Value} saw its batch {furthest.Key.Sequence}");
            }
            foreach (var (head, source) in stream.Where(
                s => s.Key.Sequence <= found.Last && found.HeadOf(s.Key.Sequence) is { } stands && stands != s.Key.Head))
            {
                problems.Add($"{stream.Key} batch {head.Sequence}: is not the one that {source} saw");
            }
        }
    }

    private AuditStreamCheck StreamOf(string stream)
    {
        if (!streams.TryGetValue(stream, out var check))
            streams[stream] = check = new AuditStreamCheck(stream, kid => keyOf(kid, stream), problems.Add);
        return check;
    }
}
