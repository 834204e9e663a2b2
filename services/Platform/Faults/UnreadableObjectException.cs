using Overture.Platform.Objects;

namespace Overture.Platform.Faults;

/// <summary>
/// An object that is there and can't be read: truncated, empty, of another kind, or larger than any of its kind
/// (<see cref="ObjectSizes"/>). Nothing is decided from it. A sweep or a listing passes it over; a request that needs it is answered
/// OBJECT_UNREADABLE.
/// </summary>
public sealed class UnreadableObjectException(string key, string why, Exception? inner = null) : Exception($"the object {key} {why}", inner)
{
    /// <summary>Which one.</summary>
    public string Key => key;

    /// <summary>What is wrong, as the rest of a sentence that begins with the key.</summary>
    public string Why => why;

    /// <summary>Takes the place of the ETag of what is too large to be read; empty: it was read.</summary>
    public string Version { get; init; } = "";
}
