namespace Overture.Platform.Records;

/// <summary>A file as the kernel tells it from every other, and from itself before it was changed.</summary>
/// <param name="Device">Its file system.</param>
/// <param name="Inode">Its number there.</param>
/// <param name="Size">In bytes.</param>
/// <param name="ChangedSeconds">When it was last changed in any way, since 1970.</param>
/// <param name="ChangedNanoseconds">The rest of that time.</param>
public sealed record FileStamp(ulong Device, ulong Inode, long Size, long ChangedSeconds, uint ChangedNanoseconds);
