using System.CommandLine;
using Overture.CertAuthority.V1;
using Overture.Classifier.V1;
using Overture.Cli.Output;
using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>
/// NAME as a person types it: a whole certname, or the first 4 or more characters of one that begins no other instance's. What is a name
/// itself, of an instance, a node or a certificate, is never taken for the beginning of another.
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
        var names = new List<string>();
        foreach (var name in typed)
        {
            if (IsPartOfUuid(name))
                names.Add(Match(name, await BeginningWith(name, session, cancel)));
            else if (name.Length < Shortest || Guid.TryParse(name, out _) || await IsInstance(session, name, cancel) is not false)
                names.Add(name);
            else
                names.Add(await Longer(session, name, await BeginningWith(name, session, cancel), cancel));
        }
        return [.. names.Distinct(StringComparer.Ordinal)];
    }

    public static async Task<string> Resolve(Session session, string typed, CancellationToken cancel) =>
        (await Resolve(session, [typed], cancel))[0];

    /// <summary>Of what the verb may make: only the beginning of a UUID is taken for more than it is.</summary>
    public static async Task<string> ResolveOrNew(Session session, string typed, CancellationToken cancel) =>
        IsPartOfUuid(typed) ? await Resolve(session, typed, cancel) : typed;

    private static string Match(string prefix, IReadOnlyList<string> found) => Exact(prefix, found) switch
    {
        [] => throw new Failure(ExitCodes.NotFound, $"no instance's name begins with {prefix}", "overture instance list --all"),
        var matches => One(prefix, matches),
    };

    // A name that is no part of a UUID, and of no instance. Its node or certificate may be there all the same.
    private static async Task<string> Longer(Session session, string name, IReadOnlyList<string> found,
        CancellationToken cancel)
    {
        // web-1 is no beginning of web-10: a number is not cut in two.
        var matches = Exact(name, found).Where(m => !char.IsAsciiDigit(name[^1]) || !char.IsAsciiDigit(m[name.Length])).ToList();
        if (matches.Count == 0)
            return name;
        try
        {
            if (await IsThere(() => session.Classifier((c, o) => c.GetNodeAsync(new GetNodeRequest { Certname = name }, o), cancel))
                || await IsThere(() => session.CertAuthority(
                    (c, o) => c.GetCertificateAsync(new GetCertificateRequest { Certname = name }, o), cancel)))
            {
                return name;
            }
        }
        catch (Failure failure)
        {
            throw new Failure(failure.Exit, $"can't tell whether {name} is a name or the beginning of one: {failure.Message}",
                $"type all of it: {matches[0]}");
        }
        var longer = One(name, matches);
        Printer.Say($"{name} is taken for {longer}");
        return longer;
    }

    private static List<string> Exact(string prefix, IReadOnlyList<string> found) => found.Contains(prefix) ? [prefix] : [.. found];

    private static string One(string prefix, List<string> matches) => matches is [var only] ? only : throw Failure.Usage(
        $"{prefix} begins the names of {matches.Count} instances: {string.Join(", ", matches.Take(5))}{(matches.Count > 5 ? ", …" : "")}",
        "type more of it");

    /// <returns>Null: it is not known, since the Conductor can't be asked; the verb itself will say why.</returns>
    private static async Task<bool?> IsInstance(Session session, string name, CancellationToken cancel)
    {
        try
        {
            var request = new GetInstanceRequest { Certname = name };
            return await IsThere(() => session.Conductor((c, o) => c.GetInstanceAsync(request, o), cancel));
        }
        catch (Failure)
        {
            return null;
        }
    }

    // What is refused as a name is none.
    private static async Task<bool> IsThere<T>(Func<Task<T>> read)
    {
        try
        {
            await read();
            return true;
        }
        catch (Failure failure) when (failure.Exit is ExitCodes.NotFound or ExitCodes.Usage)
        {
            return false;
        }
    }

    private static bool IsPartOfUuid(string name)
    {
        var shaped = name.Length < Whole && name.All(c => char.IsAsciiHexDigitLower(c) || c == '-');
        if (shaped && name.Length < Shortest)
            throw Failure.Usage($"'{name}' is too short for a name", "type at least the first 4 characters of a certname");
        return shaped;
    }

    // Also terminated ones, and Overture's own.
    private static async Task<IReadOnlyList<string>> BeginningWith(string prefix, Session session, CancellationToken cancel)
    {
        var filter = new InstanceFilter { Prefix = prefix, ShowTerminated = true, ShowOwn = true };
        return [.. (await Pages(session, new ListInstancesRequest { Filter = filter }, cancel)).Select(i => i.Certname)
            .Where(n => n.StartsWith(prefix, StringComparison.Ordinal))];
    }

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
