using System.CommandLine;
using Overture.Cli.Output;
using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>
/// The instances that a verb is for: those that are named, or those that -l, --profile and --state have in common, which are shown and
/// asked about first.
/// </summary>
internal sealed class Selection
{
    // More than that are confirmed by typing their number: `y` is typed by habit.
    private const int Few = 10;

    private readonly Argument<string[]> names = new("NAME")
    {
        Description = "Certnames, or at least the first 4 characters of each",
        Arity = ArgumentArity.ZeroOrMore,
    };
    private readonly Option<string[]> labels = new("--label", "-l")
    {
        Description = "Instead of names: those with these labels",
        HelpName = "KEY=VALUE,KEY!=VALUE",
    };
    private readonly Option<string?> profile = new("--profile")
    {
        Description = "Instead of names: those of this profile",
        HelpName = "NAME",
    };
    private readonly Option<string?> states = new("--state")
    {
        Description = "Instead of names: those in one of these states",
        HelpName = "STATE,STATE",
    };
    private readonly Option<bool> yes = new("--yes", "-y") { Description = "Do not ask about those that were not named" };

    public void AddTo(Command verb)
    {
        verb.Arguments.Add(names);
        foreach (var option in new Option[] { labels, profile, states, yes })
            verb.Options.Add(option);
    }

    /// <param name="session">Of the verb.</param>
    /// <param name="act">What is to be done to them, as a verb: "terminate".</param>
    /// <param name="cancel">Gives up.</param>
    /// <param name="only">Of those that are chosen and not named, these alone; null: all.</param>
    /// <returns>Certnames; null: the person said no.</returns>
    /// <exception cref="Failure">Both or neither are given, a selector is wrong, or there is no terminal to ask at.</exception>
    public async Task<IReadOnlyList<string>?> Choose(Session session, string act, CancellationToken cancel,
        Func<Instance, bool>? only = null)
    {
        var typed = session.Parse.GetValue(names) ?? [];
        var wanted = (session.Parse.GetValue(labels) ?? []).SelectMany(l => l.Split(',')).Select(LabelTerm.Parse).ToList();
        var among = session.Parse.GetValue(states)?.Split(',').Select(StateNamed).ToHashSet() ?? [];
        var of = session.Parse.GetValue(profile) ?? "";
        // A variable of a script that is not set must not choose more than was meant.
        if (of.Length == 0 && session.Parse.GetValue(profile) is not null)
            throw Failure.Usage("--profile is empty");
        var selects = wanted.Count > 0 || among.Count > 0 || of.Length > 0;
        if (selects == typed.Length > 0)
        {
            throw Failure.Usage(selects ? "give names, or choose by --label, --profile and --state; not both"
                : "give names, or choose by --label, --profile or --state", $"overture instance {act} --help");
        }
        if (!selects)
            return await Names.Resolve(session, typed, cancel);
        var chosen = (await Names.Pages(session, new ListInstancesRequest { Profile = of }, cancel))
            .Where(i => wanted.TrueForAll(w => w.Fits(i)) && (among.Count == 0 || among.Contains(i.State))
                && only?.Invoke(i) != false).ToList();
        if (chosen.Count == 0)
            Printer.Say("no instance is selected");
        return chosen.Count == 0 || session.Parse.GetValue(yes) || Confirmed(session, act, chosen)
            ? [.. chosen.Select(i => i.Certname)] : null;
    }

    private static bool Confirmed(Session session, string act, List<Instance> chosen)
    {
        foreach (var instance in chosen)
        {
            Printer.Say($"{instance.Certname}  {InstanceText.State(instance.State)}  {InstanceText.Age(instance.CreatedAt, session.Clock)}"
                + (instance.Profile.Length > 0 ? $"  {instance.Profile}" : ""));
        }
        var (what, number) = (chosen.Count == 1 ? "this instance" : $"these {chosen.Count} instances", $"{chosen.Count}");
        if (Console.IsInputRedirected)
            throw Failure.Usage($"nothing was done: there is no terminal to ask whether to {act} {what}", "add --yes");
        Console.Error.Write(chosen.Count > Few ? $"type {number} to {act} {what}: " : $"{act} {what}? [y/N] ");
        var answer = Console.ReadLine()?.Trim();
        if (chosen.Count > Few ? answer == number : answer is "y" or "Y" or "yes")
            return true;
        Printer.Say("nothing was done");
        return false;
    }

    // A terminated one is never chosen: nothing is left to be done to it.
    private static InstanceState StateNamed(string name) =>
        InstanceText.States.TryGetValue(name, out var state) && state != InstanceState.Terminated ? state
            : throw Failure.Usage($"--state: '{name}' is none of "
                + string.Join(", ", InstanceText.States.Where(s => s.Value != InstanceState.Terminated).Select(s => s.Key)));

    private sealed record LabelTerm(string Key, string Value, bool IsEqual)
    {
        public static LabelTerm Parse(string text)
        {
            var at = text.IndexOf('=', StringComparison.Ordinal);
            var isEqual = at < 1 || text[at - 1] != '!';
            var key = at < 0 ? "" : text[..(isEqual ? at : at - 1)];
            return key.Length > 0 ? new LabelTerm(key, text[(at + 1)..], isEqual)
                : throw Failure.Usage($"--label: '{text}' is neither KEY=VALUE nor KEY!=VALUE");
        }

        public bool Fits(Instance instance) => (instance.Labels.GetValueOrDefault(Key) == Value) == IsEqual;
    }
}
