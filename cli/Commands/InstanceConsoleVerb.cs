using System.CommandLine;
using Overture.Cli.Output;
using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>overture instance console: what an instance printed while it booted, or the SSH host keys in it.</summary>
internal sealed class InstanceConsoleVerb : Verb
{
    private readonly Argument<string> name = Names.One();
    private readonly Option<bool> fingerprints = new("--fingerprints") { Description = "The SHA-256 fingerprints of its SSH host keys" };
    private readonly Option<bool> knownHosts = new("--known-hosts") { Description = "Its SSH host keys as lines of a known_hosts file" };
    private readonly Option<bool> raw = new("--raw") { Description = "The console as it is, control characters included" };

    public InstanceConsoleVerb() : base("console", "Show an instance's console, or the SSH host keys on it",
        "overture instance console 4f1c", "overture instance console 4f1c --fingerprints",
            "overture instance console 4f1c --known-hosts >> ~/.ssh/known_hosts")
    {
        Arguments.Add(name);
        Options.Add(fingerprints);
        Options.Add(knownHosts);
        Options.Add(raw);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var (prints, hosts) = (session.Parse.GetValue(fingerprints), session.Parse.GetValue(knownHosts));
        if (prints && hosts)
            throw Failure.Usage("give either --fingerprints or --known-hosts", "overture instance console --help");
        var certname = await Names.Resolve(session, session.Parse.GetRequiredValue(name), cancel);
        var answer = await session.Conductor((c, o) => c.GetConsoleAsync(new() { Certname = certname }, o), cancel);
        if (prints || hosts)
            HostKeys.Demand(answer, certname);
        if (hosts && answer.HostKeys.All(k => k.Key.Length == 0))
        {
            throw new Failure(ExitCodes.Failed, $"the console of {certname} shows only fingerprints",
                "overture instance console --fingerprints shows them");
        }
        session.Printer.Answer(answer, _ =>
        {
            if (prints)
            {
                Print(answer.HostKeys.Select(k => $"{k.Type} {k.Fingerprint}"));
            }
            else if (hosts)
            {
                Print(HostKeys.KnownHosts(answer, [certname, .. answer.Addresses]));
            }
            else
            {
                Print(session.Parse.GetValue(raw) ? [answer.Text.TrimEnd('\n')] : answer.Text.TrimEnd('\n').Split('\n')
                    .Select(l => Printable.Line(l.TrimEnd('\r'))));
            }
        });
        return ExitCodes.Ok;
    }

    private static void Print(IEnumerable<string> lines)
    {
        foreach (var line in lines)
            Console.Out.WriteLine(line);
    }
}
