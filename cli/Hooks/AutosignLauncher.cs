namespace Overture.Cli.Hooks;

/// <summary>
/// The file that puppet.conf's autosign names. A puppetserver that may not execute it reads it as a list of names to sign, and the lines of
/// a binary (or a link to one) sign every request: so the hook is a text of which no line, whole or cut off, can match a name, and the
/// kernel starts the binary by its first line.
/// </summary>
internal static class AutosignLauncher
{
    /// <summary>What the kernel puts behind the binary's path; the launcher's own path and its arguments follow.</summary>
    public const string Argument = "autosign-hook";

    // The kernel reads 256 bytes of the first line; an older one 128.
    private const int MaxFirstLine = 127;

    /// <param name="binary">Absolute path of overture.</param>
    /// <param name="file">Where the launcher will be; for its own words.</param>
    /// <exception cref="Failure">The kernel could not start this path.</exception>
    public static string Text(string binary, string file)
    {
        var first = $"#!{binary} {Argument}";
        if (binary.Any(char.IsWhiteSpace) || first.Length > MaxFirstLine)
        {
            throw Failure.Usage(
                $"{binary} can't be started by a first line: it must have no white space and at most "
                    + $"{MaxFirstLine - Argument.Length - 3} characters", "install overture as /usr/bin/overture");
        }
        // The line with a space in front is none that puppetserver takes, and it repeats it in its log at every request.
        return $"""
            {first}
            # Puppet's policy executable, written by overture hook install. Only the first line counts for the kernel.
            # A puppetserver that may not execute it reads it as a list of names; so each line begins with # or a space.
             puppetserver may not execute this file, so it signs nothing: chmod 0755 {Printable(file)}

            """;
    }

    /// <summary>The command line as a person would type it.</summary>
    public static string CommandLine(string[] given) => string.Join(' ', given is [_, Argument, ..] ? given.Skip(2) : given);

    private static string Printable(string file) => Output.Printable.Line(file);
}
