namespace Overture.Conductor.Webhooks;

/// <summary>The webhooks of the options.</summary>
internal sealed class WebhookSet(ConductorOptions options, EventIds ids, TimeProvider clock) : IDisposable
{
    public IReadOnlyList<Webhook> All { get; } = [.. options.Webhooks.OrderBy(w => w.Key, StringComparer.Ordinal)
        .Select(w => new Webhook(w.Key, w.Value, options.Deployment, ids, clock))];

    /// <summary>"chat, tickets".</summary>
    public string NamesText => All.Count == 0 ? "it has none" : string.Join(", ", All.Select(w => w.Name));

    public Webhook? Find(string name) => All.FirstOrDefault(w => w.Name == name);

    public void Dispose()
    {
        foreach (var webhook in All)
            webhook.Dispose();
    }
}
