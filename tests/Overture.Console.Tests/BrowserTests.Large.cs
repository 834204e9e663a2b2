using System.Text.RegularExpressions;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;
using Overture.Console.Tests.Fakes;

namespace Overture.Console.Tests;

/// <summary>A fleet of 10,000 in the browser, and the way from the fleet's page to a fault.</summary>
public sealed partial class BrowserTests
{
    private const int Large = 10_000, PageSize = 50, MostElements = 2_500;

    [Fact]
    public async Task TenThousandInstances_AreFilteredPagedAndSorted_InAPageThatStaysSmall()
    {
        var usual = world.World.Fleet;
        world.World.Fleet = [.. Scene.Large(Large)];
        try
        {
            var (page, said) = await SignedIn("vi", 1280, "light");
            await page.Open(world.Url, new() { WaitUntil = WaitUntilState.DOMContentLoaded });
            await Assertions.Expect(page.Locator("h1.verdict")).ToHaveTextAsync("100 of 10,000 instances need a look");
            await StaysSmall(page, PageSize);
            // Filtered: by a condition, then by a profile typed into the form.
            await page.GetByRole(AriaRole.Link, new() { Name = "run-failed 10" }).ClickAsync();
            await Assertions.Expect(Rows(page)).ToHaveCountAsync(10);
            await page.GetByRole(AriaRole.Link, new() { Name = "Clear" }).ClickAsync();
            // What is typed before the other page is there is lost with the one before.
            await Assertions.Expect(Rows(page)).ToHaveCountAsync(PageSize);
            await page.GetByLabel("Profile").FillAsync("db");
            await page.GetByRole(AriaRole.Button, new() { Name = "Filter" }).ClickAsync();
            await Assertions.Expect(Rows(page).First.Locator("td.profile")).ToHaveTextAsync("db");
            await StaysSmall(page, PageSize);
            // Paged: another fifty, and back.
            await page.Open(world.Url);
            var first = await Rows(page).First.Locator("td.certname a").GetAttributeAsync("title");
            await page.GetByRole(AriaRole.Link, new() { Name = "Next page" }).ClickAsync();
            await Assertions.Expect(Rows(page).First.Locator("td.certname a")).Not.ToHaveAttributeAsync("title", first!);
            await StaysSmall(page, PageSize);
            await page.GetByRole(AriaRole.Link, new() { Name = "First page" }).ClickAsync();
            await Assertions.Expect(Rows(page).First.Locator("td.certname a")).ToHaveAttributeAsync("title", first!);
            // Sorted: the oldest, and the newest again.
            var oldest = world.World.Fleet[^1].Certname;
            await page.GetByRole(AriaRole.Link, new() { Name = "Launched" }).ClickAsync();
            await Assertions.Expect(Rows(page).First.Locator("td.certname a")).ToHaveAttributeAsync("title", oldest);
            await Assertions.Expect(page.Locator("th[aria-sort=ascending]")).ToHaveCountAsync(1);
            await StaysSmall(page, PageSize);
            await page.GetByRole(AriaRole.Link, new() { Name = "Launched" }).ClickAsync();
            await Assertions.Expect(Rows(page).First.Locator("td.certname a")).ToHaveAttributeAsync("title", first!);
            Assert.Empty(said);
        }
        finally
        {
            world.World.Fleet = usual;
        }
    }

    /// <summary>On the fleet's page, what is in the way, and then one that it is in the way of.</summary>
    [Fact]
    public async Task Fleet_LeadsToEachFault_InTwoClicks()
    {
        var (page, _) = await SignedIn("vi", 1280, "light");
        foreach (var fault in Fault.All)
        {
            await page.Open(world.Url, new() { WaitUntil = WaitUntilState.DOMContentLoaded });
            var cause = page.Locator(".cause").Filter(new() { Has = page.GetByText(fault.Reason, new() { Exact = true }) });
            await Assertions.Expect(cause.Locator(".sentence")).ToHaveTextAsync(fault.Message);
            await cause.Locator(".count a").ClickAsync();
            // Else the second click meets the list as it was.
            await Assertions.Expect(page).ToHaveURLAsync(new Regex("[?&]condition="));
            await Rows(page).First.Locator("td.certname a").ClickAsync();
            await Assertions.Expect(page).ToHaveURLAsync($"{world.Url}/instances/{fault.Certname}");
            await Assertions.Expect(page.Locator(".explained .tag").First).ToHaveTextAsync(fault.Reason);
            await Assertions.Expect(page.Locator(".explained .proofs").First).ToContainTextAsync(fault.Proof.Text);
            await Assertions.Expect(page.Locator(".explained .how").First).ToBeVisibleAsync();
        }
    }

    [Fact]
    public async Task Certificate_ByNameAndBySerial_ShowsItsChainUpToTheRoot()
    {
        var (page, said) = await SignedIn("vi", 1280, "light");
        foreach (var address in new[] { $"/name/{Scene.Named(1)}", $"/serial/{CaScene.Serial}", "" })
        {
            await page.Open($"{world.Url}/certificates{address}", new() { WaitUntil = WaitUntilState.DOMContentLoaded });
            var links = page.Locator(".chain > li");
            await Assertions.Expect(links).ToHaveCountAsync(2);
            await Assertions.Expect(links.Nth(0)).ToContainTextAsync("CN=Puppet Root CA: example");
            await Assertions.Expect(links.Nth(1)).ToContainTextAsync("itself: it is a root");
            foreach (var place in new[] { 0, 1 })
                await Assertions.Expect(links.Nth(place).Locator("dd").Last).ToHaveTextAsync(Fingerprint());
            Assert.Empty((await page.RunAxe()).Violations.Select(v => $"{v.Id}: {v.Help}"));
        }
        await page.Open($"{world.Url}/certificates/name/{Scene.Named(2)}", new() { WaitUntil = WaitUntilState.DOMContentLoaded });
        await Assertions.Expect(page.Locator(".chained")).ToContainTextAsync("it may be of an earlier CA");
        Assert.Empty(said);
    }

    [GeneratedRegex("^([0-9A-F]{2}:){31}[0-9A-F]{2}$")]
    private static partial Regex Fingerprint();

    private static ILocator Rows(IPage page) => page.Locator("[data-live=list] tbody tr");

    // However many there are: as many rows as a page has, and what is above them; and it is read by everyone.
    private static async Task StaysSmall(IPage page, int rows)
    {
        await Assertions.Expect(Rows(page)).ToHaveCountAsync(rows);
        Assert.InRange(await page.EvaluateAsync<int>("document.querySelectorAll('*').length"), rows, MostElements);
        Assert.Empty((await page.RunAxe()).Violations.Select(v => $"{v.Id}: {string.Join(" | ", v.Nodes.Take(3).Select(n => n.Html))}"));
    }
}
