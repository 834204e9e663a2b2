using System.CommandLine;
using Overture.Classifier.V1;
using Overture.Cli.Output;
using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>overture node edit: a definition in the person's editor, and put back only over the version that was read.</summary>
internal sealed class NodeEditVerb : Verb
{
    private readonly Argument<string> name = Names.One();
    private readonly Option<string> reason = EditReason.Option();
    private readonly Option<bool> checkPuppetserver = PuppetserverCheck.Option();
    private readonly Option<bool> unregistered = Unregistered.Option();

    public NodeEditVerb() : base("edit", $"Edit a node's definition in {DocumentEdit.Choice}",
        "overture node edit 4f1c --reason 'more memory'")
    {
        Arguments.Add(name);
        Options.Add(reason);
        Options.Add(checkPuppetserver);
        Options.Add(unregistered);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var certname = await Names.ResolveOrNew(session, session.Parse.GetRequiredValue(name), cancel);
        return await new DocumentEdit(session, $"node-{certname}", c => StoredDocument.Node(session, certname, c),
            async (text, version, c) =>
        {
            var request = new PutNodeRequest
            {
                Certname = certname,
                Definition = text,
                Etag = version,
                Reason = session.Parse.GetRequiredValue(reason),
                CheckPuppetserver = session.Parse.GetValue(checkPuppetserver),
                AllowUnregistered = session.Parse.GetValue(unregistered),
            };
            var answer = await session.Classifier((s, o) => s.PutNodeAsync(request, o), c, PuppetserverCheck.Limit);
            session.Printer.Answer(answer, p => Printer.Facts(("certname", answer.Node.Certname), ("version", answer.Node.Etag)));
            DoubtfulText.Say(certname, answer.Warnings);
        }, NodeSetVerb.Again(certname)).Run(cancel);
    }
}

/// <summary>overture layers edit: as node edit.</summary>
internal sealed class LayersEditVerb : Verb
{
    private readonly Option<string> reason = EditReason.Option();
    private readonly Option<bool> checkPuppetserver = PuppetserverCheck.Option();

    public LayersEditVerb() : base("edit", $"Edit the defaults and groups in {DocumentEdit.Choice}",
        "overture layers edit --reason 'the new time server'")
    {
        Options.Add(reason);
        Options.Add(checkPuppetserver);
    }

    protected override Task<int> Run(Session session, CancellationToken cancel) =>
        new DocumentEdit(session, "layers", c => StoredDocument.Layers(session, c), async (text, version, c) =>
        {
            var request = new PutLayersRequest
            {
                Document = text,
                Etag = version,
                Reason = session.Parse.GetRequiredValue(reason),
                CheckPuppetserver = session.Parse.GetValue(checkPuppetserver),
            };
            var answer = await session.Classifier((s, o) => s.PutLayersAsync(request, o), c, PuppetserverCheck.Limit);
            session.Printer.Answer(answer, p => Printer.Facts(("version", answer.Layers.Etag)));
            DoubtfulText.Say("layers", answer.Warnings);
        }, LayersSetVerb.Again).Run(cancel);
}

/// <summary>overture profile edit: as node edit.</summary>
internal sealed class ProfileEditVerb : Verb
{
    private readonly Argument<string> name = new("PROFILE") { Description = "Its name" };

    public ProfileEditVerb() : base("edit", $"Edit a profile in {DocumentEdit.Choice}",
        "overture profile edit web")
    {
        Arguments.Add(name);
    }

    protected override Task<int> Run(Session session, CancellationToken cancel)
    {
        var profile = session.Parse.GetRequiredValue(name);
        return new DocumentEdit(session, $"profile-{profile}", c => StoredDocument.Profile(session, profile, c), async (text, version, c) =>
        {
            var request = new PutProfileRequest { Name = profile, Document = text, Etag = version };
            var answer = await session.Conductor((s, o) => s.PutProfileAsync(request, o), c);
            session.Printer.Answer(answer, p => Printer.Facts(("profile", answer.Profile.Name), ("version", answer.Profile.Etag)));
            DoubtfulText.Say(profile, answer.Warnings);
        }, ProfilePutVerb.Again(profile)).Run(cancel);
    }
}

/// <summary>The reason of an edit, which is in the history for people.</summary>
internal static class EditReason
{
    public static Option<string> Option() => new("--reason") { Description = "Why; kept in the history", HelpName = "TEXT",
        DefaultValueFactory = _ => "edited" };
}
