using Overture.Conductor.V1;
using Spectre.Console;

namespace Overture.Cli.Output;

/// <summary>What is going on, on stderr: on a terminal one live line an instance, elsewhere a plain line a change.</summary>
internal sealed class Progress(TimeProvider clock)
{
    private readonly Dictionary<string, Instance> latest = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> said = new(StringComparer.Ordinal);
    private Action redraw = () => { };
    private string note = "";

    public void Report(Instance instance)
    {
        latest[instance.Certname] = instance;
        var summary = InstanceText.Summary(instance);
        if (said.TryGetValue(instance.Certname, out var before) && before == summary)
            return;
        said[instance.Certname] = summary;
        redraw();
    }

    /// <summary>Shows a sentence: a line of its own, or below the instances until the next one.</summary>
    public void Say(string sentence)
    {
        note = sentence;
        if (redraw == PlainLine)
            Printer.Say(sentence);
        else
            redraw();
    }

    /// <summary>Shows what <paramref name="work"/> reports while it runs.</summary>
    public async Task<T> While<T>(Func<Task<T>> work)
    {
        if (Console.IsErrorRedirected || Environment.GetEnvironmentVariable("TERM") is null or "" or "dumb")
        {
            redraw = PlainLine;
            return await work();
        }
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        return await console.Live(Lines()).AutoClear(false).StartAsync(async live =>
        {
            redraw = () => live.UpdateTarget(Lines());
            return await work();
        });
    }

    private void PlainLine()
    {
        foreach (var (certname, summary) in said)
        {
            if (shown.TryGetValue(certname, out var before) && before == summary)
                continue;
            shown[certname] = summary;
            Printer.Say($"{Times.Clock(clock.GetUtcNow())}  {certname}  {summary}");
        }
    }

    private readonly Dictionary<string, string> shown = new(StringComparer.Ordinal);

    private Grid Lines()
    {
        var grid = new Grid().AddColumn(new GridColumn().NoWrap()).AddColumn().AddColumn(new GridColumn().NoWrap());
        foreach (var (certname, instance) in latest)
        {
            var color = InstanceText.Wrong(instance).Any() ? Color.Red
                : instance.State == InstanceState.Converged ? Color.Green : Color.Default;
            grid.AddRow(new Text(Printable.Line(certname)), new Text(Printable.Line(InstanceText.Summary(instance)), new Style(color)),
                new Text(InstanceText.Age(instance.CreatedAt, clock)));
        }
        if (note.Length > 0)
            grid.AddRow(new Text(""), new Text(Printable.Line(note)), new Text(""));
        return grid;
    }
}
