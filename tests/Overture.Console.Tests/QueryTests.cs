using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Overture.Conductor.V1;
using Overture.Console.Fleet;
using Overture.Console.Instances;
using Overture.Console.Tests.Fakes;
using Overture.Records.V1;

namespace Overture.Console.Tests;

/// <summary>The command line's query model in the address, and the lanes of an instance's way.</summary>
public sealed class QueryTests
{
    [Theory]
    [InlineData("/", "overture instance list")]
    [InlineData("/?state=running&state=csr-received&condition=csr-held",
        "overture instance list --state running,csr-received --condition csr-held")]
    [InlineData("/?profile=web&order=oldest", "overture instance list --profile web --oldest-first")]
    [InlineData("/?label=team%3Dblue,!old&profile=web&since=2h&older-than=5m&launched-by=jo%20(operator)&prefix=4f1c&all=1",
        "overture instance list 4f1c -l 'team=blue,!old' --profile web --since 2h --older-than 5m --launched-by 'jo (operator)' --all")]
    [InlineData("/?label=a%3D%27;%20rm", "overture instance list -l 'a='\\''; rm'")]
    [InlineData("/?label=--all&profile=-w&prefix=--watch&all=1", "overture instance list -l=--all --profile=-w --all -- --watch")]
    [InlineData("/?prefix=a%1B%5B2Jb", ""), InlineData("/?label=a%0Ab", ""), InlineData("/?profile=a%E2%80%AEb", "")]
    public void Address_IsTheCommand_AndComesBackAsItWas(string address, string command)
    {
        var query = Read(address, out var problems);
        Assert.Empty(problems);
        Assert.Equal((command, address), (query.ToCommand(), query.ToAddress()));
    }

    [Theory]
    [InlineData("/?state=happy", "state 'happy' is none of requested")]
    [InlineData("/?since=soon", "since 'soon' is no duration")]
    [InlineData("/?stat=running", "'stat' is no filter")]
    [InlineData("/?order=name", "order 'name' is none of newest, oldest")]
    public void Address_ThatIsNotUnderstood_SaysSo(string address, string problem)
    {
        Read(address, out var problems);
        Assert.StartsWith(problem, Assert.Single(problems), StringComparison.Ordinal);
    }

    [Fact]
    public void Filter_IsWhatTheCommandLineWouldSend()
    {
        var filter = Read("/?state=running,signed&label=a&label=b&all=1&since=2h", out _).ToFilter(Scene.Now);
        Assert.Equal([InstanceState.Running, InstanceState.Signed], filter.States);
        Assert.Equal(("a,b", true, true, Scene.Now - TimeSpan.FromHours(2)),
            (filter.Selector, filter.ShowOwn, filter.ShowTerminated, filter.Since.ToDateTimeOffset()));
    }

    [Fact]
    public void Way_OfOneThatConverged_IsWholeAndInOrder()
    {
        var way = Way.Of(Scene.Converged(1), [], Scene.Now);
        Assert.All(way.All, s => Assert.Equal(StepEnd.Done, s.End));
        Assert.Equal(112.7, way.Total!.Value.TotalSeconds, 0.1);
        Assert.Equal(1000, way.All[^1].X + way.All[^1].Width, 0.001);
        Assert.Equal(way.All.Select(s => s.X), way.All.Select(s => s.X).Order());
    }

    [Fact]
    public void Way_OfOneThatIsStuck_StopsThere()
    {
        var fleet = Scene.Fleet();
        var way = Way.Of(fleet.Single(i => i.Certname == Scene.Named(104)), [], Scene.Now);
        Assert.Equal([StepEnd.Done, StepEnd.Done, StepEnd.Stuck, StepEnd.ToCome, StepEnd.ToCome, StepEnd.ToCome],
            way.All.Select(s => s.End));
        Assert.Null(way.Total);
        Assert.Equal(StepEnd.Running, Way.Of(fleet.Single(i => i.Certname == Scene.Named(106)), [], Scene.Now).All[4].End);
    }

