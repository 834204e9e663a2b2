using Overture.Console.Sessions;

namespace Overture.Console.Tests;

/// <summary>How many streams of events one session, and all, may hold.</summary>
public sealed class StreamTests
{
    [Fact]
    public void Streams_OfOneSession_HaveALimit_AndAPlaceComesBack()
    {
        var streams = new OpenStreams();
        var taken = Enumerable.Range(0, 30).Select(_ => streams.Take("jo", "jo")).ToList();
        Assert.DoesNotContain(null, taken);
        Assert.Null(streams.Take("jo", "jo"));
        Assert.NotNull(streams.Take("kim", "kim"));
        taken[0]!.Dispose();
        taken[0]!.Dispose();
        Assert.NotNull(streams.Take("jo", "jo"));
        Assert.Null(streams.Take("jo", "jo"));
    }

    [Fact]
    public void Streams_OfOnePerson_HaveALimit_HoweverManySessions()
    {
        var streams = new OpenStreams();
        var taken = Enumerable.Range(0, 60).Select(i => streams.Take($"{i % 3}", "jo")).ToList();
        Assert.DoesNotContain(null, taken);
        Assert.Null(streams.Take("fourth", "jo"));
        Assert.NotNull(streams.Take("another", "kim"));
        taken[0]!.Dispose();
        Assert.NotNull(streams.Take("fourth", "jo"));
        Assert.Null(streams.Take("fourth", "jo"));
    }

    [Fact]
    public void Streams_OfAll_HaveALimit()
    {
        var streams = new OpenStreams();
        Assert.All(Enumerable.Range(0, 1000), i => Assert.NotNull(streams.Take($"{i}", $"{i}")));
        Assert.Null(streams.Take("one more", "one more"));
    }

    [Fact]
    public void Streams_OfASessionThatIsOver_End_AndNoOthers()
    {
        var streams = new OpenStreams();
        using var of = streams.Take("jo", "jo")!;
        using var other = streams.Take("kim", "kim")!;
        streams.End("jo");
        Assert.Equal((true, false), (of.Ended.IsCancellationRequested, other.Ended.IsCancellationRequested));
    }
}
