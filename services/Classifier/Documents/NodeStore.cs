using System.Text;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;

namespace Overture.Classifier.Documents;

/// <summary>A definition as stored in the bucket, valid or not.</summary>
internal sealed record StoredNode(CertName Certname, string Document, string ETag, DateTimeOffset UpdatedAt)
{
    /// <summary>Not empty: it is no UTF-8, by this rule and place, and the document is left empty.</summary>
    public string Unreadable { get; init; } = "";
}

/// <summary>Facts of a launch, which never change.</summary>
/// <param name="Profile">Empty: none.</param>
/// <param name="Role">Empty: an ordinary node.</param>
internal sealed record LaunchFacts(string TraceParent, string Profile, IReadOnlyDictionary<string, string> Labels, string Role,
    IReadOnlyCollection<string> DnsAltNames);

/// <summary>nodes/&lt;certname&gt; in the object store, and what else there says whether a node may be answered for.</summary>
internal sealed class NodeStore(ObjectStore store)
{

    public async Task<StoredNode?> Find(CertName name, CancellationToken cancel)
    {
        var found = await store.Get(ObjectKeys.Node(name), cancel);
        if (found is null)
            return null;
        try
        {
            return new StoredNode(name, Utf8Text.Read(found.Body), found.ETag, found.LastModified);
        }
        catch (NotUtf8Exception e)
        {
            return new StoredNode(name, "", found.ETag, found.LastModified) { Unreadable = e.Message };
        }
    }

    /// <summary>Certname order, after the given one.</summary>
    public async Task<IReadOnlyList<StoredNode>> Page(CertName? after, int count, CancellationToken cancel)
    {
        var page = new List<StoredNode>(count);
        await foreach (var key in store.List(ObjectKeys.Nodes, after is { } last ? ObjectKeys.Node(last) : null, cancel))
        {
            if (CertName.TryParse(key[ObjectKeys.Nodes.Length..], out var name, out _) && await Listed(name, cancel) is { } node)
                page.Add(node);
            if (page.Count == count)
                break;
        }
        return page;
    }

    // One that can't be read hides no other; the store says which it is.
    private async Task<StoredNode?> Listed(CertName name, CancellationToken cancel)
    {
        try
        {
            return await Find(name, cancel);
        }
        catch (UnreadableObjectException)
        {
            return null;
        }
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
            {
                return $"{block.Kind.ToString().ToLowerInvariant()} at {block.At.ToDateTimeOffset():yyyy-MM-dd'T'HH:mm:ss'Z'}: "
                    + $"{block.Sentence}";
            }
        }
        string? end = null;
        await foreach (var key in store.List(ObjectKeys.FactsOf(name), null, cancel))
        {
            if (key == ObjectKeys.Fact(name, InstanceEvents.Terminating) || key == ObjectKeys.Fact(name, InstanceEvents.Terminated))
                end = $"the instance is {key[ObjectKeys.FactsOf(name).Length..]}";
        }
        return end;
    }

    /// <summary>
    /// What groups go by; null for a node that was not launched here. Not verified: an attacker who can forge it can write the definition
    /// itself.
    /// </summary>
    /// <exception cref="FaultException">DEFINITION_INVALID: the record is damaged, so the groups are unknown.</exception>
    public async Task<LaunchFacts?> LaunchOf(CertName name, CancellationToken cancel)
    {
        try
        {
            if (await store.Get<Overture.Records.V1.SignedLaunch>(ObjectKeys.Launch(name), cancel) is not { } signed)
                return null;
            var record = store.Read<Overture.Records.V1.LaunchRecord>(ObjectKeys.Launch(name), signed.Payload.ToByteArray());
            return new LaunchFacts(record.Traceparent, record.Profile, record.Labels, record.Role, record.DnsAltNames);
        }
        catch (Exception e) when (e is InvalidDataException or UnreadableObjectException)
        {
            throw new FaultException(FaultKind.Precondition, Reason.DefinitionInvalid,
                $"the launch record of {name} is damaged, so its groups are unknown");
        }
    }
}
