namespace Overture.Cli.Commands;

/// <summary>A file with a secret in it: whole or not at all, and never readable by others, not even for a moment.</summary>
internal static class PrivateFile
{
    public static void Write(string file, string text)
    {
        var full = Path.GetFullPath(file);
        var temporary = full + ".new";
        File.Delete(temporary);
        using (var stream = new FileStream(temporary, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        }))
        {
            stream.Write(System.Text.Encoding.UTF8.GetBytes(text));
        }
        File.Move(temporary, full, overwrite: true);
    }
}
