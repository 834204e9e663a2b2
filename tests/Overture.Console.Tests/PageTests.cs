using System.Net;
using System.Text.RegularExpressions;
using Google.Protobuf;
using Overture.Conductor.V1;
using Overture.Console.Tests.Fakes;
using Overture.Platform.Tls;
using Overture.TestSupport;

namespace Overture.Console.Tests;

/// <summary>Pages as they are sent: headers, what is escaped, what is missing, who may act, and how a session begins and ends.</summary>
[Trait("Category", "integration")]
[Collection(ConsoleCollection.Name)]
public sealed partial class PageTests(ConsoleFixture world)
{
    public static TheoryData<string> Pages =>
    [
        "/", "/?state=converged&label=team%3Dblue", "/?order=oldest",
        $"/instances/{Scene.Named(1)}", $"/instances/{Scene.Named(101)}", $"/instances/{Scene.HostileName}",
        $"/instances/{Scene.HostileName}/console", $"/instances/{Scene.HostileName}/user-data", $"/instances/{Scene.HostileName}/terminate",
        "/requests", $"/requests/{Scene.HostileName}",
        "/definitions", $"/definitions/{Scene.HostileName}", $"/definitions/{Scene.HostileName}/edit",
        $"/definitions/{Scene.HostileName}/delete", "/layers", "/layers/edit",
        "/launch", "/launch?profile=web", $"/launched?name={Scene.HostileName}",
        "/certificates", "/certificates?show=expiring", $"/certificates/name/{Scene.HostileName}",
        $"/certificates/name/{Scene.HostileName}/revoke", "/audit", "/health",
    ];

