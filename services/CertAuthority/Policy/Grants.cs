namespace Overture.CertAuthority.Policy;

/// <summary>Where a grant comes from: <c>Grant.source</c>.</summary>
internal static class Grants
{
    public const string Launch = "launch", Import = "import", Predecessor = "predecessor", Own = "self";

    public static string Approval(string caller) => $"approval by {caller}";

    public static string Admin(string caller) => $"{AdminPrefix}{caller}";

    public static bool IsAdmin(string source) => source.StartsWith(AdminPrefix, StringComparison.Ordinal);

    private const string AdminPrefix = "admin by ";
}
