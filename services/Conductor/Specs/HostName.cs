using System.Net;
using System.Text.RegularExpressions;

namespace Overture.Conductor.Specs;

/// <summary>
/// Names that servers are reached by: RFC 1123 labels, at most 253 characters. They go into configuration files verbatim.
/// </summary>
internal static partial class HostName
{
    /// <summary>A DNS name or an IP address.</summary>
    public static bool IsValid(string text) => IsDns(text) || (IPAddress.TryParse(text, out var address) && address.ToString() == text);

    /// <summary>A DNS name; an address is none.</summary>
    public static bool IsDns(string text) => text.Length is > 0 and <= 253 && Grammar().IsMatch(text) && !IPAddress.TryParse(text, out _);

    [GeneratedRegex(@"\A[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*\z",
        RegexOptions.CultureInvariant)]
    private static partial Regex Grammar();
}
