using Microsoft.Playwright;

namespace Overture.Console.Tests;

/// <summary>
/// Opens addresses in a Chromium on a host where other tests make and remove network devices: it gives up what it loads then, and says so
/// (net::ERR_NETWORK_CHANGED), though nothing is wrong with the page.
/// </summary>
internal static class PageNavigation
{
    private const int Tries = 5;

    /// <returns>As of GotoAsync.</returns>
    public static async Task<IResponse?> Open(this IPage page, string url, PageGotoOptions? options = null)
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                return await page.GotoAsync(url, options);
            }
            catch (PlaywrightException e) when (tries < Tries && e.Message.Contains("ERR_NETWORK_CHANGED", StringComparison.Ordinal))
            {
                // once more
            }
        }
    }
}