    private static FleetQuery Read(string address, out IReadOnlyList<string> problems) =>
        FleetQuery.Read(new QueryCollection(QueryHelpers.ParseQuery(new Uri(new Uri("https://x"), address).Query)), out problems);

    [Fact]
    public void Way_AgainstTheUsualWindow_SaysWhatIsSlow_SilentAndTriedAgain()
    {
        var instance = Scene.Fleet().Single(i => i.Certname == Scene.Named(101));
        var way = Way.Of(instance, Scene.Timeline(instance).Events, Scene.Now, Convergence.Of().Steps);
        var run = way.All[^1];
        Assert.True(run.IsSlow);
        Assert.Equal((1, TimeSpan.FromSeconds(90)), (run.Retries, run.Usual!.P90));
        Assert.True(run.Gap!.Length > TimeSpan.FromMinutes(5), $"{run.Gap.Length}");
        Assert.All(way.All.Take(5), s => Assert.Null(s.Gap));
        Assert.All(way.All, s => Assert.InRange(s.Usual!.X + s.Usual.Width, s.X, 1001));
        Assert.All(way.All, s => Assert.InRange(s.X + s.Width, 0, 1001));
        Assert.Equal(StepEnd.Stuck, run.End);
    }

    [Fact]
    public void Way_HasEachLineOfTheTimelineOnce()
    {
        foreach (var instance in Scene.Fleet())
        {
            var events = Scene.Timeline(instance).Events;
            var lines = Way.Of(instance, events, Scene.Now).All.SelectMany(s => s.Lines).ToList();
            Assert.Equal(events.Select(e => e.Key).Order(), lines.Select(l => l.Key).Order());
        }
        // The Conductor says of one that boots that it has stalled: its own step was over long before.
        var stalled = Scene.Fleet().Single(i => i.Certname == Scene.Named(104));
        Assert.Contains(Way.Of(stalled, Scene.Timeline(stalled).Events, Scene.Now).All[2].Lines, l => l.Key == "stalled:CSR");
        // What fails after it has converged is no retry of its way.
        var silent = Scene.Converged(1);
        var later = new TimelineEvent
        {
            Key = "run-failed:X", Service = "conductor", Reason = "X", At = Scene.Ago(TimeSpan.FromMinutes(1)),
        };
        var way = Way.Of(silent, [.. Scene.Timeline(silent).Events, later], Scene.Now);
        Assert.Equal((true, 0), (way.All[5].Lines.Contains(later), way.All[5].Retries));
    }

    [Theory]
    [InlineData("Web, broken=/?condition=run-failed", true), InlineData("=/?x=1", false), InlineData("a=/", false),
     InlineData("a=https://evil.example.com/?x", false), InlineData("a=//evil.example.com/?x", false),
     InlineData("a=/?x\n", true), InlineData("a=/?x\ny", false), InlineData("a", false)]
    public void View_IsANameAndAnAddressOfTheFleet(string text, bool good) => Assert.Equal(good, FleetView.Read(text) is not null);

    [Fact]
    public void Trend_HasAPlaceForEachHour_AndTheCurrentOneIsTheLast()
    {
        var trend = Trend.Of(Convergence.Of(), Scene.Now)!;
        Assert.Equal(21, trend.Hours.Count);
        Assert.Equal((1.0, 231.0), (trend.Hours[0].X, trend.Hours[^1].X));
        Assert.All(trend.Hours, h => Assert.True(h.Y95 <= h.Y50 && h.Y95 >= 0));
        Assert.Null(Trend.Of(new(), Scene.Now));
        Assert.EndsWith("half within 1 min 44 s, 95 of 100 within 3 min 50 s.", trend.Sentence, StringComparison.Ordinal);
        // An hour later by this clock: the first is of yesterday.
        var next = Trend.Of(Convergence.Of(), Scene.Now.AddHours(1))!;
        Assert.Equal((20, 1.0), (next.Hours.Count, next.Hours[0].X));
    }

    [Fact]
    public void ConsoleText_IsItsLastLines_WithoutWhatATerminalActsOn() =>
        Assert.Equal("b\nc", ConsoleText.End("a\n\n\u001b[31mb\u001b[0m\n\u0007c\n", 2));
}
