using System.Globalization;
using System.Text;
using Overture.Platform.Records;

namespace Overture.Conductor.Launch;

/// <summary>reporter.py for one launch: what an instance says of its first boot, and to whom (docs/first-boot.md). Pure.</summary>
/// <param name="Url">The Conductor's listener as instances reach it.</param>
/// <param name="Token">Of this instance's first-boot reports, and of nothing else.</param>
internal sealed record Reporter(Uri Url, string Token)
{
    private static readonly string Source = Read();

    /// <summary>The program. It removes its own file, with the token in it, when it starts.</summary>
    public string Script(CertName name) => string.Create(CultureInfo.InvariantCulture,
        $"host,port,name,token=\"{Plain(Url.Host)}\",{Url.Port},\"{Plain($"{name}")}\",\"{Plain(Token)}\"\n{Source}");

    // No rule lets another character through; anything else must not reach Python.
    private static string Plain(string value) =>
        value.All(c => char.IsAsciiLetterOrDigit(c) || ".-*".Contains(c, StringComparison.Ordinal)) ? value
            : throw new ArgumentException("a value for the reporter has a character that no rule allows", nameof(value));

    // Without what only its readers need: comments, empty lines, three quarters of the indentation.
    private static string Read()
    {
        using var stream = typeof(Reporter).Assembly.GetManifestResourceStream("reporter.py")
            ?? throw new InvalidOperationException("reporter.py is not in the program");
        using var reader = new StreamReader(stream, Encoding.ASCII);
        var lines = reader.ReadToEnd().ReplaceLineEndings("\n").Split('\n').Select(l => l.TrimEnd())
            .Where(l => l.Length > 0 && l.TrimStart()[0] != '#')
            .Select(l => new string(' ', (l.Length - l.TrimStart().Length) / 4) + l.TrimStart());
        return string.Join('\n', lines) + "\n";
    }
}
