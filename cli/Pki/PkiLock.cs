namespace Overture.Cli.Pki;

/// <summary>
/// Held while something is signed with the internal CA's key: two that sign lists at once would each lose the other's revocations, and two
/// that issue to one person would replace each other's key. Let go with the process, however it ends.
/// </summary>
public static class PkiLock
{
    /// <param name="home">Its pki/lock is the lock: an empty file that stays.</param>
    /// <returns>Null: another process holds it.</returns>
    /// <exception cref="InvalidOperationException">There is no pki/, or it can't be written.</exception>
    public static FileStream? TryTake(string home)
    {
        try
        {
            // FileShare.None is an exclusive flock.
            return new FileStream(Path.Combine(home, "pki", "lock"), new FileStreamOptions
            {
                Mode = FileMode.OpenOrCreate,
                Access = FileAccess.ReadWrite,
                Share = FileShare.None,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            });
        }
        catch (Exception e) when (e is UnauthorizedAccessException or DirectoryNotFoundException)
        {
            throw new InvalidOperationException(e is DirectoryNotFoundException
                ? $"there is no {Path.Combine(home, "pki", "ca.pem")}: this needs the CA of the internal PKI and its key" : e.Message, e);
        }
        catch (IOException)
        {
            return null;
        }
    }
}
