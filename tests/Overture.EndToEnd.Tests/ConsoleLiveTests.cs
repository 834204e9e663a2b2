using Overture.TestSupport;
using PuppeteerSharp;

namespace Overture.EndToEnd.Tests;

/// <summary>An instance's page, open in a browser from its launch until it has converged: real puppetserver, real agent.</summary>
[Collection(nameof(StackCollection))]
[Trait("Category", "e2e")]
public sealed class ConsoleLiveTests(Stack stack)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    // Each state that the page shows from now on; a page that is loaded anew has no such list.
    private const string Listen = """
        () => {
            const state = () => document.querySelector('.heading .state')?.innerText.trim();
            window.seen = [state()];
            new MutationObserver(() => { if (state() && state() !== window.seen.at(-1)) window.seen.push(state()); })
                .observe(document.body, { subtree: true, childList: true, characterData: true });
        }
        """;

    [Fact]
    public async Task Instance_ConvergesBeforeOnesEyes_WithoutAReload()
    {
        await using var browser = await Browser.Start();
        var page = await browser.NewPage();
        await page.SetViewportAsync(new ViewPortOptions { Width = 1280, Height = 900 });
        await SignIn(page);
        string certname;
        // Its first run does not end before the page is open, however fast or slow either is.
        await using (await stack.Freeze("puppetserver"))
        {
            var launched = await stack.Json("launch", "-c", stack.Example, "--count", "1");
            certname = launched["results"]![0]!["instance"]!["certname"]!.GetValue<string>();
            await page.GoToAsync($"https://localhost:{Stack.Port(8144)}/instances/{certname}", new NavigationOptions
            {
                WaitUntil = [WaitUntilNavigation.DOMContentLoaded], Timeout = 60_000,
            });
            await page.EvaluateFunctionAsync(Listen);
        }
        var seen = Array.Empty<string>();
        await Eventually.True(async () => (seen = await page.EvaluateExpressionAsync<string[]>("window.seen"))[^1] == "converged",
            "the page says that it has converged", Limit);
        // Picture first: it is what one looks at where the rest fails.
        var pictures = Directory.CreateDirectory(RepositoryPaths.File("artifacts/console")).FullName;
        await page.ScreenshotAsync(Path.Combine(pictures, "live-converged.png"), new ScreenshotOptions { FullPage = true });
        Assert.NotEqual("converged", seen[0]);
        Assert.Equal(seen.Distinct(), seen);
        var text = await page.EvaluateExpressionAsync<string>("document.querySelector('main').innerText");
        Assert.Contains("It is ready", text, StringComparison.Ordinal);
        Assert.Equal(6, await page.EvaluateExpressionAsync<int>("document.querySelectorAll('details.step').length"));
        Assert.Equal("converged", (await stack.State(certname))["INSTANCE_STATE_".Length..].ToLowerInvariant());
    }

    private async Task SignIn(IPage page)
    {
        var link = (await stack.Overture("ui", "--print", "--for", "10m")).Ok().Trim();
        await page.GoToAsync(link, WaitUntilNavigation.DOMContentLoaded);
        await page.ClickAsync("main button");
        await page.WaitForSelectorAsync("h1.verdict", new WaitForSelectorOptions { Timeout = 60_000 });
    }
}
