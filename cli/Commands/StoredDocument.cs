using Overture.Classifier.V1;
using Overture.Cli.Output;
using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>A document as it is stored now, and how to get it back once it was replaced.</summary>
/// <param name="Text">Empty where there is none, or it is no UTF-8.</param>
/// <param name="Version">To give back when it is replaced; empty: there is none.</param>
internal sealed record StoredDocument(string Text, string Version)
{
    /// <summary>Not empty: what is stored is no UTF-8, by this rule and place.</summary>
    public string Unreadable { get; init; } = "";

    /// <summary>When it was written.</summary>
    public string At { get; init; } = "";

    /// <summary>By whom; empty: it was written straight into the bucket.</summary>
    public string Author { get; init; } = "";

    /// <summary>The command that puts it back; empty: no history has it.</summary>
    public string Rollback { get; init; } = "";

    /// <summary>
    /// A node's own definition. All of it is read before anything is written, so that what can't be read changes nothing.
    /// </summary>
    public static async Task<StoredDocument> Node(Session session, string certname, CancellationToken cancel)
    {
        var request = new GetNodeRequest { Certname = certname };
        if (await Found(async () => (await session.Classifier((c, o) => c.GetNodeAsync(request, o), cancel)).Node) is not { } node)
            return new("", "");
        var document = new StoredDocument(node.Definition, node.Etag) { Unreadable = node.Unreadable,
            At = InstanceText.Time(node.UpdatedAt) };
        return await WithHistory(session, document, certname, $"overture node rollback {certname}", cancel);
    }

    public static async Task<StoredDocument> Layers(Session session, CancellationToken cancel)
    {
        var layers = (await session.Classifier((c, o) => c.GetLayersAsync(new GetLayersRequest(), o), cancel)).Layers;
        var document = new StoredDocument(layers.Document, layers.Etag) { Unreadable = layers.Unreadable,
            At = InstanceText.Time(layers.UpdatedAt) };
        return await WithHistory(session, document, "", "overture layers rollback", cancel);
    }

    /// <summary>Profiles have no history.</summary>
    public static async Task<StoredDocument> Profile(Session session, string name, CancellationToken cancel)
    {
        var request = new GetProfileRequest { Name = name };
        if (await Found(async () => (await session.Conductor((c, o) => c.GetProfileAsync(request, o), cancel)).Profile) is not { } profile)
            return new("", "");
        return new(profile.Document, profile.Etag) { Unreadable = profile.Document.Length == 0
            ? string.Join("; ", profile.Problems.Select(p => p.Rule)) : "" };
    }

    /// <summary>Says that this was replaced and how to get it back; what no history has is kept in a file.</summary>
    /// <param name="name">Of the thing, for the file.</param>
    /// <param name="by">The text that replaced it.</param>
    /// <param name="put">The command that puts a file in its place.</param>
    /// <param name="clock">For the file's name.</param>
    public void SayReplaced(string name, string by, string put, TimeProvider clock)
    {
        if (Version.Length == 0 || Text == by)
            return;
        Printer.Say(
            $"replaced version {NodeExplainVerb.Short(Version)}{(At.Length > 0 ? $" of {At}" : "")}"
                + (Author.Length > 0 ? $", by {Author}" : ""));
        if (Unreadable.Length > 0)
            Printer.Say($"it could not be read: it {Unreadable}");
        else
            Printer.Say($"to get it back: {(Rollback.Length > 0 ? Rollback : $"{put} -f {KeptText.Keep(name, Text, clock)}")}");
    }

    private static async Task<StoredDocument> WithHistory(Session session, StoredDocument document, string certname, string rollback,
        CancellationToken cancel)
    {
        if (document.Version.Length == 0)
            return document;
        // The newest page: what is stored now was put or served of late, or it never was.
        var request = new ListHistoryRequest { Certname = certname, PageSize = 50 };
        var entries = (await session.Classifier((c, o) => c.ListHistoryAsync(request, o), cancel)).Entries.Where(
            e => e.Version == document.Version).ToList();
        return document with
        {
            Author = entries.Select(e => e.Author).FirstOrDefault(a => a.Length > 0, ""),
            Rollback = entries.Count > 0 ? $"{rollback} {entries[0].Id}" : "",
        };
    }

    private static async Task<T?> Found<T>(Func<Task<T>> read) where T : class
    {
        try
        {
            return await read();
        }
        catch (Failure failure) when (failure.Exit == ExitCodes.NotFound)
        {
            return null;
        }
    }
}
