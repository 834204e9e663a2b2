using System.Collections;
using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;
using Overture.Platform.Faults;
using Overture.Platform.Options;
using Xunit;

namespace Overture.TestSupport;

/// <summary>
/// What a service's own process prints for --print-options, held against its options record, the binder, and the documents.
/// </summary>
public sealed partial class PrintedOptions
{
    private readonly string service, binary;
    private readonly List<OptionEntry> entries;

    private PrintedOptions(string service, string binary, List<OptionEntry> entries) =>
        (this.service, this.binary, this.entries) = (service, binary, entries);

    /// <param name="service">"conductor".</param>
    /// <param name="project">"services/Conductor".</param>
    /// <param name="assembly">"Overture.Conductor.dll".</param>
    public static async Task<PrintedOptions> Of(string service, string project, string assembly)
    {
        var binary = RepositoryPaths.Output(project, assembly);
        return new(service, binary,
            JsonSerializer.Deserialize<List<OptionEntry>>(await Printed(service, binary), JsonSerializerOptions.Web)!);
    }

    // Neither file nor environment counts, not even a broken one.
    private static async Task<string> Printed(string service, string binary, params string[] format) =>
        (await Shell.Run("dotnet", [binary, "--print-options", .. format],
            new Dictionary<string, string?> { [OptionsFile.Prefix(service) + "LISTEN"] = "nowhere",
                [OptionsFile.Prefix(service) + "NOSUCH"] = "1" })).Ok();

    /// <summary>Each option says what it is, in a line.</summary>
    public void AssertDescribed() => Assert.All(entries.Where(e => e.Path is not null), e =>
    {
        Assert.True(e.Description?.Length is > 5 and < 500, $"{e.Path} has no summary in its options record, or one that is no line");
        Assert.DoesNotContain('\n', e.Description);
    });

    /// <summary>
    /// The option file that it writes has every key, and means the defaults: as it is written, and with every key taken from behind its #.
    /// </summary>
    public async Task AssertWritesItsFile<T>() where T : class, new()
    {
        var yaml = await Printed(service, binary, "--format", "yaml");
        var bare = Behind().Replace(yaml, "$1");
        Assert.Equal(entries.Count(e => e.Path is not null && !e.Path.Contains(".NAME.", StringComparison.Ordinal)),
            Behind().Count(yaml));
        using var directory = new TempDirectory();
        foreach (var (name, text) in new[] { ("written", yaml), ("bare", bare) })
        {
            File.WriteAllText(directory.File(name), text);
            var read = OptionsFile.Load<T>(service + "probe", directory.File(name), _ => []);
            Assert.Equal(Properties(typeof(T), new T(), ""),
                Properties(typeof(T), read, "").Select(p => p.Replace(Path.GetDirectoryName(binary) + "/", "", StringComparison.Ordinal)));
        }
    }

    /// <summary>Its page of the manual has every option under its name, and nothing that man would complain of.</summary>
    public async Task AssertManual()
    {
        using var directory = new TempDirectory();
        File.WriteAllText(directory.File("page.8"), await Printed(service, binary, "--format", "man"));
        var page = await Shell.Run("groff", ["-k", "-man", "-Tutf8", "-ww", "-P-cbou", "-rLL=200n", "page.8"],
            new Dictionary<string, string?> { ["LC_ALL"] = "C.UTF-8" }, directory: directory.Path);
        Assert.Equal("", page.Errors);
        Assert.All(entries, e => Assert.Contains(e.Path ?? e.Environment, page.Ok(), StringComparison.Ordinal));
    }

    /// <summary>Its section of docs/options.md is what it prints.</summary>
    public async Task AssertReferenced()
    {
        var page = await File.ReadAllTextAsync(RepositoryPaths.File("docs/options.md"));
        var printed = await Printed(service, binary, "--format", "markdown");
        Assert.True(page.Contains($"## {service}\n\n{printed.TrimEnd()}\n", StringComparison.Ordinal),
            $"docs/options.md is not what {service} prints: eng/options.sh writes it");
    }

    /// <summary>Each property of the record is there once, with its default.</summary>
    public void AssertComplete<T>() where T : class, new() =>
        Assert.Equal(
            Properties(typeof(T), new T(), "").Order(StringComparer.Ordinal),
            entries.Where(e => e.Path is not null).Select(
                e => $"{e.Path} = {(e.Type == "duration" && e.Default is not null ? $"{DurationConverter.Parse(Shown(e)).TotalMilliseconds}" : Shown(e))}").Order(StringComparer.Ordinal));

