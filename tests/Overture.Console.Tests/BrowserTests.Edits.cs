using Microsoft.Playwright;
using Overture.Console.Tests.Fakes;
using Overture.TestSupport;

namespace Overture.Console.Tests;

/// <summary>Launching and editing, by keyboard and without scripts, and what becomes of two who edit at once.</summary>
public sealed partial class BrowserTests
{
    [Fact]
    public async Task Definition_IsEdited_ByKeyboard_TheDifferenceFirst()
    {
        var (page, said) = await SignedIn("kim", 1440, "light");
        var name = Scene.Named(11);
        await page.Open($"{world.Url}/definitions/{name}/edit");
        await page.GetByLabel("YAML").FocusAsync();
        await page.Keyboard.PressAsync("Control+End");
        await page.Keyboard.TypeAsync("environment: staging\n");
        await Tabbed(page, "Look at the difference");
        await Assertions.Expect(page.Locator(".difference ins")).ToHaveTextAsync("+environment: staging");
        await Assertions.Expect(page.Locator(".difference del")).ToHaveCountAsync(0);
        await Assertions.Expect(page.GetByText("line 2, parameters.hostname: hides a fact")).ToBeVisibleAsync();
        Assert.Equal(1, world.World.Documents[name].Version);
        await page.ScreenshotAsync(new() { Path = Path.Combine(Pictures, "difference-1440-light.png"), FullPage = true });
        await page.GetByLabel("Reason").FocusAsync();
        await page.Keyboard.TypeAsync("to staging");
        await Tabbed(page, "Save the definition");
        await Assertions.Expect(page.GetByRole(AriaRole.Status).First).ToContainTextAsync("Saved");
        Assert.Equal((DefinitionScene.Document + "environment: staging\n", 2), world.World.Documents[name]);
        Assert.Contains($"PutNode {name} (to staging) by kim (admin), by console", world.World.Acts);
        Assert.Empty(said);
    }

    [Fact]
    public async Task Definition_SavedByAnotherMeanwhile_IsShown_AndNothingIsLost()
    {
        var name = Scene.Named(12);
        var (mine, _) = await SignedIn("kim", 1440, "light");
        await mine.Open($"{world.Url}/definitions/{name}/edit");
        await mine.GetByLabel("YAML").FillAsync("classes:\n  mine: {}\n");
        await mine.GetByRole(AriaRole.Button, new() { Name = "Look at the difference" }).ClickAsync();
        await Assertions.Expect(mine.Locator(".difference")).ToBeVisibleAsync();
        // Another saves between the look and the act.
        world.World.Documents[name] = ("classes:\n  theirs: {}\n", 2);
        await mine.GetByLabel("Reason").FillAsync("mine");
        await mine.GetByRole(AriaRole.Button, new() { Name = "Save" }).ClickAsync();
        await Assertions.Expect(mine.GetByRole(AriaRole.Alert)).ToContainTextAsync("Someone else saved while you wrote");
        await Assertions.Expect(mine.Locator(".difference del")).ToHaveTextAsync("-  theirs: {}");
        await Assertions.Expect(mine.Locator(".difference ins")).ToHaveTextAsync("+  mine: {}");
        await Assertions.Expect(mine.GetByLabel("YAML")).ToHaveValueAsync("classes:\n  mine: {}\n");
        Assert.Equal(("classes:\n  theirs: {}\n", 2), world.World.Documents[name]);
        // Both together, on purpose.
        await mine.GetByLabel("YAML").FillAsync("classes:\n  theirs: {}\n  mine: {}\n");
        await mine.GetByRole(AriaRole.Button, new() { Name = "Look at the difference" }).ClickAsync();
        await Assertions.Expect(mine.Locator(".difference del")).ToHaveCountAsync(0);
        await Assertions.Expect(mine.Locator(".difference ins")).ToHaveTextAsync("+  mine: {}");
        await mine.GetByRole(AriaRole.Button, new() { Name = "Save" }).ClickAsync();
        await Assertions.Expect(mine.GetByRole(AriaRole.Status).First).ToContainTextAsync("Saved");
        Assert.Equal(("classes:\n  theirs: {}\n  mine: {}\n", 3), world.World.Documents[name]);
    }

    [Fact]
    public async Task Definition_ThatBreaksARule_SaysWhere_AndKeepsTheText()
    {
        var (page, said) = await SignedIn("kim", 375, "light");
        await page.Open($"{world.Url}/definitions/{Scene.Named(13)}/edit");
        await page.GetByLabel("YAML").FillAsync("classes: {}\nenvironment: broken\n");
        await page.GetByRole(AriaRole.Button, new() { Name = "Look at the difference" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Alert))
            .ToContainTextAsync($"definition: line 2: {Scene.Hostile} is no environment");
        await Assertions.Expect(page.GetByLabel("YAML")).ToHaveValueAsync("classes: {}\nenvironment: broken\n");
        Assert.DoesNotContain(said, s => s.Contains("dialog", StringComparison.Ordinal));
    }

