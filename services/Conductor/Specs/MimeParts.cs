using System.Text;
using Overture.Platform.Faults;

namespace Overture.Conductor.Specs;

/// <summary>
/// User data of more than a cloud-config: MIME multipart, the cloud-config first, then the user's scripts, which cloud-init runs at the end
/// of the first boot in the order of their file names, after runcmd. Pure: the same parts give the same bytes.
/// </summary>
internal static class MimeParts
{
    private const int MaxScripts = 50;

    /// <summary>The rules that scripts break; fields as in LaunchSpec.</summary>
    public static IEnumerable<FieldProblem> Check(IReadOnlyList<string> scripts)
    {
        if (scripts.Count > MaxScripts)
            yield return new("scripts", $"must be at most {MaxScripts}");
        for (var i = 0; i < scripts.Count; i++)
        {
            if (!scripts[i].StartsWith("#!", StringComparison.Ordinal))
                yield return new($"scripts[{i}]", "must begin with #! and an interpreter, e.g. #!/bin/sh");
            if (scripts[i].Any(c => char.IsControl(c) && c is not ('\n' or '\t')))
                yield return new($"scripts[{i}]", "must be a text: no control characters but tabs and line ends (\\n alone)");
        }
    }

    /// <param name="cloudConfig">ASCII alone.</param>
    /// <param name="scripts">That passed <see cref="Check"/>.</param>
    public static string Write(string cloudConfig, IReadOnlyList<string> scripts)
    {
        var parts = scripts.Select((s, i) => Part("text/x-shellscript", $"user-script-{i + 1:00}", s))
            .Prepend(Part("text/cloud-config", "overture.yaml", cloudConfig)).ToList();
        var boundary = Enumerable.Range(0, int.MaxValue).Select(n => $"overture-{n}")
            .First(b => !parts.Exists(p => p.Contains(b, StringComparison.Ordinal)));
        var text = new StringBuilder($"Content-Type: multipart/mixed; boundary=\"{boundary}\"\nMIME-Version: 1.0\n\n");
        foreach (var part in parts)
            text.Append("--").Append(boundary).Append('\n').Append(part).Append('\n');
        return text.Append("--").Append(boundary).Append("--\n").ToString();
    }

    // cloud-init takes the document apart as ASCII: anything else has to be wrapped, or it is garbled.
    private static string Part(string type, string file, string body) =>
        $"Content-Type: {type}; charset=\"utf-8\"\nContent-Disposition: attachment; filename=\"{file}\"\n"
        + (Ascii.IsValid(body) ? $"\n{body}"
            : "Content-Transfer-Encoding: base64\n\n"
                + Convert.ToBase64String(Encoding.UTF8.GetBytes(body), Base64FormattingOptions.InsertLineBreaks)
                    .Replace("\r\n", "\n", StringComparison.Ordinal));
}
