namespace Overture.Console.Fleet;

/// <summary>A filter of the fleet that has a name.</summary>
/// <param name="Address">Of the fleet's page: the same that the page gives itself.</param>
public sealed record FleetView(string Name, string Address)
{
    private const int LongestName = 40, LongestAddress = 500;

    /// <param name="text">NAME=ADDRESS.</param>
    /// <returns>Null: it is none.</returns>
    public static FleetView? Read(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var parts = text.Split('=', 2, StringSplitOptions.TrimEntries);
        return parts is [{ Length: > 0 and <= LongestName } name, { Length: > 2 and <= LongestAddress } address]
            && address.StartsWith("/?", StringComparison.Ordinal)
            && name.Concat(address).All(c => !char.IsControl(c)) ? new(name, address) : null;
    }
}
