using System.Text;
using Overture.CertAuthority.PuppetApi;
using Overture.Platform.Connections;
using Overture.Platform.Records;

namespace Overture.CertAuthority.Storage;

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

    /// <summary>A file that only grows, made if need be; what is written is the kernel's at once.</summary>
    public FileStream OpenToAppend(string file) => new(Path.Combine(path, file), new FileStreamOptions
    {
        Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.ReadWrite, BufferSize = 0,
            UnixCreateMode = OwnerOnly,
    });

    public void Delete(string file) => File.Delete(Path.Combine(path, file));
}
