using Overture.Cli.Output;
using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>overture bucket check: exit 0 only if the store keeps every promise and is not public.</summary>
internal sealed class BucketCheckVerb : Verb
{
    public BucketCheckVerb() : base("check", "Have the Conductor test its bucket's promises now", "overture bucket check",
        "overture bucket check -o json")
    {
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var answer = await session.Conductor((c, o) => c.CheckBucketAsync(new CheckBucketRequest(), o), cancel, TimeSpan.FromSeconds(60));
        session.Printer.Answer(answer, printer =>
        {
            printer.Table(["PROMISE", "KEPT", "SEEN"],
                answer.Promises.Select(p => new[] { p.Promise, p.Kept ? "ok" : "failed", p.Detail }));
            Printer.Facts(("bucket", answer.Bucket), ("public", answer.Public ? "yes" : "no"), ("versioning", answer.Versioning),
                ("etags", answer.EtagForm == "bare" ? "bare: this server compares If-Match without quotes" : answer.EtagForm),
                ("addresses", string.Join(", ", answer.Addresses)));
        });
        if (answer.Promises.FirstOrDefault(p => !p.Kept) is { } broken)
        {
            throw new Failure(ExitCodes.Failed, $"the bucket {answer.Bucket} can't be trusted, it breaks {broken.Promise}: {broken.Detail}",
                "use a server that keeps it" + (answer.Versioning is "enabled" or "suspended"
                    ? ", or a bucket whose versioning was never enabled (docs/operations.md)" : " (docs/operations.md)"));
        }
        if (answer.Public)
        {
            throw new Failure(ExitCodes.Failed, $"the bucket {answer.Bucket} can be read by anybody, without a key",
                "block public access to the bucket (docs/operations.md)");
        }
        return ExitCodes.Ok;
    }
}
