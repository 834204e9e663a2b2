using Amazon.Runtime;
using Overture.Conductor.V1;
using Overture.Platform.Faults;

namespace Overture.Conductor.Providers.Ec2;

/// <summary>An account of a cloud in one of its regions: a provider of its own.</summary>
/// <param name="Account">As in Ec2Settings.account; empty: the one whose key the Conductor has.</param>
/// <param name="Region">Its region.</param>
/// <param name="IsDefault">Launches that name no region go there.</param>
/// <param name="Label">As in launch records. It must stay the same as long as one of its instances lives.</param>
/// <param name="Role">What to take on there; null: the key is the account's own.</param>
internal sealed record Ec2Site(string Account, string Region, bool IsDefault, string Label, Ec2AccountOptions? Role)
{
    public bool Serves(LaunchSpec spec)
    {
        var (account, region) = (spec.Ec2?.Account ?? "", spec.Ec2?.Region ?? "");
        return account == Account && (region.Length > 0 ? region == Region : IsDefault);
    }
}

/// <summary>The sites of the options: every account in every region that is allowed. Pure.</summary>
internal static class Ec2Sites
{
    /// <summary>The default one first.</summary>
    public static IReadOnlyList<Ec2Site> Of(Ec2Options options) =>
        [.. Account(options, "", options.Region, null),
            .. options.Accounts.OrderBy(a => a.Key, StringComparer.Ordinal)
                .SelectMany(a => Account(options, a.Key, a.Value.Region.Length > 0 ? a.Value.Region : options.Region, a.Value))];

    /// <summary>A label that two sites have; null: none. The options are sound otherwise.</summary>
    public static string? Doubled(Ec2Options options) =>
        Of(options).GroupBy(s => s.Label, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1)?.Key;

    /// <summary>The rules that a launch breaks; fields as in LaunchSpec.</summary>
    public static IEnumerable<FieldProblem> Check(LaunchSpec spec, Ec2Options options)
    {
        var sites = Of(options);
        var (account, region) = (spec.Ec2?.Account ?? "", spec.Ec2?.Region ?? "");
        var ofAccount = sites.Where(s => s.Account == account).ToList();
        if (ofAccount.Count == 0)
        {
            yield return new("ec2.account", options.Accounts.Count == 0 ? "must be empty: the Conductor has no option ec2.accounts"
                : $"must be empty or one of {string.Join(", ", options.Accounts.Keys.Order(StringComparer.Ordinal))} (option ec2.accounts)");
        }
        else if (region.Length > 0 && ofAccount.TrueForAll(s => s.Region != region))
        {
            yield return new("ec2.region",
                $"must be empty or one of {string.Join(", ", ofAccount.Select(s => s.Region))} (option ec2.regions)");
        }
    }

    /// <summary>The options of that site alone.</summary>
    public static Ec2Options At(Ec2Options options, Ec2Site site) => options with { Region = site.Region, Account = site.Label };

    private static IEnumerable<Ec2Site> Account(Ec2Options options, string account, string home, Ec2AccountOptions? role) =>
        options.Regions.Prepend(home).Distinct(StringComparer.Ordinal)
            .Select((region, i) => new Ec2Site(account, region, i == 0, Label(options, account, region, i == 0), role));

    // Without accounts and further regions it is what it always was. An account's number is its own; what it is called here, and its role,
    // may become another's.
    private static string Label(Ec2Options options, string account, string region, bool home) =>
        account.Length > 0 ? $"{options.Accounts[account].Number}/{region}"
        : options.Account.Length == 0 ? $"{(options with { Region = region }).Url.Authority}/{region}"
        : home ? options.Account : $"{options.Account}/{region}";
}
