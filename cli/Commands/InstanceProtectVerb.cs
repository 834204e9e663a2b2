using System.CommandLine;
using Overture.Cli.Output;
using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>overture instance protect: nothing terminates it until that is taken back.</summary>
internal sealed class InstanceProtectVerb : Verb
{
    private readonly Argument<string> name = Names.One();
    private readonly Option<bool> off = new("--off") { Description = "Remove the protection" };

    public InstanceProtectVerb() : base("protect", "Keep an instance from being terminated, by anybody and by its own --ttl",
        "overture instance protect 4f1c", "overture instance protect 4f1c --off")
    {
        Arguments.Add(name);
        Options.Add(off);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var certname = await Names.Resolve(session, session.Parse.GetRequiredValue(name), cancel);
        var answer = await session.Conductor((c, o) =>
            c.UpdateInstanceAsync(new() { Certname = certname, Protected = !session.Parse.GetValue(off) }, o), cancel);
        session.Printer.Answer(answer, _ => Printer.Say($"{certname} is {(answer.Instance.Protected ? "protected" : "not protected")}"));
        return ExitCodes.Ok;
    }
}
