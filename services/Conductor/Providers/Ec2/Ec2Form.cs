using System.Text;

namespace Overture.Conductor.Providers.Ec2;

/// <summary>
/// The body of a request. A space is "+": servers that encode the form again before they check the signature refuse "%20".
/// </summary>
internal static class Ec2Form
{
    public static string Encode(IEnumerable<KeyValuePair<string, string>> fields)
    {
        var body = new StringBuilder();
        foreach (var (name, value) in fields)
        {
            if (body.Length > 0)
                body.Append('&');
            body.Append(Escape(name)).Append('=').Append(Escape(value));
        }
        return body.ToString();
    }

    private static string Escape(string text) => Uri.EscapeDataString(text).Replace("%20", "+", StringComparison.Ordinal);
}
