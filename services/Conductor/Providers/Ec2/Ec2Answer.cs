using System.Globalization;
using System.Xml;
using System.Xml.Linq;

namespace Overture.Conductor.Providers.Ec2;

/// <summary>
/// Reads the EC2 API's XML by local names alone: name spaces and roots differ between servers. A DTD or too much of it is no answer.
/// </summary>
internal static class Ec2Answer
{
    /// <summary>The most characters that an answer may have.</summary>
    public const int Limit = 8 * 1024 * 1024;

    private const int Deepest = 64;

    /// <returns>The root; null: it is not XML that we read.</returns>
    public static XElement? Read(string body)
    {
        var settings = new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null,
            MaxCharactersInDocument = Limit };
        try
        {
            // Elements are walked by recursion later.
            using (var depth = XmlReader.Create(new StringReader(body), settings))
            {
                while (depth.Read())
                {
                    if (depth.Depth > Deepest)
                        return null;
                }
            }
            using var reader = XmlReader.Create(new StringReader(body), settings);
            return XElement.Load(reader);
        }
        catch (XmlException)
        {
            return null; // the caller treats it as an answer without a code
        }
    }

    private const string NoCode = "Http";

    /// <summary>Of <see cref="Code"/>: the answer had none, so another than the API may have given it.</summary>
    public static bool HasNoCode(string code) => code.StartsWith(NoCode, StringComparison.Ordinal);

    /// <summary>The first Code anywhere in it, else <c>Http&lt;status&gt;</c> (an HTML page, a bare 400).</summary>
    public static string Code(string body, int status)
    {
        var code = Read(body)?.DescendantsAndSelf().FirstOrDefault(e => e.Name.LocalName == "Code")?.Value.Trim();
        return string.IsNullOrEmpty(code) ? NoCode + status.ToString(CultureInfo.InvariantCulture) : code;
    }
}
