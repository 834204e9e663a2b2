using System.Reflection;
using System.Text.Encodings.Web;
using System.Text.Json;
using Overture.Platform.Objects;
using Overture.Platform.Telemetry;

namespace Overture.Platform.Options;

/// <summary>One thing that a service reads when it starts.</summary>
/// <param name="Path">"registry.endpoint", as in the option file, "ec2.accounts.NAME.region" where people choose a name; null: a variable of
/// the environment alone.</param>
/// <param name="Environment">The variable; of a list, that of its first item; of a chosen name, with NAME in its place.</param>
/// <param name="Type">string, bool, int, duration, or "list of string".</param>
/// <param name="Default">Durations as people write them; null: none, or what another option makes it.</param>
public sealed record OptionEntry(string? Path, string Environment, string Type, object? Default);

/// <summary>Every option of a service, out of its options record: what --print-options prints. Reads no file and no environment.</summary>
public static class OptionSchema
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <param name="service">"conductor": names the variables.</param>
    /// <exception cref="InvalidOperationException">A property has a type that no option has.</exception>
    public static IReadOnlyList<OptionEntry> Of<T>(string service) where T : new() =>
    [
        .. Options(new T()!, "", OptionsFile.Prefix(service)),
        // Who keeps no records reads none of the object store's.
        .. TelemetrySetup.Variables.Concat(typeof(T).IsSubclassOf(typeof(ServiceOptions)) ? S3Client.Variables : [])
            .Select(name => new OptionEntry(null, name, "string", null)),
    ];

    /// <summary>A JSON array of <see cref="OptionEntry"/>, a name and its value a line.</summary>
    public static string Print<T>(string service) where T : new() => JsonSerializer.Serialize(Of<T>(service), Json);

    private static IEnumerable<OptionEntry> Options(object section, string path, string environment) =>
        section.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.SetMethod is { IsPublic: true })
            .SelectMany(p => Options(p, p.GetValue(section), path + JsonNamingPolicy.CamelCase.ConvertName(p.Name),
                environment + p.Name.ToUpperInvariant()));

    private static IEnumerable<OptionEntry> Options(PropertyInfo property, object? value, string path, string environment)
    {
        var type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        if (type == typeof(string) || type == typeof(bool) || type == typeof(int))
            return [new(path, environment, type == typeof(int) ? "int" : type == typeof(bool) ? "bool" : "string", value)];
        if (type == typeof(TimeSpan))
            return [new(path, environment, "duration", value is TimeSpan duration ? DurationConverter.Text(duration) : null)];
        if (type == typeof(IReadOnlyList<string>))
            return [new(path, environment + "__0", "list of string", value)];
        // Of what people name themselves: the options of each.
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyDictionary<,>))
            return Options(Activator.CreateInstance(type.GetGenericArguments()[1])!, path + ".NAME.", environment + "__NAME__");
        if (value is not null && type.Assembly != typeof(string).Assembly)
            return Options(value, path + ".", environment + "__");
        throw new InvalidOperationException($"{path}: no option has the type {type}");
    }
}