    [Theory, MemberData(nameof(Pages))]
    public async Task EveryPage_HasItsHeaders_AndEscapesWhatOthersWrote(string address)
    {
        using var client = await world.SignedIn("kim");
        using var answer = await client.GetAsync(address);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.StatusCode == HttpStatusCode.OK, $"{answer.StatusCode}\n{text}");
        var headers = answer.Headers;
        Assert.StartsWith("default-src 'none'; style-src 'self'; script-src 'self';", headers.GetValues("Content-Security-Policy").Single(),
            StringComparison.Ordinal);
        Assert.Equal(("nosniff", "DENY", "no-referrer", true), (headers.GetValues("X-Content-Type-Options").Single(),
            headers.GetValues("X-Frame-Options").Single(), headers.GetValues("Referrer-Policy").Single(), headers.CacheControl?.NoStore));
        Assert.DoesNotContain("<script>", text, StringComparison.Ordinal);
        Assert.DoesNotContain("<img", text, StringComparison.Ordinal);
        Assert.DoesNotContain(" style=", text, StringComparison.Ordinal);
        Assert.DoesNotMatch(Inline(), Quoted().Replace(text, "\"\""));
        if (address.Contains(Scene.HostileName, StringComparison.Ordinal)
            && address.Split('/')[^1] is not ("terminate" or "delete" or "revoke"))
        {
            Assert.Contains("&lt;script&gt;", text, StringComparison.Ordinal);
        }
    }

    [Theory, MemberData(nameof(Pages))]
    public async Task EveryPage_WithoutASession_IsTheSignIn(string address)
    {
        using var client = world.Client();
        using var answer = await client.GetAsync(address);
        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.Contains("overture ui", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.False(answer.Headers.Contains("Set-Cookie"));
    }

    [Theory]
    [InlineData("/", "\"summary\""), InlineData("/requests", "\"requests\""), InlineData("/certificates", "\"certificates\""),
     InlineData("/audit", "\"audit\""), InlineData("/definitions", "\"definitions\""), InlineData("/health", "\"services\"")]
    public async Task EveryList_IsJsonAndCsvToo(string address, string part)
    {
        using var client = await world.SignedIn("vi");
        using var json = System.Text.Json.JsonDocument.Parse(await client.GetStringAsync($"{address}?format=json"));
        Assert.Contains(part, json.RootElement.GetRawText(), StringComparison.Ordinal);
        if (address == "/health")
            return;
        var csv = await client.GetStringAsync($"{address}?format=csv");
        Assert.Contains(address == "/audit" ? "\"at\",\"action\",\"outcome\",\"name\"" : "certname", csv.Split("\r\n")[0],
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task OneTimeLink_WorksOnce_AndItsCookieIsStrict()
    {
        var link = await world.Link("jo");
        using var client = world.Client();
        using var entered = await ConsoleFixture.Enter(client, link);
        var cookie = entered.Headers.GetValues("Set-Cookie").Single();
        foreach (var part in new[] { "__Host-overture-session=", "path=/", "secure", "samesite=strict", "httponly" })
            Assert.Contains(part, cookie, StringComparison.OrdinalIgnoreCase);
        Assert.True(cookie.Length < 4096, $"{cookie.Length} bytes");
        Assert.Contains("jo (operator)", await client.GetStringAsync("/"), StringComparison.Ordinal);
        using var other = world.Client();
        using var again = await other.GetAsync(link);
        Assert.Equal(HttpStatusCode.Unauthorized, again.StatusCode);
        Assert.Contains("overture pki revoke", await again.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("classifier"), InlineData("enc")]
    public async Task Delegation_OfNoPerson_GetsNoLink(string party)
    {
        using var client = world.Client();
        var delegation = TestDelegation.Of(world.Pki, party, TimeProvider.System.GetUtcNow().AddHours(1));
        using var answer = await ConsoleFixture.Bring(client, delegation.ToByteArray());
        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        Assert.Contains("DELEGATION_INVALID", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Session_EndsWithItsTime()
    {
        using var client = world.Client();
        using var entered = await ConsoleFixture.Enter(client, await world.Link("jo", TimeSpan.FromSeconds(4)));
        // Kept longer than a browser would.
        var kept = entered.Headers.GetValues("Set-Cookie").Single().Split(';')[0];
        await Eventually.True(async () =>
        {
            using var other = world.Client();
            using var request = new HttpRequestMessage(HttpMethod.Get, "/health");
            request.Headers.Add("Cookie", kept);
            return (await other.SendAsync(request)).StatusCode == HttpStatusCode.Unauthorized;
        }, "it ends", TimeSpan.FromSeconds(20));
    }

    [Fact]
    public async Task Session_EndsWhereTheServicesSayThatItsCertificateWasRevoked()
    {
        world.Pki.Issue("ex", Role.Operator);
        using var client = await world.SignedIn("ex");
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/")).StatusCode);
        world.Revoked.Take([world.Pki.SerialOf("ex")]);
        using var answer = await client.GetAsync("/");
        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.Contains("was revoked", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        var cookie = answer.Headers.GetValues("Set-Cookie").Single(c => c.Contains("session", StringComparison.Ordinal));
        Assert.Contains("expires=Thu, 01 Jan 1970", cookie, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task SignedOut_IsOut_AlsoWithAKeptCookie()
    {
        using var client = world.Client();
        using var entered = await ConsoleFixture.Enter(client, await world.Link("kim"));
        var kept = entered.Headers.GetValues("Set-Cookie").Single().Split(';')[0];
        using var left = await client.PostAsync("/leave", await Form(client, "/"));
        Assert.Equal(HttpStatusCode.OK, left.StatusCode);
        using var thief = world.Client();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/health");
        request.Headers.Add("Cookie", kept);
        using var answer = await thief.SendAsync(request);
        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
    }

    [Fact]
    public async Task Act_GoesToTheServiceAsThePerson()
    {
        using var client = await world.SignedIn("jo");
        var name = Scene.Named(3);
        var (terminate, request) = ($"/instances/{name}/terminate", $"/requests/{name}");
        using var done = await client.PostAsync(terminate, await Form(client, terminate, ("reason", "old")));
        Assert.Equal((HttpStatusCode.Redirect, $"/instances/{name}?done=terminate"), (done.StatusCode, $"{done.Headers.Location}"));
        Assert.Contains($"TerminateInstance {name} (old) by jo (operator), by console", world.World.Acts);

        using var approved = await client.PostAsync($"{request}/approve",
            await Form(client, request, ("reason", "known"), ("spki", "3f0c2a4e00")));
        Assert.Equal("/requests?done=approved", $"{approved.Headers.Location}");
        Assert.Contains($"Approve {name} 3f0c2a4e (known) by jo (operator), by console", world.World.Acts);
    }

    [Fact]
    public async Task Form_OfAnotherSessionOrNone_IsRefused()
    {
        using var client = await world.SignedIn("jo");
        var address = $"/instances/{Scene.Named(4)}/terminate";
        using var without = new FormUrlEncodedContent([KeyValuePair.Create("reason", "x")]);
        Assert.Equal(HttpStatusCode.BadRequest, (await client.PostAsync(address, without)).StatusCode);
        using var other = await world.SignedIn("jo");
        await other.GetAsync("/");
        using var stolen = await Form(client, address, ("reason", "x"));
        Assert.Equal(HttpStatusCode.BadRequest, (await other.PostAsync(address, stolen)).StatusCode);
        Assert.DoesNotContain(world.World.Acts, a => a.Contains(Scene.Named(4), StringComparison.Ordinal));
    }

    [Fact]
    public async Task Viewer_SeesNoButton_AndIsRefusedByTheService()
    {
        using var client = await world.SignedIn("vi");
        var page = await client.GetStringAsync($"/instances/{Scene.Named(101)}");
        foreach (var word in new[] { "/terminate\"", "/quarantine\"", "/console\"", "Protect" })
            Assert.DoesNotContain(word, page, StringComparison.Ordinal);
        Assert.DoesNotContain("Approve", await client.GetStringAsync($"/requests/{Scene.Named(103)}"), StringComparison.Ordinal);
        var address = $"/instances/{Scene.Named(5)}/terminate";
        using var answer = await client.PostAsync(address, await Form(client, address, ("reason", "x")));
        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        Assert.Contains("ROLE_MISSING", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.DoesNotContain(world.World.Acts, a => a.Contains("vi (viewer)", StringComparison.Ordinal));
    }

    [Fact]
    public async Task ServiceAway_ItsPartSaysSo_AndTheRestIsThere()
    {
        using var client = await world.SignedIn("kim");
        try
        {
            world.World.Away[Role.Classifier] = world.World.Away[Role.CertAuthority] = true;
            var page = await client.GetStringAsync($"/instances/{Scene.Named(101)}");
            Assert.Contains("Its certificate is not to be had now", page, StringComparison.Ordinal);
            Assert.Contains("the object store does not answer", page, StringComparison.Ordinal);
            Assert.Contains("profile::webb", page, StringComparison.Ordinal);
            Assert.Contains("not serving: the object store does not answer", await client.GetStringAsync("/health"),
                StringComparison.Ordinal);
        }
        finally
        {
            world.World.Away.Clear();
        }
    }

    /// <summary>What the console asks for its first page, and what it sends, is the same for 5,000 and for 20,000.</summary>
    [Fact]
    public async Task FirstPage_AsksAndSendsNoMore_OfALargerFleet()
    {
        using var client = await world.SignedIn("vi");
        var usual = world.World.Fleet;
        try
        {
            var (few, many) = (await Cost(5_000), await Cost(20_000));
            Assert.Equal(few.Calls, many.Calls);
            Assert.Equal(4, few.Calls.Count);
            // Other instances are the newest fifty, and counts have other digits.
            Assert.InRange(many.Bytes, few.Bytes * 9 / 10, few.Bytes * 11 / 10);
            Assert.InRange(many.Bytes, 1, 200_000);
        }
        finally
        {
            world.World.Fleet = usual;
        }

        async Task<(List<string> Calls, int Bytes)> Cost(int instances)
        {
            world.World.Fleet = [.. Scene.Large(instances)];
            world.World.Calls.Clear();
            var page = await client.GetByteArrayAsync("/");
            return ([.. world.World.Calls.Order()], page.Length);
        }
    }

    [Fact]
    public async Task Unknown_IsAPageWithTheServicesWords()
    {
        using var client = await world.SignedIn("kim");
        using var answer = await client.GetAsync("/instances/nothing.example.com");
        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        Assert.Contains("there is no instance nothing.example.com", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync("/no/such/page")).StatusCode);
    }

    [Fact]
    public async Task Events_OfTheFleet_AreOfWhatIsShown_AndOfWhatIsLaunchedFromNowOn()
    {
        using var client = await world.SignedIn("vi");
        var page = await client.GetStringAsync("/");
        var events = WebUtility.HtmlDecode(Regex.Match(page, "data-events=\"([^\"]+)\"").Groups[1].Value);
        var shown = Regex.Matches(page, "<td class=\"certname\"><a href=\"/instances/([^\"]+)\"").Select(m => m.Groups[1].Value).ToList();
        world.World.Watches.Clear();
        var now = TimeProvider.System.GetUtcNow();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        using var stream = new StreamReader(await client.GetStreamAsync(events, limit.Token));
        await Eventually.True(() => world.World.Watches.Count >= 2, "both watches have begun", TimeSpan.FromSeconds(30));
        Assert.Equal(shown.Order(), world.World.Watches.Single(w => w.Certnames.Count > 0).Certnames.Order());
        Assert.True(shown.Count <= 50);
        var all = world.World.Watches.Single(w => w.Certnames.Count == 0);
        Assert.InRange(all.Filter.Since.ToDateTimeOffset(), now.AddSeconds(-1), now.AddMinutes(1));
    }

    [Fact]
    public async Task ServiceAway_TheWayAndTheTrend_SayLessAndStay()
    {
        using var client = await world.SignedIn("kim");
        try
        {
            world.World.Away[Role.Conductor] = true;
            var page = await client.GetStringAsync("/");
            Assert.Contains("How long instances take is not to be had now", page, StringComparison.Ordinal);
            Assert.Contains("Saved views", page, StringComparison.Ordinal);
        }
        finally
        {
            world.World.Away.Clear();
        }
        Assert.Contains("converged in the last day", await client.GetStringAsync("/"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task UsualWindow_IsOfTheProfile_AndWithoutOneThereIsNone()
    {
        using var client = await world.SignedIn("vi");
        Assert.Contains("with profile db, of 97", await client.GetStringAsync($"/instances/{Scene.Named(3)}"), StringComparison.Ordinal);
        Assert.DoesNotContain("with profile", await client.GetStringAsync($"/instances/{Scene.Named(Scene.Bare)}"),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Console_IsAskedForWhereItMaySayWhyNothingGoesOn()
    {
        using var client = await world.SignedIn("jo");
        foreach (var (number, isAsked) in new[] { (104, true), (107, false), (1, false) })
        {
            var name = Scene.Named(number);
            world.World.Acts.Clear();
            await client.GetStringAsync($"/instances/{name}");
            Assert.Equal(isAsked, world.World.Acts.Any(a => a.StartsWith($"GetConsole {name}", StringComparison.Ordinal)));
        }
    }

    [Fact]
    public async Task OwnViews_AreShownToNoOneElse()
    {
        using var client = await world.SignedIn("jo");
        using var form = await Form(client, "/", ("name", "Of jo"), ("address", "/?profile=web"));
        using var kept = await client.PostAsync("/views", form);
        Assert.Contains("Of jo", await client.GetStringAsync("/"), StringComparison.Ordinal);
        using var other = await ConsoleFixture.Enter(client, await world.Link("vi"));
        Assert.DoesNotContain("Of jo", await client.GetStringAsync("/"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task UserData_IsForOperators_AndTheTraceLinksToItsPage()
    {
        using var viewer = await world.SignedIn("vi");
        var page = await viewer.GetStringAsync($"/instances/{Scene.Named(1)}");
        Assert.DoesNotContain("user-data", page, StringComparison.Ordinal);
        Assert.Contains("href=\"https://traces.example.com/trace/4bf92f3577b34da6a3ce929d0e0e4736\"", page, StringComparison.Ordinal);
        using var refused = await viewer.GetAsync($"/instances/{Scene.Named(1)}/user-data");
        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
    }

    [Fact]
    public async Task Events_SayThatAShownInstanceChanged()
    {
        using var client = await world.SignedIn("vi");
        var name = Scene.Named(7);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        using var stream = new StreamReader(await client.GetStreamAsync($"/instances/{name}/events", limit.Token));
        Assert.Equal("retry: 3000", await stream.ReadLineAsync(limit.Token));
        var changed = world.World.Of(name).Clone();
        changed.State = InstanceState.Terminating;
        using var again = new Timer(_ =>
        {
            // Until the watch has begun, a change is not seen.
            changed.States.Add(new StateTime());
            changed.LastReport = Google.Protobuf.WellKnownTypes.Timestamp.FromDateTimeOffset(TimeProvider.System.GetUtcNow());
            world.World.Change(changed);
        }, null, TimeSpan.Zero, TimeSpan.FromMilliseconds(200));
        var line = "";
        while (line != "event: change")
            line = await stream.ReadLineAsync(limit.Token) ?? throw new EndOfStreamException();
    }

    [GeneratedRegex("\"[^\"]*\"")]
    private static partial Regex Quoted();

    // An attribute of a tag, not a text that reads like one: that is between quotes, or has no '<' before it that is not escaped.
    [GeneratedRegex("<[a-z][^>]*\\son[a-z]+\\s*=", RegexOptions.IgnoreCase)]
    private static partial Regex Inline();

    internal static async Task<FormUrlEncodedContent> Form(HttpClient client, string page, params (string, string)[] fields)
    {
        var token = Regex.Match(await client.GetStringAsync(page), "name=\"form_token\" value=\"([^\"]+)\"").Groups[1].Value;
        return new([.. fields.Append(("form_token", token)).Select(f => KeyValuePair.Create(f.Item1, f.Item2))]);
    }
}