    [Fact]
    public async Task WithoutScripts_AnEarlierVersionComesBack()
    {
        var context = await browser.NewContextAsync(new() { IgnoreHTTPSErrors = true, JavaScriptEnabled = false });
        context.SetDefaultTimeout(Limit);
        var page = await context.NewPageAsync();
        await Enter(page, "kim");
        await page.Open($"{world.Url}/definitions/{Scene.Named(14)}");
        await page.Locator("details.version summary").First.ClickAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Go back to this one" }).First.ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Look at the difference" }).ClickAsync();
        await Assertions.Expect(page.GetByLabel("Reason")).ToHaveValueAsync("rollback to 2");
        await page.GetByRole(AriaRole.Button, new() { Name = "Save" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Status).First).ToContainTextAsync("Saved");
        Assert.Equal("classes:\n  old: {}\n", world.World.Documents[Scene.Named(14)].Document);
    }

    [Fact]
    public async Task Launch_ShowsTheDryRun_ThenStarts_AndTheInstancesAreLive()
    {
        var (page, said) = await SignedIn("kim", 1440, "light");
        await page.Open($"{world.Url}/launch");
        await page.GetByRole(AriaRole.Link, new() { Name = "web", Exact = true }).ClickAsync();
        await Assertions.Expect(page.Locator("pre")).ToContainTextAsync("********");
        await Assertions.Expect(page.GetByText("puppet.example.com:8140")).ToBeVisibleAsync();
        Assert.DoesNotContain(world.World.Acts, a => a.StartsWith("LaunchInstances 3", StringComparison.Ordinal));
        await page.GetByLabel("How many").FillAsync("3");
        await page.ScreenshotAsync(new() { Path = Path.Combine(Pictures, "launch-order-1440-light.png") });
        await page.GetByRole(AriaRole.Button, new() { Name = "Launch web" }).ClickAsync();
        await Assertions.Expect(page.Locator("h1.verdict")).ToContainTextAsync("of 3");
        await Assertions.Expect(page.Locator("[data-live-state]")).ToHaveTextAsync("live");
        Assert.Single(world.World.Acts, a => a.StartsWith("LaunchInstances 3 of web", StringComparison.Ordinal)
            && a.EndsWith("by kim (admin), by console", StringComparison.Ordinal));
        Assert.Empty(said);
    }

    [Fact]
    public async Task Certificate_IsFoundBySerial_Decoded_AndRevokedAfterAQuestion()
    {
        var (page, said) = await SignedIn("kim", 1440, "light");
        await page.Open($"{world.Url}/certificates");
        await page.GetByLabel("Serial of a certificate").FillAsync("4f07");
        await page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(page.Locator(".facts").First).ToContainTextAsync($"CN={Scene.Named(1)}");
        await Assertions.Expect(page.Locator(".facts").First).ToContainTextAsync("pp_role");
        await page.GetByRole(AriaRole.Link, new() { Name = "Revoke" }).ClickAsync();
        Assert.DoesNotContain(world.World.Acts, a => a.StartsWith("Revoke 4f07", StringComparison.Ordinal));
        await page.GetByLabel("Reason").FillAsync("key leaked");
        await page.GetByRole(AriaRole.Button, new() { Name = "Revoke" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Status).First).ToContainTextAsync("Revoked");
        Assert.Contains("Revoke 4f07 (key leaked) by kim (admin), by console", world.World.Acts);
        Assert.Empty(said);
    }

    [Fact]
    public async Task Viewer_SeesTheDryRun_AndNoButton()
    {
        var (page, _) = await SignedIn("vi", 1440, "light");
        var (definition, certificate) = ($"/definitions/{Scene.Named(5)}", $"/certificates/name/{Scene.Named(1)}");
        foreach (var address in new[] { "/launch?profile=web", definition, $"{definition}/edit", $"{definition}/delete", "/layers",
            certificate,
            $"{certificate}/revoke" })
        {
            await page.Open(world.Url + address);
            await Assertions.Expect(page.Locator("main button:not([data-copy]), main .button:not(.quiet)")).ToHaveCountAsync(0);
        }
    }

    // By the keyboard alone, to a button of this name, and pressed.
    private static async Task Tabbed(IPage page, string button)
    {
        for (var i = 0; i < 12; i++)
        {
            await page.Keyboard.PressAsync("Tab");
            if ((await page.EvaluateAsync<string>("document.activeElement.textContent")).StartsWith(button, StringComparison.Ordinal))
            {
                await page.Keyboard.PressAsync("Enter");
                return;
            }
        }
        Assert.Fail($"no way to {button}");
    }
}
