using System.Globalization;
using NJsonSchema;
using NJsonSchema.Validation;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.Conductor.Specs;

/// <summary>
/// What a schema's validator found, as sentences for the person who wrote the document: one for each place, by its path. Pure.
/// </summary>
/// <param name="places">The validator's path of each node, to the document's path and the node.</param>
internal sealed class SchemaFindings(IReadOnlyDictionary<string, (string Path, YamlNode Node)> places)
{
    private const string Text = "a text";
    private const int LongestQuote = 60;

    public IEnumerable<FieldProblem> Of(ValidationError error)
    {
        var branches = Branches(error);
        if (branches.Count == 0)
            return [Problem(error, Sentence(error))];
        if (error.Kind is not (ValidationErrorKind.NotOneOf or ValidationErrorKind.NotAnyOf or ValidationErrorKind.NoTypeValidates))
            return branches.SelectMany(b => b).SelectMany(Of);
        if (branches.Exists(b => b.Count == 0))
            return [Problem(error, "matches more than one of its allowed shapes")];
        // Of several shapes, the one that was meant is the one whose kind of value it is; where it is none of them, all are named.
        bool IsOfAnotherShape(ValidationError e) =>
            e.Path == error.Path && (e.Kind == ValidationErrorKind.NullExpected || Shape(e).Length > 0);
        var wrong = branches.Select(b => b.FirstOrDefault(IsOfAnotherShape)).ToList();
        if (wrong.IndexOf(null) is >= 0 and var meant)
            return branches[meant].SelectMany(Of);
        var shapes = wrong.Select(e => Shape(e!)).Where(s => s.Length > 0).Distinct().OrderByDescending(s => s == Text).ToList();
        return [Problem(error, $"must be {string.Join(" or ", shapes)}{Hint(error, shapes.Contains(Text))}")];
    }

    private static List<ICollection<ValidationError>> Branches(ValidationError error) => error switch
    {
        ChildSchemaValidationError child => [.. child.Errors.Values],
        MultiTypeValidationError types => [.. types.Errors.Values],
        _ => [],
    };

    private FieldProblem Problem(ValidationError error, string rule) => new(PathOf(error), rule);

    private string PathOf(ValidationError error)
    {
        var path = Their(error);
        if (places.TryGetValue(path, out var place))
            return place.Path;
        // What is missing has no node; the map that misses it has.
        var name = error.Property ?? "";
        var around = path.EndsWith("." + name, StringComparison.Ordinal) ? path[..^(name.Length + 1)] : "";
        return places.TryGetValue(around, out var outer) ? $"{outer.Path}.{name}" : $"{places[""].Path}.{path}";
    }

    private static string Their(ValidationError error) => (error.Path ?? "").TrimStart('#').TrimStart('/');

    private string Sentence(ValidationError error) => error.Kind switch
    {
        _ when Shape(error) is { Length: > 0 } shape => $"must be {shape}{Hint(error, shape == Text)}",
        ValidationErrorKind.NoAdditionalPropertiesAllowed or ValidationErrorKind.AdditionalPropertiesNotValid => Unknown(error),
        ValidationErrorKind.PropertyRequired => "must be set",
        ValidationErrorKind.TooFewItems or ValidationErrorKind.TooFewProperties when IsEmpty(error) => "is empty; fill it or leave it out",
        ValidationErrorKind.TooFewItems => $"must have at least {error.Schema.MinItems} items",
        ValidationErrorKind.TooManyItems or ValidationErrorKind.TooManyItemsInTuple => $"must have at most {error.Schema.MaxItems} items",
        ValidationErrorKind.TooFewProperties => $"must have at least {error.Schema.MinProperties} keys",
        ValidationErrorKind.ItemsNotUnique => "must not contain duplicates",
        ValidationErrorKind.NumberTooSmall => $"must be at least {error.Schema.Minimum?.ToString(CultureInfo.InvariantCulture)}",
        _ => $"breaks a rule of cloud-init's schema ({error.Kind})",
    };

    private static string Unknown(ValidationError error)
    {
        var near = error.Property is { } name ? NearestName.Of(name, [.. error.Schema.ActualProperties.Keys]) : null;
        return $"is unknown to cloud-init there{(near is null ? "" : $"; is {near} meant?")}";
    }

    private bool IsEmpty(ValidationError error) =>
        places.TryGetValue(Their(error), out var place) && place.Node is YamlList { Items.Count: 0 } or YamlMap { Entries.Count: 0 };

    // What it must be. That nothing is allowed too is no advice.
    private static string Shape(ValidationError error) => error.Kind switch
    {
        ValidationErrorKind.StringExpected => Text,
        ValidationErrorKind.IntegerExpected => "a whole number",
        ValidationErrorKind.NumberExpected => "a number",
        ValidationErrorKind.BooleanExpected => "true or false",
        ValidationErrorKind.ObjectExpected => "a mapping, KEY: VALUE",
        ValidationErrorKind.ArrayExpected => error.Schema.Item?.ActualSchema.Type == JsonObjectType.String ? "a list of texts" : "a list",
        ValidationErrorKind.NotInEnumeration => string.Join(" or ", error.Schema.Enumeration.Select(Written)),
        ValidationErrorKind.PatternMismatch => $"a text that matches {error.Schema.Pattern}",
        ValidationErrorKind.DateExpected => "a date such as 2032-09-01",
        _ => "",
    };

    private static string Written(object? value) =>
        value is bool flag ? (flag ? "true" : "false") : Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";

    // How a text came to be something else. Of what was written only the key is repeated: the rest may be a secret.
    private string Hint(ValidationError error, bool text)
    {
        if (!text || !places.TryGetValue(Their(error), out var place))
            return "";
        return place.Node switch
        {
            YamlMap { Entries: [var (key, value)] } when value is YamlScalar =>
                $"; a colon and a space make it a mapping: quote the line that begins "
                    + $"{key.Text[..Math.Min(key.Text.Length, LongestQuote)]}:",
            YamlScalar { IsNull: true } => "; it is empty",
            YamlScalar { Plain: true } => "; put it in quotes",
            _ => "",
        };
    }
}
