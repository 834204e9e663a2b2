using Overture.Platform.Records;

namespace Overture.Cli;

/// <summary>Files of YAML (<see cref="MarkedYaml"/>), and texts from files or stdin.</summary>
internal static class YamlFile
{
    private const int MostBytes = 256 * 1024;

    /// <exception cref="Failure">With the file's name and the line.</exception>
    public static YamlMap Read(string file, int exit, string next)
    {
        try
        {
            return MarkedYaml.Read(Text(file, exit, next)) as YamlMap ?? throw new MarkedYamlException("must be a mapping, KEY: VALUE", 1);
        }
        catch (MarkedYamlException e)
        {
            throw new Failure(exit, $"{file}:{Math.Max(1, e.Line)}: {e.Message}", next);
        }
    }

    /// <exception cref="Failure">With the file's name.</exception>
    public static string Text(string file, int exit, string next = "")
    {
        try
        {
            if (file == "-")
                return Console.In.ReadToEnd();
            return new FileInfo(file).Length <= MostBytes ? File.ReadAllText(file) : throw new Failure(exit, $"{file} has more than 256 KiB", next);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new Failure(exit, e is FileNotFoundException or DirectoryNotFoundException ? $"there is no file {file}" : $"can't read {file}: {e.Message}", next);
        }
    }
}
