using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.DependencyInjection;
using Overture.Console.Sessions;
using Overture.Platform.Rpc;
using Overture.TestSupport;

namespace Overture.Console.Tests;

/// <summary>
/// Sign-ins by a provider that are not as they must be: an answer that was not for this browser, a copied token, a provider away.
/// </summary>
[Trait("Category", "integration")]
[Collection(ConsoleCollection.Name)]
public sealed class ProviderTests(ConsoleFixture world) : IAsyncLifetime
{
    private readonly TempDirectory keys = new();
    private TestIssuer issuer = null!;
    private OneMore console = null!;

    public async Task InitializeAsync()
    {
        await File.WriteAllTextAsync(keys.File("keys"), new string('k', 40));
        issuer = await TestIssuer.Start(world.Pki);
        console = await Replica();
    }

    public async Task DisposeAsync()
    {
        await console.DisposeAsync();
        await issuer.DisposeAsync();
        keys.Dispose();
    }

    [Fact]
    public async Task Answer_ForThisBrowser_SignsIn()
    {
        var asked = await Asked();
        issuer.IdToken = TokenFor(asked.Nonce);
        using var answer = await Back(asked, _ => true);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Contains(answer.Headers.GetValues("Set-Cookie"), IsSession);
    }

    [Theory]
    [InlineData("no nonce cookie"), InlineData("a token with another nonce"), InlineData("a token without one"),
     InlineData("no state cookie")]
    public async Task Answer_ThatIsNotForThisBrowser_IsRefused(string how)
    {
        var (asked, other) = (await Asked(), await Asked());
        issuer.IdToken = TokenFor(how switch
        {
            "a token with another nonce" => other.Nonce,
            "a token without one" => null,
            _ => asked.Nonce,
        });
        using var answer = await Back(asked, c => how switch
        {
            "no nonce cookie" => !c.Contains("nonce", StringComparison.Ordinal),
            "no state cookie" => c.Contains("nonce", StringComparison.Ordinal),
            _ => true,
        });
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains("did not belong to a sign-in that this browser began", await answer.Content.ReadAsStringAsync(),
            StringComparison.Ordinal);
        Assert.DoesNotContain(answer.Headers.TryGetValues("Set-Cookie", out var set) ? set : [], IsSession);
    }

    [Fact]
    public async Task Token_BroughtAsADelegation_GetsNoLink()
    {
        var asked = await Asked();
        var good = TokenFor(asked.Nonce);
        var reads = issuer.Reads;
        issuer.ChangeKey();
        using var client = world.Client(console.Url);
        // The other would make the console ask for the provider's keys.
        foreach (var token in new[] { good, TokenFor(asked.Nonce) })
        {
            using var answer = await ConsoleFixture.Bring(client, ConsoleCallers.Encode(token));
            Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
            Assert.DoesNotContain("enter/", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }
        Assert.Equal(reads, issuer.Reads);
    }

    [Theory]
    [InlineData(""), InlineData("cross-site"), InlineData("same-site"), InlineData("none")]
    public async Task WayToTheProvider_FromAnotherSite_EndsHere(string from)
    {
        using var client = world.Client(console.Url);
        using var answer = await Begin(client, from);
        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.False(answer.Headers.Contains("Set-Cookie"));
    }

    [Fact]
    public async Task ProviderAway_InMidSignIn_IsSaidAsItIs()
    {
        var asked = await Asked();
        await issuer.DisposeAsync();
        using var answer = await Back(asked, _ => true);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Contains("the identity provider does not answer", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ProviderAway_WhoHasACertificateComesIn_AndOthersGetOut()
    {
        // A browser with a session of the provider's person, at a console that never read the keys.
        var cookie = await CookieOf(TokenFor((await Asked()).Nonce));
        issuer.Broken = true;
        await using var fresh = await Replica();
        using var left = await Send(fresh.Url, HttpMethod.Post, "/leave", cookie, fresh.Url);
        Assert.Equal(HttpStatusCode.OK, left.StatusCode);
        Assert.Contains(left.Headers.GetValues("Set-Cookie"), c => IsSession(c) && c.Contains("1970", StringComparison.Ordinal));
        using var forged = await Send(fresh.Url, HttpMethod.Post, "/leave", cookie, "https://elsewhere.example.com");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, forged.StatusCode);
        var link = await world.Link("jo", at: fresh.Url);
        using var page = await Send(fresh.Url, HttpMethod.Get, new Uri(link).PathAndQuery, cookie, null);
        Assert.Contains("signed in as <b>someone who can&#x27;t be verified now</b>", await page.Content.ReadAsStringAsync(),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task TokenOfManyGroups_ThatIsTooLargeForACookie_NamesTheClaim()
    {
        var asked = await Asked();
        issuer.IdToken = TokenFor(asked.Nonce, Enumerable.Range(0, 150).Select(i => $"some-group-{i}"));
        using var answer = await Back(asked, _ => true);
        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        Assert.Contains("put fewer groups into the claim groups", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    /// <summary>As the button of the sign-in page does.</summary>
    internal static async Task<HttpResponseMessage> Begin(HttpClient client, string from = "same-origin")
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/provider");
        if (from.Length > 0)
            request.Headers.Add("Sec-Fetch-Site", from);
        return await client.SendAsync(request);
    }

    private Task<OneMore> Replica() => world.Replica(keys.File("keys"), issuer.Options);

    private async Task<Sent> Asked()
    {
        using var client = world.Client(console.Url);
        // On a loaded machine the provider's documents may take longer than the console waits.
        using var answer = await Eventually.Get(async () => await Begin(client) is { Headers.Location: not null } sent ? sent : null,
            "the console leads to the provider", TimeSpan.FromMinutes(1));
        var to = QueryHelpers.ParseQuery(answer.Headers.Location!.Query);
        return new($"{to["state"]}", $"{to["nonce"]}", [.. answer.Headers.GetValues("Set-Cookie").Select(c => c.Split(';')[0])]);
    }

    private Task<HttpResponseMessage> Back(Sent asked, Func<string, bool> kept) => Send(console.Url, HttpMethod.Get,
        $"/provider/done?code=x&state={Uri.EscapeDataString(asked.State)}", string.Join("; ", asked.Cookies.Where(kept)), null);

    private async Task<HttpResponseMessage> Send(string url, HttpMethod method, string address, string cookie, string? origin)
    {
        using var client = world.Client(url);
        using var request = new HttpRequestMessage(method, address);
        request.Headers.Add("Cookie", cookie);
        if (origin is not null)
            request.Headers.Add("Origin", origin);
        return await client.SendAsync(request);
    }

    private async Task<string> CookieOf(string token)
    {
        var sessions = console.App.Services.GetRequiredService<SessionCookie>();
        var http = new DefaultHttpContext();
        sessions.Write(http, await sessions.Open(ConsoleCallers.Encode(token), default));
        return $"{http.Response.Headers.SetCookie}".Split(';')[0];
    }

    private string TokenFor(string? nonce, IEnumerable<string>? more = null)
    {
        var claims = issuer.Claims(TimeProvider.System.GetUtcNow(), ["everyone", .. more ?? []]);
        if (nonce is null)
            claims.Remove("nonce");
        else
            claims["nonce"] = nonce;
        return issuer.Sign(claims);
    }

    private static bool IsSession(string cookie) => cookie.StartsWith(SessionCookie.Name + "=", StringComparison.Ordinal);

    private sealed record Sent(string State, string Nonce, List<string> Cookies);
}
