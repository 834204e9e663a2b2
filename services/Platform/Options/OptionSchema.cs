using System.Reflection;
using System.Text.Encodings.Web;
using System.Text.Json;
using Overture.Platform.Objects;
using Overture.Platform.Telemetry;

namespace Overture.Platform.Options;

/// <summary>One thing that a service reads when it starts.</summary>
/// <param name="Path">"registry.endpoint", as in the option file, "ec2.accounts.NAME.region" where people choose a name; null: a variable
/// of the environment alone.</param>
/// <param name="Environment">The variable; of a list, that of its first item; of a chosen name, with NAME in its place.</param>
/// <param name="Type">string, bool, int, duration, or "list of string".</param>
/// <param name="Default">Durations as people write them; null: none, or what another option makes it.</param>
/// <param name="Description">What it does and takes, on one line; null: a variable that the standard it comes from describes.</param>
public sealed record OptionEntry(string? Path, string Environment, string Type, object? Default, string? Description = null);

/// <summary>A section of the option file: its own keys and further sections, in the order of the record.</summary>
/// <param name="Path">"registry.sentinel"; empty: the whole file. Its last part is NAME where people choose the name.</param>
/// <param name="Description">On one line; empty where the section's name says all.</param>
/// <param name="Parts">Each an <see cref="OptionEntry"/> or an <see cref="OptionSection"/>.</param>
public sealed record OptionSection(string Path, string Description, IReadOnlyList<object> Parts)
{
    /// <summary>Every option below it.</summary>
    public IEnumerable<OptionEntry> Entries() =>
        Parts.SelectMany(p => p is OptionSection inner ? inner.Entries() : [(OptionEntry)p]);
}

/// <summary>Every option of a service, out of its options record: what --print-options prints. Reads no configuration.</summary>
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
    public static IReadOnlyList<OptionEntry> Of<T>(string service) where T : class, new() =>
        [.. Sections<T>(service).Entries(), .. Variables<T>().Select(name => new OptionEntry(null, name, "string", null))];

    /// <inheritdoc cref="Of{T}"/>
    /// <summary>The option file as a tree.</summary>
    public static OptionSection Sections<T>(string service) where T : class, new() =>
        Section(new T(), "", OptionsFile.Prefix(service), "");

    /// <summary>The standard variables that it reads beside its own.</summary>
    public static IEnumerable<string> Variables<T>() =>
        typeof(T).IsAssignableTo(typeof(ServiceOptions)) ? TelemetrySetup.Variables.Concat(S3Client.Variables) : TelemetrySetup.Variables;

    /// <summary>What --print-options and its arguments print; null: these are no such arguments.</summary>
    public static string? Print<T>(string service, string[] args) where T : class, new() => args switch
    {
        ["--print-options"] or ["--print-options", "--format", "json"] => JsonSerializer.Serialize(Of<T>(service), Json),
        ["--print-options", "--format", "yaml"] => OptionText.Yaml(service, Sections<T>(service)),
        ["--print-options", "--format", "man"] => OptionManual.Page(service, Sections<T>(service), Variables<T>()),
        ["--print-options", "--format", "markdown"] => OptionText.Markdown(Sections<T>(service), Variables<T>()),
        _ => null,
    };

    /// <summary>The arguments of a service or the console, for --help.</summary>
    public static string Usage(string service) =>
        $"""
        usage: [--config FILE | --print-options [--format json|yaml|markdown|man] | --help]
          --config FILE     options of {service}; without it /etc/overture/{service}.yaml, if it is there; the environment goes over it
          --print-options   every option and variable that {service} reads, with type, default and description, as JSON; as YAML: an option
                            file of defaults, each behind a # with its description above; as Markdown: a reference; as man: a page of
                            the manual
        """;

    private static OptionSection Section(object section, string path, string environment, string description)
    {
        var parts = section.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(p => p.SetMethod is { IsPublic: true })
            .Select(p => Part(p, p.GetValue(section),
                (path.Length == 0 ? "" : path + ".") + JsonNamingPolicy.CamelCase.ConvertName(p.Name),
                environment + p.Name.ToUpperInvariant()));
        return new(path, description, [.. parts]);
    }

    private static object Part(PropertyInfo property, object? value, string path, string environment)
    {
        var type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        var description = OptionDescriptions.Of(property);
        if (type == typeof(string) || type == typeof(bool) || type == typeof(int))
        {
            return new OptionEntry(path, environment, type == typeof(int) ? "int" : type == typeof(bool) ? "bool" : "string", value,
                description);
        }
        if (type == typeof(TimeSpan))
        {
            return new OptionEntry(path, environment, "duration", value is TimeSpan duration ? DurationConverter.Text(duration) : null,
                description);
        }
        if (type == typeof(IReadOnlyList<string>))
            return new OptionEntry(path, environment + "__0", "list of string", value, description);
        // Of what people name themselves: the options of each.
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyDictionary<,>))
        {
            var named = Section(Activator.CreateInstance(type.GetGenericArguments()[1])!, path + ".NAME", environment + "__NAME__", "");
            return new OptionSection(path, description, [named]);
        }
        if (value is not null && type.Assembly != typeof(string).Assembly)
            return Section(value, path, environment + "__", description);
        throw new InvalidOperationException($"{path}: no option has the type {type}");
    }
}
