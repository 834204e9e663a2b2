using Overture.Conductor.V1;
using Overture.Records.V1;

namespace Overture.Conductor.Providers;

/// <summary>
/// The providers that are switched on. Those of one name are accounts and regions of one cloud; the first is the default.
/// </summary>
internal sealed class ProviderSet(IEnumerable<IProvider> providers)
{
    private readonly IReadOnlyList<IProvider> all = [.. providers];

    public IReadOnlyCollection<IProvider> All => all;

    public IProvider? Find(string name) => all.FirstOrDefault(p => p.Name == name);

    /// <summary>The one that a launch goes to, which was checked.</summary>
    public IProvider? Find(LaunchSpec spec) => all.FirstOrDefault(p => p.Name == spec.Provider && p.Serves(spec));

    /// <summary>The provider that holds this instance, or null: it belongs to another Conductor, or was registered.</summary>
    public IProvider? HolderOf(LaunchRecord record) => HolderOf(record.Provider, record.Account, record.Region);

    /// <param name="name">As in the launch record.</param>
    /// <param name="account">As in the launch record.</param>
    /// <param name="region">As in the launch record; empty: it has none.</param>
    public IProvider? HolderOf(string name, string account, string region) => all.FirstOrDefault(p => Holds(p, name, account, region));

    /// <summary>Whether what was launched there is this provider's. The region behind a label may be another since.</summary>
    public static bool Holds(IProvider provider, string name, string account, string region) => provider.Name == name
        && provider.Account == account && (region.Length == 0 || provider.Region.Length == 0 || provider.Region == region);
}
