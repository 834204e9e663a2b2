using Overture.Platform.Records;

namespace Overture.Cli;

/// <summary>Files of YAML (<see cref="PositionedYaml"/>), and texts from files or stdin: UTF-8, whatever the locale says.</summary>
internal static class YamlFile
{
    private const int MaxBytes = 256 * 1024;

    /// <exception cref="Failure">With the file's name and the line.</exception>
    public static YamlMap Read(string file, int exit, string next)
    {
        try
        {
            return PositionedYaml.Read(Text(file, exit, next)) as YamlMap
                ?? throw new PositionedYamlException("must be a mapping, KEY: VALUE", 1);
        }
        catch (PositionedYamlException e)
        {
            throw new Failure(exit, $"{file}:{Math.Max(1, e.Line)}: {e.Message}", next);
        }
    }

    /// <exception cref="Failure">With the file's name, and the line of what is not UTF-8.</exception>
    public static string Text(string file, int exit, string next = "")
    {
        try
        {
            using var stream = file == "-" ? Console.OpenStandardInput() : File.OpenRead(file);
            // One byte more than may be: neither a device nor a pipe says how long it is.
            var bytes = new byte[MaxBytes + 1];
            var read = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            return read <= MaxBytes ? Utf8Text.Read(bytes.AsSpan(0, read)) : throw new Failure(exit, $"{file} has more than 256 KiB", next);
        }
        catch (NotUtf8Exception e)
        {
            throw new Failure(exit, $"{file}:{e.Line}: {e.Rule}, byte {e.Column} of the line", next);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new Failure(exit, e is FileNotFoundException or DirectoryNotFoundException
                ? $"there is no file {file}" : $"can't read {file}: {e.Message}", next);
        }
    }
}
