using System.Text;
using Overture.Platform.Records;

namespace Overture.CertAuthority.Issuance;

/// <summary>This replica's own small files: the folder is 0700, each file 0600 and replaced whole or not at all.</summary>
internal sealed class StateDirectory
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private readonly string path;

    public StateDirectory(string path)
    {
        this.path = path;
        Directory.CreateDirectory(path, OwnerOnly | UnixFileMode.UserExecute);
    }

    public string? Read(string file)
    {
        var full = Path.Combine(path, file);
        return File.Exists(full) ? File.ReadAllText(full) : null;
    }

    public void Write(string file, string text) => PrivateFile.Write(Path.Combine(path, file), text);

    public void Delete(string file) => File.Delete(Path.Combine(path, file));
}
