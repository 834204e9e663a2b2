using System.Security.Cryptography.X509Certificates;
using System.Text.RegularExpressions;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;
using Overture.Console.Tests.Fakes;
using Overture.Platform.Tls;
using Overture.TestSupport;

namespace Overture.Console.Tests;

/// <summary>Sign-in by a real identity provider (the npm package oidc-provider), in a real browser.</summary>
public sealed partial class BrowserTests
{
    [Fact]
    public async Task Provider_SignsIn_AndTheServicesSeeThePerson()
    {
        var (page, said) = await NewPage(1440, "light");
        await page.Open(world.Url);
        await page.ScreenshotAsync(new() { Path = Path.Combine(Pictures, "sign-in-1440-light.png") });
        Assert.Empty((await page.RunAxe()).Violations);
        await ByProvider(page, said, "jo");
        await Assertions.Expect(page.Locator(".who .person")).ToContainTextAsync("jo_jo (operator)");
        await Assertions.Expect(page.Locator(".who .person")).ToContainTextAsync("only profile=web");
        await page.Open($"{world.Url}/instances/{Scene.Named(2)}/terminate");
        await page.GetByLabel("Reason").FillAsync("by the provider");
        await page.Locator("main button.grave").First.ClickAsync();
        // The page that says so is there, and no other is on its way.
        await Assertions.Expect(page).ToHaveURLAsync(new Regex($"/instances/{Scene.Named(2)}(\\?.*)?$"));
        var act = $"TerminateInstance {Scene.Named(2)} (by the provider) by jo_jo (operator), by console";
        await Eventually.True(() => world.World.Acts.Contains(act), "the act is jo's", TimeSpan.FromMinutes(1));
        var cookie = (await page.Context.CookiesAsync()).Single(c => c.Name == "__Host-overture-session");
        Assert.Equal((true, true, SameSiteAttribute.Strict), (cookie.Secure, cookie.HttpOnly, cookie.SameSite));
        Assert.Empty(said);

        await page.GetByRole(AriaRole.Button, new() { Name = "Sign out" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Status)).ToContainTextAsync("You have signed out");
        Assert.DoesNotContain(await page.Context.CookiesAsync(), c => c.Name == "__Host-overture-session");
    }

