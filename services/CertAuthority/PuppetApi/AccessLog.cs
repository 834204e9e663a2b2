using System.Buffers;
using System.Globalization;
using System.Net;

namespace Overture.CertAuthority.PuppetApi;

/// <summary>Common log format, one line a request; opened anew when somebody has moved the file away.</summary>
internal sealed class AccessLog(CertAuthorityOptions options) : IDisposable
{
    private readonly Lock gate = new();
    private StreamWriter? file;

    public void Write(IPAddress? peer, DateTimeOffset at, string method, string target, string protocol, int status, string bytes)
    {
        if (options.PuppetApi.AccessLog.Length == 0)
            return;
        var time = at.ToString("dd/MMM/yyyy:HH:mm:ss +0000", CultureInfo.InvariantCulture);
        var line = $"{peer?.MapToIPv4Text() ?? "-"} - - [{time}] \"{method} {Escaped(target)} {protocol}\" {status} {bytes}";
        lock (gate)
        {
            if (file is null || !File.Exists(options.PuppetApi.AccessLog))
            {
                file?.Dispose();
                file = new StreamWriter(options.PuppetApi.AccessLog, append: true) { AutoFlush = true, NewLine = "\n" };
            }
            file.WriteLine(line);
        }
    }

    public void Dispose() => file?.Dispose();

    private static readonly SearchValues<char> Plain =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-~%?&=+:,;@!$'()*");

    // A request target holds no control characters (Kestrel refuses them), but may hold quotes.
    private static string Escaped(string target) => !target.AsSpan().ContainsAnyExcept(Plain) ? target :
        string.Concat(target.Select(c => c is '"' or '\\' ? $"\\x{(int)c:x2}" : c is >= ' ' and <= '~' ? $"{c}" : "?"));
}

internal static class PeerText
{
    /// <summary>An IPv4 client of a dual-stack socket as plain IPv4.</summary>
    public static string MapToIPv4Text(this IPAddress address) => (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).ToString();
}
