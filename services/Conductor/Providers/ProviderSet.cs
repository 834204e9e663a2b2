using Overture.Conductor.V1;
using Overture.Records.V1;

namespace Overture.Conductor.Providers;

/// <summary>The providers that are switched on. Those of one name are accounts and regions of one cloud; the first is the default.</summary>
internal sealed class ProviderSet(IEnumerable<IProvider> providers)
{
    private readonly IReadOnlyList<IProvider> all = [.. providers];

    public IReadOnlyCollection<IProvider> All => all;

    public IProvider? Find(string name) => all.FirstOrDefault(p => p.Name == name);

    /// <summary>The one that a launch goes to, which was checked.</summary>
    public IProvider? Find(LaunchSpec spec) => all.FirstOrDefault(p => p.Name == spec.Provider && p.Serves(spec));

    /// <summary>The provider that holds this instance, or null: it belongs to another Conductor, or was registered.</summary>
    public IProvider? HolderOf(LaunchRecord record) => HolderOf(record.Provider, record.Account);

    /// <param name="name">As in the launch record.</param>
    /// <param name="account">As in the launch record.</param>
    public IProvider? HolderOf(string name, string account) => all.FirstOrDefault(p => p.Name == name && p.Account == account);
}
