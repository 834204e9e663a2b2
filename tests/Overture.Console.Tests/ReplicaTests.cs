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
        await Eventually.True(async () => await With(other.Url, kept) == HttpStatusCode.Unauthorized, "the other knows it", TimeSpan.FromMinutes(1));
        await using var restarted = await world.Replica(Key());
        Assert.Equal(HttpStatusCode.Unauthorized, await With(restarted.Url, kept));
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
