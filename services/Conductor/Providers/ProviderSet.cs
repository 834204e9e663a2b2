using Overture.Records.V1;

namespace Overture.Conductor.Providers;

/// <summary>The providers that are switched on.</summary>
internal sealed class ProviderSet(IEnumerable<IProvider> providers)
{
    private readonly Dictionary<string, IProvider> byName = providers.ToDictionary(p => p.Name, StringComparer.Ordinal);

    public IProvider? Find(string name) => byName.GetValueOrDefault(name);

    public IReadOnlyCollection<IProvider> All => byName.Values;

    /// <summary>The provider that holds this instance, or null: it belongs to another Conductor, or was registered.</summary>
    public IProvider? HolderOf(LaunchRecord record) => HolderOf(record.Provider, record.Account);

    /// <param name="name">As in the launch record.</param>
    /// <param name="account">As in the launch record.</param>
    public IProvider? HolderOf(string name, string account) =>
        Find(name) is { } provider && provider.Account == account ? provider : null;
}
