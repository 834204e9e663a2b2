using System.Globalization;
using System.Text;
using System.Text.Json;
using Google.Protobuf;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Overture.Console.Services;

namespace Overture.Console.Layout;

/// <summary>Answers of a route: a component as HTML, messages as JSON, rows as CSV.</summary>
internal static class Page
{
    public static IResult Html<TComponent>(params (string Name, object? Value)[] parameters) where TComponent : IComponent =>
        Html<TComponent>(StatusCodes.Status200OK, parameters);

    public static IResult Html<TComponent>(int status, params (string Name, object? Value)[] parameters) where TComponent : IComponent =>
        new RazorComponentResult<TComponent>(parameters.ToDictionary(p => p.Name, p => p.Value))
        {
            StatusCode = status, ContentType = "text/html; charset=utf-8", PreventStreamingRendering = true,
        };

    /// <summary>One object: each part under its name, as proto JSON, and what is missing with its reason.</summary>
    public static IResult Json(params (string Name, IMessage? Value, Trouble? Trouble)[] parts)
    {
        var text = new StringBuilder("{");
        foreach (var (name, value, _) in parts.Where(p => p.Value is not null))
            text.Append(CultureInfo.InvariantCulture, $"{JsonSerializer.Serialize(name)}:{JsonFormatter.Default.Format(value)},");
        var troubles = parts.Where(p => p.Trouble is not null).Select(p => new { part = p.Name, service = p.Trouble!.Service,
            reason = p.Trouble.Reason, message = p.Trouble.Message, next = p.Trouble.Next });
        text.Append(CultureInfo.InvariantCulture, $"\"missing\":{JsonSerializer.Serialize(troubles)}}}");
        return Results.Text(text.ToString(), "application/json", Encoding.UTF8);
    }

    /// <summary>RFC 4180, as a file to keep.</summary>
    public static IResult Csv(string file, IEnumerable<IEnumerable<string>> rows) =>
        Results.File(Encoding.UTF8.GetBytes(string.Concat(rows.Select(r => string.Join(',', r.Select(Cell)) + "\r\n"))),
            "text/csv; charset=utf-8", file);

    // A spreadsheet runs what begins like a formula.
    private static string Cell(string text)
    {
        var safe = text.Length > 0 && (text[0] is '=' or '+' or '-' or '@' or '\t' or '\r') ? "'" + text : text;
        return safe.AsSpan().ContainsAny(",\"\r\n") ? $"\"{safe.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : safe;
    }
}
