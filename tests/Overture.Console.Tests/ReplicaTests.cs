using System.Net;
using Overture.Console.Tests.Fakes;
using Overture.TestSupport;

namespace Overture.Console.Tests;

/// <summary>Two consoles behind one name, without sticky sessions, and one that is started again.</summary>
[Trait("Category", "integration")]
[Collection(ConsoleCollection.Name)]
public sealed class ReplicaTests(ConsoleFixture world) : IDisposable
{
    private readonly TempDirectory keys = new();

    [Fact]
    public async Task Link_WorksAtEitherReplica_AndOnceAtAll()
    {
        await using var one = await world.Replica(Key());
        await using var other = await world.Replica(Key());
        var link = await world.Link("jo", at: one.Url);
        using var client = world.Client(other.Url);
        using var entered = await ConsoleFixture.Enter(client, link.Replace(one.Url, other.Url, StringComparison.Ordinal));
        Assert.Equal(HttpStatusCode.OK, entered.StatusCode);
        Assert.Contains("jo (operator)", await client.GetStringAsync("/"), StringComparison.Ordinal);
        foreach (var replica in new[] { one, other })
        {
            using var again = world.Client(replica.Url);
            using var refused = await ConsoleFixture.Enter(again, link.Replace(one.Url, replica.Url, StringComparison.Ordinal));
            Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        }
    }

    [Fact]
    public async Task CookieAndFormOfOne_AreGoodAtTheOther()
    {
        await using var one = await world.Replica(Key());
        await using var other = await world.Replica(Key());
        using var client = world.Client(one.Url);
        using var entered = await ConsoleFixture.Enter(client, await world.Link("jo", at: one.Url));
        var name = Scene.Named(9);
        using var form = await PageTests.Form(client, $"/instances/{name}/terminate", ("reason", "old"));
        // Cookies of a host are of all its ports.
        using var done = await client.PostAsync(new Uri($"{other.Url}/instances/{name}/terminate"), form);
        Assert.Equal(HttpStatusCode.Redirect, done.StatusCode);
        Assert.Contains($"TerminateInstance {name} (old) by jo (operator), by console", world.World.Acts);
    }

