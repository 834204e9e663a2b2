using System.Text;
using System.Text.RegularExpressions;
using Overture.CertAuthority.PuppetApi;

namespace Overture.CertAuthority.Tests.Threats;

/// <summary>Looks for secrets, plain and in base64 at any alignment, in all that a CertAuthority says, logs and stores.</summary>
public sealed partial class SecretSearch(RunningCa ca)
{
    private readonly List<string> forms = ["CERTIFICATE REQUEST-----", "PRIVATE KEY-----"];
    private readonly int logLines = ca.Options.Log.Lines.Count;
    private readonly int accessChars = ca.AccessLog.Length;

    public void Add(string secret)
    {
        forms.Add(secret);
        // Three alignments; the ends depend on the neighbours, so they are left away.
        for (var shift = 0; shift < 3; shift++)
        {
            var text = Convert.ToBase64String(Encoding.UTF8.GetBytes(new string(' ', shift) + secret));
            forms.Add(text[(shift == 0 ? 0 : 4)..^4]);
        }
    }

    /// <param name="from">What was written before is of another test.</param>
    /// <param name="answers">Status, headers and body of each.</param>
    public void FindNothing(DateTimeOffset from, IEnumerable<string> answers)
    {
        foreach (var answer in answers)
            Clean(answer, "an answer");
        foreach (var line in ca.Options.Log.Lines.Skip(logLines))
            Clean(line, "the log");
        Clean(ca.AccessLog[accessChars..], "the access log");
        foreach (var file in Directory.EnumerateFiles(ca.House.Bucket, "*", SearchOption.AllDirectories)
            .Where(f => File.GetLastWriteTimeUtc(f) >= from.UtcDateTime.AddSeconds(-1)))
        {
            Clean(File.ReadAllText(file), file);
        }
    }

    public static IEnumerable<string> TokensIn(string text) => Token().Matches(text).Select(m => m.Value);

    public void Clean(string text, string where)
    {
        foreach (var form in forms)
            Assert.False(text.Contains(form, StringComparison.Ordinal), $"{where} holds a secret: {form}");
        Assert.DoesNotContain(TokensIn(text), ca.House.IsToken);
    }

    [GeneratedRegex("[a-z2-7]{52}")]
    private static partial Regex Token();
}
