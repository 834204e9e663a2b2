using System.CommandLine;
using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>
/// NAME as a person types it: a whole certname, or the first 4 or more characters of a UUID that begins no other instance's name.
/// What can't be the beginning of a UUID (puppet.example.com) is taken literally.
/// </summary>
internal static class Names
{
    private const int Shortest = 4, Whole = 36;

    public static Argument<string> One(string description = "Certname, or at least the first 4 characters of one") =>
        new("NAME") { Description = description };

    public static Argument<string[]> AnyNumber(string description) => new("NAME")
    {
        Description = description,
        Arity = ArgumentArity.ZeroOrMore,
    };

    public static Argument<string[]> Many() => new("NAME")
    {
        Description = "Certnames, or at least the first 4 characters of each",
        Arity = ArgumentArity.OneOrMore,
    };

    public static async Task<IReadOnlyList<string>> Resolve(Session session, IEnumerable<string> typed, CancellationToken cancel)
    {
        IReadOnlyList<Instance>? known = null;
        var names = new List<string>();
        foreach (var name in typed)
        {
            if (IsPrefix(name))
                known ??= await All(session, cancel);
            names.Add(IsPrefix(name) ? Match(name, known!) : name);
        }
        return [.. names.Distinct(StringComparer.Ordinal)];
    }

    public static async Task<string> Resolve(Session session, string typed, CancellationToken cancel) =>
        (await Resolve(session, [typed], cancel))[0];

    private static string Match(string prefix, IReadOnlyList<Instance> known)
    {
        var matches = known.Where(i => i.Certname.StartsWith(prefix, StringComparison.Ordinal)).Select(i => i.Certname).ToList();
        return matches.Count switch
        {
            1 => matches[0],
            0 => throw new Failure(ExitCodes.NotFound, $"no instance's name begins with {prefix}", "overture instance list --all"),
            _ => throw Failure.Usage(
                $"{prefix} begins the names of {matches.Count} instances: "
                    + $"{string.Join(", ", matches.Take(5))}{(matches.Count > 5 ? ", …" : "")}", "type more of it"),
        };
    }

    private static bool IsPrefix(string name)
    {
        var shaped = name.Length < Whole && name.All(c => char.IsAsciiHexDigitLower(c) || c == '-');
        if (shaped && name.Length < Shortest)
            throw Failure.Usage($"'{name}' is too short for a name", "type at least the first 4 characters of a certname");
        return shaped;
    }

    /// <summary>Every instance, terminated ones too, over all pages.</summary>
    private static Task<IReadOnlyList<Instance>> All(Session session, CancellationToken cancel) =>
        Pages(session, new ListInstancesRequest { ShowTerminated = true }, cancel);

    /// <summary>Every instance that the request asks for, over all pages.</summary>
    public static async Task<IReadOnlyList<Instance>> Pages(Session session, ListInstancesRequest request, CancellationToken cancel)
    {
        var found = new List<Instance>();
        request.PageSize = 500;
        do
        {
            var page = await session.Conductor((c, o) => c.ListInstancesAsync(request, o), cancel);
            found.AddRange(page.Instances);
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);
        return found;
    }
}
