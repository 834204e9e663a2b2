using Overture.TestSupport;
using PuppeteerSharp;

namespace Overture.EndToEnd.Tests;

/// <summary>Debian's Chromium without a window, with a profile of its own that goes with it.</summary>
public sealed class Browser : IAsyncDisposable
{
    private readonly TempDirectory profile;
    private readonly IBrowser browser;

    private Browser(TempDirectory profile, IBrowser browser) => (this.profile, this.browser) = (profile, browser);

    public static async Task<Browser> Start()
    {
        var profile = new TempDirectory();
        return new Browser(profile, await Puppeteer.LaunchAsync(new LaunchOptions
        {
            ExecutablePath = "/usr/bin/chromium",
            UserDataDir = profile.Path,
            // Tests are root. It must not look for news of itself, nor go through a proxy to this machine.
            Args = ["--no-sandbox", "--no-proxy-server", "--disable-background-networking", "--disable-component-update", "--no-first-run"],
            // The console's certificate is of a PKI that only ./run knows.
            AcceptInsecureCerts = true,
            DefaultViewport = new ViewPortOptions { Width = 1600, Height = 2400 },
        }));
    }

    /// <summary>
    /// Opens the address and waits until the page says all of it, however its scripts get there; else fails with what it says.
    /// </summary>
    public async Task<string> Read(string address, TimeSpan limit, params string[] texts)
    {
        var page = await browser.NewPageAsync();
        await page.GoToAsync(address, WaitUntilNavigation.DOMContentLoaded);
        var shown = "";
        try
        {
            await Eventually.True(
                async () => texts.All((shown = await Text(page) ?? shown).Contains), $"{page.Url} says {string.Join(", ", texts)}", limit);
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message}; at {page.Url} it says:\n{shown}", e);
        }
        return shown;
    }

    /// <summary>An empty page.</summary>
    public Task<IPage> NewPage() => browser.NewPageAsync();

    // Nothing while the page gives way to another one.
    private static async Task<string?> Text(IPage page)
    {
        try
        {
            return await page.EvaluateExpressionAsync<string>("document.body.innerText");
        }
        catch (PuppeteerException)
        {
            return null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await browser.CloseAsync();
        await browser.DisposeAsync();
        profile.Dispose();
    }
}
