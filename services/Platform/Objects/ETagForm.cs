namespace Overture.Platform.Objects;

/// <summary>
/// How a server wants an object's version in If-Match. <see cref="StoreProbe"/> finds it: it is never guessed between two writes.
/// </summary>
public enum ETagForm
{
    /// <summary>As it was answered, in quotes (RFC 9110 §8.8.3).</summary>
    Quoted,
    /// <summary>Without the quotes: Ceph's object gateway compares the header's bytes with the bare hash.</summary>
    Bare,
}

/// <summary>ETags as requests and people need them.</summary>
public static class ETagForms
{
    /// <summary>The same version in this form.</summary>
    public static string Of(this ETagForm form, string etag) => form == ETagForm.Bare ? etag.Trim('"') : etag;

    /// <summary>As messages and answers name it; empty: the store has no such header.</summary>
    public static string Text(this ETagForm? form) => form?.ToString().ToLowerInvariant() ?? "";
}
