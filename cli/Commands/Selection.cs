using System.CommandLine;
using Overture.Cli.Output;
using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>
/// The instances that a verb is for: those that are named, or those that <see cref="FilterOptions"/> choose, which are shown and asked
/// about first. What Overture itself runs on is never chosen, only named.
/// </summary>
internal sealed class Selection
{
    // More than that are confirmed by typing their number: `y` is typed by habit.
    private const int Few = 10;

    private readonly Argument<string[]> names = Names.AnyNumber("Certnames, or at least the first 4 characters of each");
    private readonly FilterOptions filter = new("Instead of names:");
    private readonly Option<bool> yes = new("--yes", "-y") { Description = "Do not ask about those that were not named" };

    public void AddTo(Command verb)
    {
        verb.Arguments.Add(names);
        filter.AddTo(verb);
        verb.Options.Add(yes);
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
        var selects = filter.AreGiven(session.Parse);
        if (selects == typed.Length > 0)
        {
            throw Failure.Usage(selects ? "give names, or choose by --label, --profile, --state and the like; not both"
                : "give names, or choose by --label, --profile, --state or the like", $"overture instance {act} --help");
        }
        if (!selects)
            return await Names.Resolve(session, typed, cancel);
        var wanted = filter.Read(session);
        // Nothing is left to be done to it.
        if (wanted.States.Contains(InstanceState.Terminated))
            throw Failure.Usage("--state: what is terminated can't be chosen");
        var chosen = (await Names.Pages(session, new ListInstancesRequest { Filter = wanted }, cancel))
            .Where(i => only?.Invoke(i) != false).ToList();
        if (chosen.Count == 0)
            Printer.Say("no instance is selected");
        return chosen.Count == 0 || session.Parse.GetValue(yes) || Confirmed(session, act, chosen)
            ? [.. chosen.Select(i => i.Certname)] : null;
    }

    private static bool Confirmed(Session session, string act, List<Instance> chosen)
    {
        foreach (var instance in chosen)
        {
            var conditions = InstanceText.ConditionsOf(instance);
            Printer.Say($"{instance.Certname}  {InstanceText.State(instance.State)}{(conditions.Length > 0 ? $" ({conditions})" : "")}"
                + $"  {InstanceText.Age(instance.CreatedAt, session.Clock)}"
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
}
