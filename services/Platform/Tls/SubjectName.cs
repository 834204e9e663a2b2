using System.Globalization;
using System.Text;

namespace Overture.Platform.Tls;

/// <summary>
/// How records name a person of an identity provider: "jo_4f1c9a", a name to read and the provider's subject, which alone is who it is.
/// No certificate's person has a '_' in the name, so the two never meet, whatever name people give themselves at the provider.
/// </summary>
public static class SubjectName
{
    private const int LongestShown = 32, Longest = 160;

    /// <param name="shown">What the provider calls the person; of it [a-z0-9.-] is kept. May be empty.</param>
    /// <param name="subject">Other bytes than [A-Za-z0-9.-] become _ and two hex digits: two subjects never have one name.</param>
    /// <returns>Null: the subject is empty or too long.</returns>
    public static string? Of(string shown, string subject)
    {
        ArgumentNullException.ThrowIfNull(shown);
        ArgumentNullException.ThrowIfNull(subject);
        var name = new StringBuilder();
        foreach (var c in shown.Split('@')[0].ToLowerInvariant().Where(c => IsPlain(c)).Take(LongestShown))
            name.Append(c);
        if (name.Length == 0 || name[0] is '.' or '-')
            name.Insert(0, "person");
        name.Append('_');
        name.Append(Encode(subject));
        return subject.Length == 0 || name.Length > Longest ? null : name.ToString();
    }

    /// <summary>A subject as it is in the name.</summary>
    public static string Encode(string subject)
    {
        ArgumentNullException.ThrowIfNull(subject);
        var name = new StringBuilder();
        foreach (var b in Encoding.UTF8.GetBytes(subject))
        {
            if (IsPlain((char)b))
                name.Append((char)b);
            else
                name.Append(CultureInfo.InvariantCulture, $"_{b:x2}");
        }
        return name.ToString();
    }

    /// <summary>Of a name, the subject as <see cref="Encode"/> writes it; null: it is not of a provider's person.</summary>
    public static string? SubjectOf(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name.IndexOf('_', StringComparison.Ordinal) is > 0 and var at && name[..at].All(IsPlain)
            ? name[(at + 1)..] : null;
    }

    private static bool IsPlain(char c) => char.IsAsciiLetterOrDigit(c) || c is '.' or '-';
}
