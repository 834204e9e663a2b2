using Overture.Cli.Tests.Fakes;
using Overture.Conductor.V1;
using Overture.TestSupport;

namespace Overture.Cli.Tests;

[Collection(OvertureCollection.Name)]
[Trait("Category", "integration")]
public sealed class EventTests(OvertureFixture overture)
{
    // The fake breaks the stream once, behind its second event.
    [Fact]
    public async Task Watch_ConnectionBreaks_GoesOnBehindTheLast_AndSaysWhere()
    {
        overture.Conductor.EventLog = [.. Enumerable.Range(1, 4).Select(n => new InstanceEvent
        {
            Cursor = $"{n}", Type = "overture.condition.stalled.on", Certname = "a.example.com", At = new() { Seconds = 1_800_000_000 + n },
            Reason = "CSR", Message = "no request came",
        })];
        overture.Conductor.EventAsks.Clear();
        var ran = (await overture.Run("event", "watch", "--since", "0", "--type", "condition,instance.signed", "-l", "team=blue",
            "--timeout", "4s", "-o", "jsonpath={.event.cursor} ")).Exit(0);
        Assert.Equal("1 2 3 4", string.Join(' ', ran.Output.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries)));
        Assert.Contains("to go on from here: --since 4", ran.Errors, StringComparison.Ordinal);
        var asks = overture.Conductor.EventAsks.ToList();
        Assert.Equal(["0", "2"], asks.Select(a => a.After));
        Assert.All(asks, a => Assert.Equal(["condition", "instance.signed", "team=blue"], a.Filter.Types_.Append(a.Filter.Selector)));

        var shown = (await overture.Run("event", "watch", "--since", "3", "--timeout", "3s", "--utc")).Exit(0).Output;
        Assert.Matches(@"^ +4  2027-01-15T.*overture\.condition\.stalled\.on +a\.example\.com  CSR  no request came\n$", shown);
    }

    // Whatever happens while the connection is broken is not missed by one that has seen no event yet.
    [Fact]
    public async Task Watch_ConnectionBreaksBeforeTheFirst_GoesOnFromWhereItBegan()
    {
        overture.Conductor.EventLog =
            [new InstanceEvent { Cursor = "42", Type = "overture.instance.signed", Certname = "a.example.com", At = new() }];
        overture.Conductor.EventAsks.Clear();
        var ran = (await overture.Run("event", "watch", "--timeout", "4s", "-o", "jsonpath={.event.cursor} ")).Exit(0);
        Assert.Equal("42", ran.Output.Trim());
        Assert.Equal(["", "41"], overture.Conductor.EventAsks.Select(a => a.After));
        Assert.Contains("to go on from here: --since 42", ran.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task DeadLetters_AreListedReplayedAndDeleted()
    {
        overture.Conductor.Letters.Clear();
        Assert.Contains("no dead letters", (await overture.Run("event", "dead-letters", "list")).Exit(0).Errors, StringComparison.Ordinal);
        foreach (var cursor in new[] { "7", "8" })
        {
            overture.Conductor.Letters.Enqueue(new UndeliveredEvent { Webhook = "chat", Attempts = 3, Cause = "it answers 500", At = new(),
                Event = new InstanceEvent { Cursor = cursor, Type = "overture.instance.signed", Certname = "a.example.com" } });
        }
        Assert.Contains("chat     7       overture.instance.signed  a.example.com",
            (await overture.Run("event", "dead-letters", "list", "chat")).Exit(0).Output, StringComparison.Ordinal);
        (await overture.Run("event", "dead-letters", "replay", "chat")).Exit(2).Says("give cursors, or --all; not both");
        (await overture.Run("event", "dead-letters", "replay", "chat", "8", "--all")).Exit(2);
        (await overture.Run("event", "dead-letters", "replay", "chat", "--all")).Exit(1).Says("delivered: 1; left: 1");
        (await overture.Run("event", "dead-letters", "delete", "chat", "8")).Exit(0).Says("deleted: 1");
    }
}
