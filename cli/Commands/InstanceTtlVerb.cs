using System.CommandLine;
using Google.Protobuf.WellKnownTypes;
using Overture.Cli.Output;
using Overture.Conductor.V1;
using Overture.Platform.Records;

namespace Overture.Cli.Commands;

/// <summary>overture instance ttl: when an instance ends by itself.</summary>
internal sealed class InstanceTtlVerb : Verb
{
    private const string Never = "never";
    private readonly Argument<string> name = Names.One();
    private readonly Argument<string> ttl = new("TTL") { Description = "From now: 10m to 366d, or never" };

    public InstanceTtlVerb() : base("ttl", "Set when an instance is terminated automatically",
        "overture instance ttl 4f1c 8h", "overture instance ttl 4f1c never")
    {
        Arguments.Add(name);
        Arguments.Add(ttl);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var text = session.Parse.GetRequiredValue(ttl);
        var life = TimeSpan.Zero;
        if (text != Never && !DurationText.TryParse(text, out life))
            throw Failure.Usage($"'{text}' is not a duration such as 90m, 8h or 30d, nor never", "overture instance ttl --help");
        var certname = await Names.Resolve(session, session.Parse.GetRequiredValue(name), cancel);
        var answer = await session.Conductor((c, o) =>
            c.UpdateInstanceAsync(new() { Certname = certname, Ttl = Duration.FromTimeSpan(life) }, o), cancel);
        session.Printer.Answer(answer, _ => Printer.Say(answer.Instance.Expires is { } end
            ? $"{certname} ends at {Times.Seconds(end.ToDateTimeOffset())}" : $"{certname} stays until it is terminated"));
        return ExitCodes.Ok;
    }
}
