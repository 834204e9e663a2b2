using Overture.Console.Services;

namespace Overture.Console.Tests;

/// <summary>How many streams of events one session, and all, may hold.</summary>
public sealed class StreamTests
{
    [Fact]
    public void Streams_OfOneSession_HaveALimit_AndAPlaceComesBack()
    {
        var streams = new OpenStreams();
        var taken = Enumerable.Range(0, 30).Select(_ => streams.Take("jo")).ToList();
        Assert.DoesNotContain(null, taken);
        Assert.Null(streams.Take("jo"));
        Assert.NotNull(streams.Take("kim"));
        taken[0]!.Dispose();
        taken[0]!.Dispose();
        Assert.NotNull(streams.Take("jo"));
        Assert.Null(streams.Take("jo"));
    }

    [Fact]
    public void Streams_OfAll_HaveALimit()
    {
        var streams = new OpenStreams();
        Assert.All(Enumerable.Range(0, 1000), i => Assert.NotNull(streams.Take($"{i}")));
        Assert.Null(streams.Take("one more"));
    }
}
