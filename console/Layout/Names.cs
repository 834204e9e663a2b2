namespace Overture.Console.Layout;

/// <summary>A certname in two parts: what people say, and the rest.</summary>
internal static class Names
{
    private const int Said = 8;

    /// <summary>The first 8 digits of a UUID; else all of it.</summary>
    public static string Short(string certname) => Guid.TryParseExact(certname, "D", out _) ? certname[..Said] : certname;

    public static string Rest(string certname) => certname[Short(certname).Length..];
}
