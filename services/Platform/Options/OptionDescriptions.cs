using System.Collections.Concurrent;
using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Overture.Platform.Options;

/// <summary>
/// What an options record says of its own properties: the summaries that the compiler writes beside the assembly (Overture.*.xml, shipped
/// with it), so that what people read and what the code says are one text.
/// </summary>
internal static partial class OptionDescriptions
{
    private static readonly ConcurrentDictionary<Assembly, IReadOnlyDictionary<string, XElement>> Read = new();

    /// <summary>One line; a section without a summary of its own has that of its type. Empty: there is none.</summary>
    public static string Of(PropertyInfo property)
    {
        var own = Summary(property.DeclaringType!.Assembly, $"P:{Name(property.DeclaringType)}.{property.Name}");
        var type = property.PropertyType;
        return own.Length > 0 || type.IsGenericType ? own : Summary(type.Assembly, $"T:{Name(type)}");
    }

    private static string Name(Type type) => type.FullName!.Replace('+', '.');

    private static string Summary(Assembly assembly, string member) =>
        Read.GetOrAdd(assembly, Members).TryGetValue(member, out var summary) ? Text(summary) : "";

    private static Dictionary<string, XElement> Members(Assembly assembly)
    {
        var file = Path.ChangeExtension(assembly.Location, ".xml");
        if (!File.Exists(file))
            return [];
        return XDocument.Load(file, LoadOptions.PreserveWhitespace).Descendants("member")
            .Where(m => m.Attribute("name") is not null && m.Element("summary") is not null)
            .ToDictionary(m => m.Attribute("name")!.Value, m => m.Element("summary")!, StringComparer.Ordinal);
    }

    private static string Text(XElement summary) => Spaces().Replace(string.Concat(summary.DescendantNodes().Select(node => node switch
    {
        XText text => text.Value,
        // The name of a property is the option's, but for its first letter.
        XElement { Name.LocalName: "see" } see when see.Attribute("cref")?.Value is ['P', ':', ..] named
            => System.Text.Json.JsonNamingPolicy.CamelCase.ConvertName(named[(named.LastIndexOf('.') + 1)..]),
        XElement { Name.LocalName: "see" } see => see.Attribute("cref")?.Value.Split('.')[^1],
        _ => "",
    })), " ").Trim();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();
}
