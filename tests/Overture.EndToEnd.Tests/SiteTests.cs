using System.Globalization;
using Overture.TestSupport;
using PuppeteerSharp;

namespace Overture.EndToEnd.Tests;

/// <summary>The documentation as a site (eng/site.sh, which fails on a dead link), in a real browser.</summary>
[Trait("Category", "integration")]
public sealed class SiteTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    [Fact]
    public async Task Site_Built_IsSearchedFitsAPhoneAndAsksNoOtherHost()
    {
        (await Shell.Run(RepositoryPaths.File("eng/site.sh"), [], null, limit: TimeSpan.FromMinutes(15))).Ok();
        var port = FreePort.Next().ToString(CultureInfo.InvariantCulture);
        using var log = new TempDirectory();
        await using var server = new BoundProcess(log.File("site.log"), "python3",
            ["-m", "http.server", "--bind", "127.0.0.1", "--directory", RepositoryPaths.File("artifacts/site"), port]);
        var site = $"http://127.0.0.1:{port}/";
        await Eventually.True(async () => (await Shell.Run("curl", "-sf", "--noproxy", "*", site)).ExitCode == 0, "it is served", Limit);
        await using var browser = await Browser.Start();
        using var page = await browser.NewPage();
        var elsewhere = new List<string>();
        page.Request += (_, e) =>
        {
            lock (elsewhere)
            {
                if (e.Request.Url is var url && url.StartsWith("http", StringComparison.Ordinal)
                    && !url.StartsWith(site, StringComparison.Ordinal))
                {
                    elsewhere.Add(url);
                }
            }
        };
        await Searched(page, site);
        foreach (var path in (string[])["index.html", "options.html", "rpcs.html", "threats.html", "tutorials/01-first-instance.html"])
            await FitsAPhone(page, site + path);
        Assert.Empty(elsewhere);
    }

    // A word of one page finds that page, by the keyboard.
    private static async Task Searched(IPage page, string site)
    {
        await page.GoToAsync(site, WaitUntilNavigation.Load);
        await Eventually.True(async () =>
        {
            await page.Keyboard.PressAsync("/");
            return await page.QuerySelectorAsync("#localsearch-input") is not null;
        }, "the search opens", Limit);
        await page.TypeAsync("#localsearch-input", "unfinishedPerAddress");
        await Eventually.True(async () => (await page.EvaluateExpressionAsync<string[]>(
            "[...document.querySelectorAll('#localsearch-list a')].map(a => a.getAttribute('href'))")).Any(
            h => h.Contains("/options", StringComparison.Ordinal)), "it finds the option's page", Limit);
    }

    private static async Task FitsAPhone(IPage page, string address)
    {
        await page.SetViewportAsync(new ViewPortOptions { Width = 390, Height = 844 });
        await page.GoToAsync(address, WaitUntilNavigation.Load);
        await Eventually.True(async () => await page.EvaluateExpressionAsync<int>("document.documentElement.scrollWidth") <= 390,
            $"{address} is as wide as a phone", Limit);
    }
}