    /// <summary>
    /// With every listed variable set at once, OptionsFile finds no key that it does not know and no value that does not parse.
    /// </summary>
    public void AssertBinds<T>(Func<T, IEnumerable<FieldProblem>> rules) where T : class, new()
    {
        var own = entries.Where(e => e.Path is not null)
            .Select(e => (e.Environment, Value: e.Type switch { "bool" => "true", "int" => "7", "duration" => "9s", _ => "x" })).ToList();
        Assert.All(own, v => Assert.StartsWith(OptionsFile.Prefix(service), v.Environment, StringComparison.Ordinal));
        // Under a name of its own, so that no service of another test reads them.
        var probe = service + "probe";
        own = [.. own.Select(v => (v.Environment.Replace(OptionsFile.Prefix(service), OptionsFile.Prefix(probe), StringComparison.Ordinal),
            v.Value))];
        own.ForEach(v => Environment.SetEnvironmentVariable(v.Environment, v.Value));
        try
        {
            var refused = Assert.Throws<FaultException>(() => OptionsFile.Load(probe, null, rules));
            Assert.DoesNotContain(refused.Fields, f => f.Field == "options");
        }
        finally
        {
            own.ForEach(v => Environment.SetEnvironmentVariable(v.Environment, null));
        }
    }

    /// <summary>
    /// The tables of options in docs/operations.md below <paramref name="heading"/> name options of this service, with their defaults.
    /// </summary>
    public void AssertDocumented(string heading)
    {
        var page = File.ReadAllText(RepositoryPaths.File("docs/operations.md"));
        var rows = page[page.IndexOf(heading, StringComparison.Ordinal)..].Split('\n')
            .SkipWhile(l => !l.StartsWith("| ---", StringComparison.Ordinal)).Skip(1).TakeWhile(l => l.StartsWith('|')).ToList();
        Assert.NotEmpty(rows);
        foreach (var cells in rows.Select(r => r.Split('|', StringSplitOptions.TrimEntries)))
        {
            var names = Quoted().Matches(cells[1]).Select(m => m.Groups[1].Value).ToList();
            var defaults = cells[2].Split(", ");
            for (var i = 0; i < names.Count; i++)
            {
                var path = names[i].Contains('.', StringComparison.Ordinal) || i == 0
                    ? names[i] : names[0][..(names[0].LastIndexOf('.') + 1)] + names[i];
                var found = path.EndsWith(".*", StringComparison.Ordinal)
                    ? entries.Find(e => e.Path?.StartsWith(path[..^1], StringComparison.Ordinal) == true)
                    : entries.Find(e => e.Path == path);
                Assert.True(found is not null, $"{path} is no option of {service}");
                if (defaults.Length == names.Count && Literal().IsMatch(defaults[i]))
                    Assert.Equal($"{path} = {defaults[i].Trim('`')}", $"{path} = {Shown(found)}");
            }
        }
    }

    private static IEnumerable<string> Properties(Type type, object section, string path)
    {
        foreach (var property in type.GetProperties().Where(p => p.SetMethod is { IsPublic: true }))
        {
            var name = $"{path}{char.ToLowerInvariant(property.Name[0])}{property.Name[1..]}";
            var value = property.GetValue(section);
            if (property.PropertyType is { IsGenericType: true } chosen
                && chosen.GetGenericTypeDefinition() == typeof(IReadOnlyDictionary<,>))
            {
                var each = chosen.GetGenericArguments()[1];
                foreach (var inner in Properties(each, Activator.CreateInstance(each)!, $"{name}.NAME."))
                    yield return inner;
            }
            else if (property.PropertyType.Namespace!.StartsWith("Overture", StringComparison.Ordinal))
            {
                foreach (var inner in Properties(property.PropertyType, value!, name + "."))
                    yield return inner;
            }
            else
            {
                yield return $"{name} = {value switch
                {
                    null => "",
                    string text => text.Replace(AppContext.BaseDirectory, "", StringComparison.Ordinal),
                    IEnumerable list => string.Join(',', list.Cast<object>()),
                    TimeSpan span => $"{span.TotalMilliseconds}",
                    bool yes => yes ? "true" : "false",
                    _ => $"{value}",
                }}";
            }
        }
    }

    // Of a script, which lies beside the service's assembly, the file's name.
    private static string Shown(OptionEntry entry) => entry.Default switch
    {
        JsonElement { ValueKind: JsonValueKind.Array } list => string.Join(',', list.EnumerateArray()),
        JsonElement { ValueKind: JsonValueKind.String } text => text.GetString()!.EndsWith(".sh", StringComparison.Ordinal)
            ? Path.GetFileName(text.GetString()!) : text.GetString()!,
        JsonElement other => other.GetRawText(),
        _ => "",
    };

    // Not what people name themselves: #NAME.
    [GeneratedRegex("^( *)#(?=[a-z])", RegexOptions.Multiline)]
    private static partial Regex Behind();

    [GeneratedRegex("`([A-Za-z0-9.*]+)`")]
    private static partial Regex Quoted();

    [GeneratedRegex("^([0-9]+(ms|s|m|h|d)?|true|false|`.*`)$")]
    private static partial Regex Literal();
}
