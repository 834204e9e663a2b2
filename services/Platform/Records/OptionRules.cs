namespace Overture.Platform.Records;

/// <summary>Rules that several options share.</summary>
public static class OptionRules
{
    /// <summary>IP address and port.</summary>
    public static bool IsEndpoint(string text) => System.Net.IPEndPoint.TryParse(text, out var end) && end.Port > 0;

    /// <summary>Host name or address, and port.</summary>
    public static bool IsHostPort(string text)
    {
        var colon = text.LastIndexOf(':');
        return colon > 0 && int.TryParse(text.AsSpan(colon + 1), out var port) && port is > 0 and < 65536;
    }

    private const long LargestFile = 1024 * 1024;

    /// <summary>
    /// The rule a path to a readable file breaks, or null. Certificates, keys and passwords are small: more than 1 MiB is another file.
    /// </summary>
    public static string? FileProblem(string path) =>
        path.Length == 0 ? "must be set"
        : !File.Exists(path) ? $"no such file: {path}"
        : new FileInfo(path).Length is > LargestFile and var size ? $"{path} has {size} bytes, and at most {LargestFile} are read"
        : null;

    public static string? DirectoryProblem(string path) =>
        path.Length == 0 ? "must be set" : Directory.Exists(path) ? null : $"no such directory: {path}";
}
