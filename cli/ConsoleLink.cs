using System.Net;
using System.Text.RegularExpressions;
using Overture.Platform.Records;

namespace Overture.Cli;

/// <summary>The one-time link that the console answers with: which ones are opened or printed, and how a browser gets one unseen.</summary>
internal static partial class ConsoleLink
{
    /// <param name="text">As the console says it.</param>
    /// <param name="console">HOST:PORT of the configuration.</param>
    /// <returns>Null: it is not HTTPS to that very host and port, or no one-time link. It is not to be opened nor shown.</returns>
    public static Uri? Read(string text, string console) =>
        Whole().IsMatch(text) && Uri.TryCreate(text, UriKind.Absolute, out var link)
            && Uri.TryCreate($"https://{console}", UriKind.Absolute, out var known)
            && link.Scheme == Uri.UriSchemeHttps && link.UserInfo.Length == 0 && link.PathAndQuery.Length
            + link.Fragment.Length == link.AbsolutePath.Length
            && Entrance().IsMatch(link.AbsolutePath) && link.Port == known.Port
            && link.IdnHost.Equals(known.IdnHost, StringComparison.OrdinalIgnoreCase)
            ? link : null;

    /// <summary>
    /// A page that leads to the link, for the user's own eyes: a command line, which names only the file, can be read by everyone on the
    /// machine. The next one replaces it.
    /// </summary>
    /// <param name="link">As <see cref="Read"/> took it.</param>
    /// <param name="directory">Made with mode 0700, or brought to it.</param>
    /// <returns>The file, mode 0600.</returns>
    /// <exception cref="IOException">It can't be written; also UnauthorizedAccessException.</exception>
    public static string WritePage(Uri link, string directory)
    {
        PrivateFile.MakeDirectory(directory);
        File.SetUnixFileMode(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var file = Path.Combine(directory, "sign-in.html");
        var address = WebUtility.HtmlEncode(link.AbsoluteUri);
        PrivateFile.Write(file, $"<!DOCTYPE html><meta charset=\"utf-8\"><meta name=\"referrer\" content=\"no-referrer\">"
            + $"<meta http-equiv=\"refresh\" content=\"0;url={address}\"><title>Overture</title><a href=\"{address}\">To the console</a>\n");
        return file;
    }

    /// <summary>The user's own folder for it: below XDG_RUNTIME_DIR, else XDG_CACHE_HOME, else ~/.cache.</summary>
    public static string Directory => Path.Combine(Variable("XDG_RUNTIME_DIR") ?? Variable("XDG_CACHE_HOME")
        ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"), "overture");

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { } path && Path.IsPathRooted(path)
        ? path : null;

    // What is printed has nothing that a terminal acts on.
    [GeneratedRegex(@"^[!-~]+\z")]
    private static partial Regex Whole();

    [GeneratedRegex(@"^/enter/[A-Za-z0-9_-]{43,4096}\z")]
    private static partial Regex Entrance();
}
