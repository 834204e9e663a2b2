using System.ComponentModel;
using System.Globalization;
using Microsoft.Extensions.Configuration;
using Overture.Platform.Faults;
using YamlDotNet.RepresentationModel;

namespace Overture.Platform.Options;

/// <summary>
/// Reads a service's options: the YAML file, then the environment over it. An unknown key is an error, not a surprise later.
/// </summary>
public static class OptionsFile
{
    static OptionsFile() => TypeDescriptor.AddAttributes(typeof(TimeSpan), new TypeConverterAttribute(typeof(DurationConverter)));

    /// <summary>What the variables of a service's options begin with: "OVERTURE_CONDUCTOR__".</summary>
    public static string Prefix(string service) => $"OVERTURE_{service.ToUpperInvariant()}__";

    /// <param name="service">"conductor": names the default file and the environment prefix.</param>
    /// <param name="path">--config; null: /etc/overture/&lt;service&gt;.yaml if it is there.</param>
    /// <exception cref="FaultException">Every problem at once.</exception>
    public static T Load<T>(string service, string? path) where T : ServiceOptions, new() => Load<T>(service, path, o => o.Problems());

    /// <inheritdoc cref="Load{T}(string, string?)"/>
    /// <param name="rules">Every rule that the options break.</param>
    public static T Load<T>(string service, string? path, Func<T, IEnumerable<FieldProblem>> rules) where T : class, new()
    {
        var builder = new ConfigurationBuilder();
        var file = path ?? $"/etc/overture/{service}.yaml";
        if (path is not null || File.Exists(file))
            builder.AddInMemoryCollection(Flatten(file));
        builder.AddEnvironmentVariables(Prefix(service));
        T options;
        try
        {
            options = builder.Build().Get<T>(o => o.ErrorOnUnknownConfiguration = true) ?? new T();
        }
        catch (InvalidOperationException e)
        {
            throw FaultException.Invalid("options", e.InnerException?.Message ?? e.Message);
        }
        var problems = rules(options).ToArray();
        return problems.Length == 0 ? options : throw FaultException.Invalid(problems);
    }

    private static Dictionary<string, string?> Flatten(string file)
    {
        const int largest = 256 * 1024;
        var yaml = new YamlStream();
        try
        {
            if (new FileInfo(file).Length is > largest and var size)
                throw FaultException.Invalid("--config", $"{file} has {size} bytes, and at most {largest} are read");
            using var text = new StringReader(Records.Utf8Text.OfFile(file));
            yaml.Load(text);
        }
        // The parser says InvalidOperationException of some broken documents.
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or Records.NotUtf8Exception
            or YamlDotNet.Core.YamlException or InvalidOperationException)
        {
            throw FaultException.Invalid("--config", $"{file}: {e.Message}");
        }
        var flat = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        if (yaml.Documents.Count > 0)
            Flatten(yaml.Documents[0].RootNode, "", flat);
        return flat;
    }

    private static void Flatten(YamlNode node, string path, Dictionary<string, string?> flat)
    {
        switch (node)
        {
            case YamlMappingNode map:
                foreach (var (key, value) in map.Children)
                    Flatten(value, path.Length == 0 ? $"{key}" : $"{path}:{key}", flat);
                break;
            case YamlSequenceNode list:
                for (var i = 0; i < list.Children.Count; i++)
                    Flatten(list.Children[i], $"{path}:{i}", flat);
                break;
            // A key without a value, as a section all of whose keys are behind a #, is one that is not there.
            case YamlScalarNode { Style: YamlDotNet.Core.ScalarStyle.Plain, Value: null or "" } when path.Length > 0:
                break;
            default:
                flat[path] = ((YamlScalarNode)node).Value;
                break;
        }
    }
}

/// <summary>Durations as people write them: 500ms, 90s, 15m, 12h, 180d.</summary>
public sealed class DurationConverter : TimeSpanConverter
{
    public override object? ConvertFrom(ITypeDescriptorContext? context, CultureInfo? culture, object value) =>
        value is string text ? Parse(text) : base.ConvertFrom(context, culture, value);

    /// <summary>In the largest unit that needs no fraction; not below a millisecond.</summary>
    public static string Text(TimeSpan duration)
    {
        (long Ticks, string Unit)[] units =
            [(TimeSpan.TicksPerDay, "d"), (TimeSpan.TicksPerHour, "h"), (TimeSpan.TicksPerMinute, "m"), (TimeSpan.TicksPerSecond, "s"),
                (TimeSpan.TicksPerMillisecond, "ms")];
        var fits = duration == TimeSpan.Zero ? units[3] : units.First(u => duration.Ticks % u.Ticks == 0);
        return string.Create(CultureInfo.InvariantCulture, $"{duration.Ticks / fits.Ticks}{fits.Unit}");
    }

    public static TimeSpan Parse(string text)
    {
        var digits = text.AsSpan().TrimEnd("mshd");
        if (!long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var count))
            throw new FormatException($"'{text}' is not a duration such as 90s, 15m, 12h or 180d");
        return text[digits.Length..] switch
        {
            "ms" => TimeSpan.FromMilliseconds(count),
            "s" => TimeSpan.FromSeconds(count),
            "m" => TimeSpan.FromMinutes(count),
            "h" => TimeSpan.FromHours(count),
            "d" => TimeSpan.FromDays(count),
            _ => throw new FormatException($"'{text}' is not a duration such as 90s, 15m, 12h or 180d"),
        };
    }
}
