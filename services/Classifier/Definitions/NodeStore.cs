using System.Text;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;

namespace Overture.Classifier.Definitions;

/// <summary>A definition as it lies in the bucket: whatever a person wrote there, valid or not.</summary>
public sealed record StoredNode(CertName Certname, string Document, string ETag, DateTimeOffset UpdatedAt);

/// <summary>Facts of a launch, which never change.</summary>
/// <param name="Profile">Empty: none.</param>
public sealed record LaunchFacts(string TraceParent, string Profile, IReadOnlyDictionary<string, string> Labels);

/// <summary>nodes/&lt;certname&gt; in the object store, and what else there says whether a node may be answered for.</summary>
public sealed class NodeStore(ObjectStore store)
{
    private const string Terminating = "terminating", Terminated = "terminated";

    public async Task<StoredNode?> Find(CertName name, CancellationToken cancel)
    {
        var found = await store.Get(ObjectKeys.Node(name), cancel);
        return found is null ? null : new StoredNode(name, Encoding.UTF8.GetString(found.Body), found.ETag, found.LastModified);
    }

    /// <summary>Certname order, after the given one.</summary>
    public async Task<IReadOnlyList<StoredNode>> Page(CertName? after, int count, CancellationToken cancel)
    {
        var page = new List<StoredNode>(count);
        await foreach (var key in store.List(ObjectKeys.Nodes, after is { } last ? ObjectKeys.Node(last) : null, cancel))
        {
            if (CertName.TryParse(key[ObjectKeys.Nodes.Length..], out var name, out _) && await Find(name, cancel) is { } node)
                page.Add(node);
            if (page.Count == count)
                break;
        }
        return page;
    }

    /// <param name="name">Whose definition.</param>
    /// <param name="document">The YAML.</param>
    /// <param name="etag">Version it replaces; empty: create.</param>
    /// <param name="cancel">Stops the wait; the write may have happened.</param>
    public async Task<PutOutcome> Put(CertName name, string document, string etag, CancellationToken cancel)
    {
        var body = (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(document);
        return etag.Length == 0
            ? await store.PutIfAbsent(ObjectKeys.Node(name), body, cancel)
            : await store.PutIfMatch(ObjectKeys.Node(name), body, etag, cancel);
    }

    /// <summary>Why this node is not to be answered for (revoked, contested, terminated), or null.</summary>
    public async Task<string?> Obstacle(CertName name, CancellationToken cancel)
    {
        await foreach (var key in store.List(ObjectKeys.BlocksOf(name), null, cancel))
        {
            if (await store.Get<Overture.Records.V1.Block>(key, cancel) is { } block)
                return $"{block.Kind.ToString().ToLowerInvariant()} at {block.At.ToDateTimeOffset():yyyy-MM-dd'T'HH:mm:ss'Z'}: {block.Sentence}";
        }
        string? end = null;
        await foreach (var key in store.List(ObjectKeys.FactsOf(name), null, cancel))
        {
            if (key == ObjectKeys.Fact(name, Terminating) || key == ObjectKeys.Fact(name, Terminated))
                end = $"the instance is {key[ObjectKeys.FactsOf(name).Length..]}";
        }
        return end;
    }

    /// <summary>What groups go by; null for a node that was not launched here. Not verified: whoever can forge it can write the definition itself.</summary>
    /// <exception cref="FaultException">DEFINITION_INVALID: the record is damaged, so nobody knows the groups.</exception>
    public async Task<LaunchFacts?> LaunchOf(CertName name, CancellationToken cancel)
    {
        try
        {
            if (await store.Get<Overture.Records.V1.SignedLaunch>(ObjectKeys.Launch(name), cancel) is not { } signed)
                return null;
            var record = RecordJson.Read<Overture.Records.V1.LaunchRecord>(signed.Payload.Span);
            return new LaunchFacts(record.Traceparent, record.Profile, record.Labels);
        }
        catch (InvalidDataException)
        {
            throw new FaultException(FaultKind.Precondition, Reason.DefinitionInvalid, $"the launch record of {name} is damaged, so nobody knows which groups it is in");
        }
    }
}