    [Fact]
    public async Task SignedOutAtOne_IsOutAtTheOther_AndAfterARestart()
    {
        await using var one = await world.Replica(Key());
        await using var other = await world.Replica(Key());
        using var client = world.Client(one.Url);
        using var entered = await ConsoleFixture.Enter(client, await world.Link("kim", at: one.Url));
        var kept = entered.Headers.GetValues("Set-Cookie").Single(c => c.Contains("session", StringComparison.Ordinal)).Split(';')[0];
        Assert.Equal(HttpStatusCode.OK, await With(other.Url, kept));
        using var form = await PageTests.Form(client, "/");
        using var left = await client.PostAsync("/leave", form);
        Assert.Contains("You have signed out.", await left.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        await Eventually.True(async () => await With(other.Url, kept) == HttpStatusCode.Unauthorized, "the other knows it",
            TimeSpan.FromMinutes(1));
        await using var restarted = await world.Replica(Key());
        Assert.Equal(HttpStatusCode.Unauthorized, await With(restarted.Url, kept));
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task ConductorAway_WhoWasSeenAMomentAgo_StillDecides(bool isReplicated)
    {
        await using var replica = isReplicated ? await world.Replica(Key()) : null;
        var url = replica?.Url ?? world.Url;
        using var client = world.Client(url);
        using var entered = await ConsoleFixture.Enter(client, await world.Link("kim", at: url));
        try
        {
            world.World.Away[Platform.Tls.Role.Conductor] = true;
            world.World.Asks.Clear();
            var pages = 0;
            // What a replica saw is fresh for 10 s; one that is alone needs not ask.
            await Eventually.True(async () =>
            {
                await client.GetStringAsync("/requests");
                return ++pages > 10 && (!isReplicated || !world.World.Asks.IsEmpty);
            }, "the mark is asked for again", TimeSpan.FromMinutes(1));
            for (var i = 0; i < 10; i++)
                await client.GetStringAsync("/requests");
            // What did not answer was not asked at each page.
            Assert.InRange(world.World.Asks.Count, isReplicated ? 1 : 0, isReplicated ? 5 : 0);
            world.World.Acts.Clear();
            using var form = await PageTests.Form(client, $"/requests/{Scene.Named(103)}", ("reason", "known"), ("spki", "3f0c2a4e00"));
            using var acted = await client.PostAsync($"/requests/{Scene.Named(8)}/approve", form);
            Assert.Equal("/requests?done=approved", $"{acted.Headers.Location}");
            Assert.Contains(world.World.Acts, a => a.StartsWith($"Approve {Scene.Named(8)}", StringComparison.Ordinal));
        }
        finally
        {
            world.World.Away.Clear();
        }
    }

    [Fact]
    public async Task Revoked_IsToldSo_WhereAFormIsSent()
    {
        world.Pki.Issue("rex", Platform.Tls.Role.Operator);
        await using var one = await world.Replica(Key());
        await using var other = await world.Replica(Key());
        using var client = world.Client(one.Url);
        using var entered = await ConsoleFixture.Enter(client, await world.Link("rex", at: one.Url));
        using var form = await PageTests.Form(client, $"/requests/{Scene.Named(103)}", ("reason", "known"), ("spki", "3f0c2a4e00"));
        world.Revoked.Take([world.Pki.SerialOf("rex")]);
        using var acted = await client.PostAsync(new Uri($"{other.Url}/requests/{Scene.Named(8)}/approve"), form);
        Assert.Equal(HttpStatusCode.Unauthorized, acted.StatusCode);
        Assert.Contains("was revoked", await acted.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task SecretIsReplaced_InTwoSteps_WithoutEndingASession()
    {
        string[] keys = [new('o', 40), new('n', 40)];
        string Lines(string name, params string[] lines)
        {
            File.WriteAllLines(this.keys.File(name), lines);
            return this.keys.File(name);
        }
        await using var before = await world.Replica(Lines("1", keys[0]));
        await using var first = await world.Replica(Lines("2", keys[0], keys[1]));
        await using var second = await world.Replica(Lines("3", keys[1], keys[0]));
        // Of each step only neighbors run at the same time.
        foreach (var (at, neighbor) in new[] { (before, first), (first, before), (first, second), (second, first) })
        {
            using var client = world.Client(at.Url);
            using var entered = await ConsoleFixture.Enter(client, await world.Link("kim", at: at.Url));
            using var page = await client.GetAsync(new Uri($"{neighbor.Url}/health"));
            Assert.Equal(HttpStatusCode.OK, page.StatusCode);
        }
        Assert.Contains("two lines", Sessions.SharedKeys.Problem(Lines("4", keys[0], keys[0])), StringComparison.Ordinal);
        Assert.Null(Sessions.SharedKeys.Problem(Lines("5", keys)));
    }

    [Fact]
    public async Task BusyStream_EndsToo_WhereTheSessionWasLeftAtAnother()
    {
        await using var one = await world.Replica(Key());
        await using var other = await world.Replica(Key());
        using var client = world.Client(one.Url);
        using var entered = await ConsoleFixture.Enter(client, await world.Link("kim", at: one.Url));
        var name = Scene.Named(7);
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        using var stream = new StreamReader(await client.GetStreamAsync($"/instances/{name}/events", limit.Token));
        using var form = await PageTests.Form(client, $"{other.Url}/health");
        using var left = await client.PostAsync(new Uri($"{other.Url}/leave"), form);
        Assert.Equal(HttpStatusCode.OK, left.StatusCode);
        var changed = world.World.Of(name).Clone();
        using var busy = new Timer(_ =>
        {
            var next = changed.Clone();
            next.LastReport = Google.Protobuf.WellKnownTypes.Timestamp.FromDateTimeOffset(TimeProvider.System.GetUtcNow());
            world.World.Change(next);
        }, null, TimeSpan.Zero, TimeSpan.FromMilliseconds(200));
        Assert.EndsWith("event: over\ndata: \n\n", await stream.ReadToEndAsync(limit.Token), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ConductorAway_PagesAreShown_AndNothingIsDone()
    {
        await using var one = await world.Replica(Key());
        using var client = world.Client(one.Url);
        using var entered = await ConsoleFixture.Enter(client, await world.Link("kim", at: one.Url));
        using var form = await PageTests.Form(client, $"/requests/{Scene.Named(103)}", ("reason", "known"), ("spki", "3f0c2a4e00"));
        await using var fresh = await world.Replica(Key());
        try
        {
            world.World.Away[Platform.Tls.Role.Conductor] = true;
            using var seen = await client.GetAsync(new Uri($"{fresh.Url}/requests"));
            Assert.Equal(HttpStatusCode.OK, seen.StatusCode);
            using var acted = await client.PostAsync(new Uri($"{fresh.Url}/requests/{Scene.Named(8)}/approve"), form);
            Assert.Equal(HttpStatusCode.ServiceUnavailable, acted.StatusCode);
            Assert.DoesNotContain(world.World.Acts, a => a.Contains($"Approve {Scene.Named(8)}", StringComparison.Ordinal));
        }
        finally
        {
            world.World.Away.Clear();
        }
    }

    public void Dispose() => keys.Dispose();

    private string Key()
    {
        var file = keys.File("keys");
        if (!File.Exists(file))
            File.WriteAllText(file, new string('k', 40));
        return file;
    }

    private async Task<HttpStatusCode> With(string url, string cookie)
    {
        using var client = world.Client(url);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/health");
        request.Headers.Add("Cookie", cookie);
        using var answer = await client.SendAsync(request);
        return answer.StatusCode;
    }
}
