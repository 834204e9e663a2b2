using Spectre.Console;

namespace Overture.Cli.Output;

/// <summary>
/// How far each of several acts is, on stderr: on a terminal one live line for each that goes on, elsewhere a line for each step, and
/// one now and then where none comes.
/// </summary>
internal sealed class StepProgress(TimeProvider clock, int count)
{
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(10);
    private readonly Lock gate = new();
    private readonly Dictionary<string, Going> going = new(StringComparer.Ordinal);
    private LiveDisplayContext? live;
    private int over;

    private sealed class Going(string step, long at)
    {
        public string Step { get; set; } = step;
        public long Begun { get; } = at;
        public long Said { get; set; } = at;
    }

    /// <param name="name">Of what is done.</param>
    /// <param name="step">A sentence; the same again says nothing.</param>
    /// <param name="ends">It is over.</param>
    public void Report(string name, string step, bool ends = false)
    {
        lock (gate)
        {
            var now = clock.GetTimestamp();
            var known = going.GetValueOrDefault(name);
            if (known?.Step != step && live is null)
                Printer.Say($"{clock.GetUtcNow():HH:mm:ss}  {name}  {step}");
            if (ends)
                over += going.Remove(name) || known is null ? 1 : 0;
            else if (known is null)
                going[name] = new Going(step, now);
            else
                (known.Step, known.Said) = (step, now);
            live?.UpdateTarget(Lines());
        }
    }

    /// <summary>Shows how long it takes by now.</summary>
    public void Tick(string name)
    {
        lock (gate)
        {
            live?.UpdateTarget(Lines());
            if (live is not null || !going.TryGetValue(name, out var known) || clock.GetElapsedTime(known.Said) < Silence)
                return;
            known.Said = clock.GetTimestamp();
            Printer.Say($"{clock.GetUtcNow():HH:mm:ss}  {name}  {known.Step}; for {Seconds(known)}");
        }
    }

    /// <summary>Shows what <paramref name="work"/> reports while it runs.</summary>
    public async Task While(Func<Task> work)
    {
        if (Console.IsErrorRedirected || Environment.GetEnvironmentVariable("TERM") is null or "" or "dumb")
        {
            await work();
            return;
        }
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        await console.Live(Lines()).AutoClear(true).StartAsync(async context =>
        {
            live = context;
            try
            {
                await work();
            }
            finally
            {
                live = null;
            }
        });
    }

    private Grid Lines()
    {
        var grid = new Grid().AddColumn(new GridColumn().NoWrap()).AddColumn().AddColumn(new GridColumn().NoWrap());
        foreach (var (name, known) in going)
            grid.AddRow(new Text(Printable.Line(name)), new Text(Printable.Line(known.Step)), new Text(Seconds(known)));
        return grid.AddRow(new Text($"{over} of {count} over"), new Text(""), new Text(""));
    }

    private string Seconds(Going known) => $"{clock.GetElapsedTime(known.Begun).TotalSeconds:0}s";
}