    [Fact]
    public async Task Provider_Viewer_HasNoButton_AndAForgedOneIsRefused()
    {
        var (page, said) = await NewPage(1440, "light");
        await ByProvider(page, said, "vi");
        await page.Open($"{world.Url}/instances/{Scene.Named(3)}");
        await Assertions.Expect(page.Locator("main button:visible:not([data-copy])")).ToHaveCountAsync(0);
        // With the page's own token, as a script of the viewer's would.
        var status = await page.EvaluateAsync<int>($$"""
            async () => (await fetch('/instances/{{Scene.Named(3)}}/terminate', { method: 'POST',
                headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
                body: new URLSearchParams({ form_token: document.querySelector('[name=form_token]').value, reason: 'forged' }) })).status
            """);
        Assert.Equal(403, status);
        Assert.DoesNotContain(world.World.Acts, a => a.Contains("(forged)", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Provider_PersonOfNoGroup_IsRefusedWithWords()
    {
        var (page, said) = await NewPage(375, "light");
        await ByProvider(page, said, "eve");
        await Assertions.Expect(page.GetByRole(AriaRole.Status)).ToContainTextAsync("eve_eve is in no group that may do anything here");
        Assert.DoesNotContain(await page.Context.CookiesAsync(), c => c.Name == "__Host-overture-session");
    }

    [Fact]
    public async Task Provider_HostileName_IsOnlyText()
    {
        var (page, said) = await NewPage(375, "light");
        await ByProvider(page, said, "<b onclick=alert(1)>");
        await Assertions.Expect(page.Locator(".who .person"))
            .ToContainTextAsync("bonclickalert1__3cb_20onclick_3dalert_281_29_3e (viewer)");
        Assert.True(await page.EvaluateAsync<int>("document.documentElement.scrollWidth") <= 375);
        Assert.DoesNotContain(said, s => s.Contains("dialog", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Provider_TokenOver_SessionOver()
    {
        var (page, said) = await NewPage(1440, "light");
        await ByProvider(page, said, "short");
        await Assertions.Expect(page.Locator(".who .person")).ToContainTextAsync("short_short (viewer)");
        await Eventually.True(async () => (await page.Open($"{world.Url}/health"))!.Status == 401, "the session ends");
        await Assertions.Expect(page.Locator("a.button.main")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task Provider_BarredPerson_IsOutAtTheNextCall()
    {
        var (page, said) = await NewPage(1440, "light");
        await ByProvider(page, said, "lee");
        await Assertions.Expect(page.Locator(".who .person")).ToContainTextAsync("lee_lee (viewer)");
        // A page that is live would ask by itself, and be what ends the session.
        await page.Open($"{world.Url}/audit");
        await File.WriteAllTextAsync(world.Barred, "lee_lee (viewer), by console\n");
        await page.Open($"{world.Url}/instances/{Scene.Named(3)}");
        await Assertions.Expect(page.GetByRole(AriaRole.Status)).ToContainTextAsync("lee_lee is barred here");
    }

    [Theory]
    [InlineData("/provider/done?code=x&state=y"), InlineData("/provider/done"),
     InlineData("/provider/done?error=access_denied&error_description=%3Cb%3Ecall%20123")]
    public async Task Answer_ThatNoOneAskedFor_SignsNobodyIn(string address)
    {
        using var client = world.Client();
        using var answer = await client.GetAsync(address);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.Equal(System.Net.HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains("did not belong to a sign-in that this browser began", text, StringComparison.Ordinal);
        Assert.DoesNotContain("123", text.Split("<main")[1].Split("</main")[0], StringComparison.Ordinal);
        Assert.True(answer.Headers.Contains("Content-Security-Policy"));
    }

    [Fact]
    public async Task WayToTheProvider_HasPkce_State_AndANonceOfThisConsole()
    {
        using var client = world.Client();
        using var answer = await ProviderTests.Begin(client);
        var to = Microsoft.AspNetCore.WebUtilities.QueryHelpers.ParseQuery(answer.Headers.Location!.Query);
        Assert.StartsWith($"{world.ProviderUrl}/auth?", $"{answer.Headers.Location}", StringComparison.Ordinal);
        Assert.Equal(("S256", "code", "openid profile", $"{world.Url}/provider/done"),
            ($"{to["code_challenge_method"]}", $"{to["response_type"]}", $"{to["scope"]}", $"{to["redirect_uri"]}"));
        using var console = X509CertificateLoader.LoadCertificateFromFile(world.Pki.Files("console").Certificate);
        Assert.NotNull(ConsoleNonce.SessionOf($"{to["nonce"]}", console));
        foreach (var cookie in answer.Headers.GetValues("Set-Cookie"))
        {
            foreach (var part in new[] { "secure", "httponly", "samesite=lax", "__Host-overture-", "path=/;" })
                Assert.Contains(part, cookie, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("/signout-oidc"), InlineData("/signout-callback-oidc")]
    public async Task WaysThatTheHandlerHasByItself_AreClosed(string address)
    {
        using var client = world.Client();
        Assert.Equal(System.Net.HttpStatusCode.NotFound, (await client.GetAsync(address)).StatusCode);
    }

    private async Task ByProvider(IPage page, List<string> said, string login)
    {
        // The provider's development pages ask for a font elsewhere.
        await page.RouteAsync(Elsewhere(), route => route.AbortAsync());
        await page.Open(world.Url);
        await page.GetByRole(AriaRole.Link, new() { Name = "Sign in with Example Inc." }).ClickAsync();
        await page.Locator("input[name=login]").FillAsync(login);
        await page.Locator("input[name=password]").FillAsync("any");
        await page.Locator("button[type=submit]").ClickAsync();
        // What the console may know of the person.
        await page.GetByRole(AriaRole.Button, new() { Name = "Continue" }).ClickAsync();
        await Assertions.Expect(page.Locator("h1.verdict, .notice [role=status]").First).ToBeVisibleAsync();
        said.Clear();
    }

    [GeneratedRegex("^https?://(?!localhost[:/])")]
    private static partial Regex Elsewhere();
}
