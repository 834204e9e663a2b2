namespace Overture.Cli.Doctor;

/// <summary>What kind of thing a path is, links followed.</summary>
internal enum HookFileKind
{
    Missing,
    Plain,
    Folder,
}

/// <summary>Owner, group and mode of a file or folder.</summary>
internal sealed record Permissions(uint User, uint Group, UnixFileMode Mode)
{
    /// <summary>As chmod takes it.</summary>
    public string Octal => $"0{Convert.ToString((int)Mode & 0xfff, 8)}";
}

/// <summary>Who a puppetserver runs as.</summary>
/// <param name="Name">puppet, as a rule.</param>
/// <param name="Id">Its number; null: there is no such user.</param>
/// <param name="Group">Number of its own group.</param>
/// <param name="Groups">Numbers of all its groups.</param>
internal sealed record ServerUser(string Name, uint? Id, uint Group, IReadOnlySet<uint> Groups)
{
    private const UnixFileMode Read = UnixFileMode.UserRead, Execute = UnixFileMode.UserExecute;

    public bool MayRead(Permissions of) => May(Read, of);

    /// <summary>Of a folder: may go through it.</summary>
    public bool MayExecute(Permissions of) => May(Execute, of);

    // The first class that a user is in decides, also where a later one would allow more. Root may read all, and execute what anyone may.
    private bool May(UnixFileMode owners, Permissions of) => Id switch
    {
        null => false,
        0 => owners == Read || (of.Mode & (UnixFileMode)0b001_001_001) != 0,
        _ when Id == of.User => (of.Mode & owners) != 0,
        _ when Groups.Contains(of.Group) => (of.Mode & (UnixFileMode)((int)owners >> 3)) != 0,
        _ => (of.Mode & (UnixFileMode)((int)owners >> 6)) != 0,
    };
}

/// <summary>A file that puppet.conf names.</summary>
/// <param name="Path">As it is named there.</param>
/// <param name="Kind">What is there.</param>
/// <param name="Own">Its owner and mode; null: nothing is there.</param>
/// <param name="Above">The folders above it, from / on.</param>
/// <param name="Text">Its beginning, as Latin-1.</param>
/// <param name="Target">The path it leads to, where it is a link; else the same path.</param>
/// <param name="Allowed">What the kernel says when the user itself asks to execute it (of overture.yaml: to read it), which knows of ACLs
/// and every link on the way; null: it could not be asked.</param>
/// <param name="Interpreter">Of a script: what its first line names.</param>
internal sealed record HookFile(string Path, HookFileKind Kind, Permissions? Own, IReadOnlyList<(string Path, Permissions Own)> Above,
    string Text, string Target, bool? Allowed, HookFile? Interpreter = null)
{
    private const UnixFileMode WrittenByOthers = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;

    /// <summary>The first folder that a user may not go through, as far as modes say; null: there is none.</summary>
    public string? Barred(ServerUser user) =>
        Allowed == true ? null : Above.Where(a => !user.MayExecute(a.Own)).Select(a => a.Path).FirstOrDefault();

    /// <summary>The first, of the file and the folders above it, in which others than root may replace it; null: none.</summary>
    /// <param name="harmless">Permissions that give no one else that right.</param>
    public (string Path, Permissions Own)? WrittenBy(Func<Permissions, bool> harmless) =>
        Own is { } own && (own.User != 0 || (own.Mode & WrittenByOthers) != 0) && !harmless(own) ? (Path, own)
            // In a folder with the sticky bit they can't replace what is root's.
            : Above.Where(a => (a.Own.User != 0 || ((a.Own.Mode & WrittenByOthers) != 0 && (a.Own.Mode & UnixFileMode.StickyBit) == 0))
                && !harmless(a.Own)).Select(a => ((string, Permissions)?)a).FirstOrDefault();
}
