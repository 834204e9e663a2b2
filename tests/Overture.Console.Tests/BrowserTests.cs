using Deque.AxeCore.Playwright;
using Microsoft.Playwright;
using Overture.Conductor.V1;
using Overture.Console.Tests.Fakes;
using Overture.TestSupport;

namespace Overture.Console.Tests;

/// <summary>
/// The console in Debian's Chromium: read, reached by keyboard, live, from a phone to a wall; pictures are left in artifacts/console.
/// </summary>
[Trait("Category", "integration")]
[Collection(ConsoleCollection.Name)]
public sealed partial class BrowserTests(ConsoleFixture world) : IAsyncLifetime
{
    private static readonly (string Name, string Address)[] Pages =
    [
        ("fleet", "/"), ("narrowed", "/?profile=web&condition=run-failed"), ("instance", $"/instances/{Scene.Named(1)}"),
        ("broken", $"/instances/{Scene.Named(101)}"), ("hostile", $"/instances/{Scene.HostileName}"),
        ("terminate", $"/instances/{Scene.Named(1)}/terminate"), ("tail", $"/instances/{Scene.Named(1)}/console"),
        ("user-data", $"/instances/{Scene.Named(1)}/user-data"), ("unknown", "/instances/nothing.example.com"),
        ("requests", "/requests"), ("request", $"/requests/{Scene.Named(103)}"),
        ("definitions", "/definitions"), ("definition", $"/definitions/{Scene.Named(1)}"), ("edit", $"/definitions/{Scene.Named(5)}/edit"),
        ("delete-definition", $"/definitions/{Scene.Named(5)}/delete"), ("layers", "/layers"),
        ("launch", "/launch?profile=web"), ("launched", $"/launched?profile=web&name={Scene.Named(1)}&name={Scene.Named(101)}"),
        ("certificates", "/certificates"), ("certificate", $"/certificates/name/{Scene.Named(1)}"),
        ("revoke", $"/certificates/name/{Scene.Named(1)}/revoke"), ("audit", "/audit"), ("health", "/health"),
    ];

    // Of each wait, in ms: another test may have the machine.
    private const int Limit = 60_000;

    private static readonly string Pictures = Directory.CreateDirectory(RepositoryPaths.File("artifacts/console")).FullName;
    private IPlaywright playwright = null!;
    private IBrowser browser = null!;

    public async Task InitializeAsync()
    {
        playwright = await Playwright.CreateAsync();
        Assertions.SetDefaultExpectTimeout(Limit);
        // Tests are root. The certificate is of a PKI that only this test knows.
        browser = await playwright.Chromium.LaunchAsync(
            new() { ExecutablePath = "/usr/bin/chromium", Args = ["--no-sandbox", "--no-proxy-server"] });
    }

    public async Task DisposeAsync()
    {
        await browser.CloseAsync();
        playwright.Dispose();
    }

    // Each width and each scheme: a width decides where things are, a scheme of which colour. axe, which takes
    // most of it, looks at every other page of the one and at those between of the other; with OVERTURE_FULL at all of both.
    [Theory]
    [InlineData(375, "dark"), InlineData(1280, "light"), InlineData(2560, "dark")]
    public async Task EveryPage_FitsTheScreen_BreaksNoRuleOfAccessibility_AndNoPolicy(int width, string scheme)
    {
        var (page, said) = await SignedIn("kim", width, scheme);
        var wrong = new List<string>();
        foreach (var (place, (name, address)) in Pages.Index())
        {
            await page.Open(world.Url + address, new() { WaitUntil = WaitUntilState.DOMContentLoaded });
            await page.ScreenshotAsync(new() { Path = Path.Combine(Pictures, $"{name}-{width}-{scheme}.png"), FullPage = true });
            // What is wide has the same elements in the same order.
            var looked = width < 2000 && (Full.Asked || place % 2 == 0 == width < 1000);
            var violations = looked ? (await page.RunAxe()).Violations : [];
            wrong.AddRange(violations.Select(v => $"{name}: {v.Id}: {v.Help}: {string.Join(" | ", v.Nodes.Take(3).Select(n => n.Html))}"));
            var wide = await page.EvaluateAsync<int>("document.documentElement.scrollWidth");
            if (wide > width)
                wrong.Add($"{name}: {wide} px wide, and the screen has {width}");
        }
        wrong.AddRange(said.Where(s => !s.Contains("404", StringComparison.Ordinal)));
        if (wrong.Count > 0)
            Assert.Fail(string.Join('\n', wrong));
    }

    [Fact]
    public async Task Keyboard_ReachesWhatIsOnThePage()
    {
        var (page, _) = await SignedIn("kim", 1440, "light");
        await page.Open(world.Url);
        var reached = new List<string>();
        for (var i = 0; i < 40; i++)
        {
            await page.Keyboard.PressAsync("Tab");
            reached.Add(await page.EvaluateAsync<string>(
                "(document.activeElement.textContent || document.activeElement.name || '').trim()"));
        }
        foreach (var wanted in new[] { "Skip to content", "Fleet", "Health", "Sign out", "converged 32", "csr-held 1" })
            Assert.Contains(reached, r => r.StartsWith(wanted, StringComparison.Ordinal));
        await page.FocusAsync("text=Skip to content");
        await page.Keyboard.PressAsync("Enter");
        Assert.Equal("content", await page.EvaluateAsync<string>("document.activeElement.id"));
    }

    /// <summary>A person finds the fault at once: what it is, its reason, its proof and the next step are on the first screen.</summary>
    [Fact]
    public async Task TenFaults_AreEachOnTheFirstScreen()
    {
        var (page, _) = await SignedIn("kim", 1440, "light");
        foreach (var fault in Scene.Faults)
        {
            var wrong = world.World.Of(Scene.Named(fault)).Conditions[0];
            await page.Open($"{world.Url}/instances/{Scene.Named(fault)}", new() { WaitUntil = WaitUntilState.DOMContentLoaded });
            await page.ScreenshotAsync(new() { Path = Path.Combine(Pictures, $"fault-{fault}.png") });
            await Assertions.Expect(page.Locator(".explained .sentence")).ToContainTextAsync(wrong.Message);
            await Assertions.Expect(page.Locator(".explained .tag").First).ToHaveTextAsync(wrong.Reason);
            foreach (var part in new[] { ".explained .proofs li", ".explained .how", ".lanes" })
            {
                var box = (await page.Locator(part).First.BoundingBoxAsync())!;
                Assert.True(box.Y < 900, $"{wrong.Type}: {part} begins at {box.Y}");
            }
        }
    }

    [Fact]
    public async Task Step_OpensToWhatIsKnownOfIt_AndStaysOpenWhileThePageLives()
    {
        var (page, said) = await SignedIn("kim", 1440, "light");
        var instance = world.World.Of(Scene.Named(103));
        await page.Open($"{world.Url}/instances/{instance.Certname}", new() { WaitUntil = WaitUntilState.DOMContentLoaded });
        await Assertions.Expect(page.Locator("[data-live-state]")).ToHaveTextAsync("live");
        var decision = page.Locator("details.step").Nth(3);
        await decision.Locator("summary").ClickAsync();
        await Assertions.Expect(decision.Locator("td").Filter(new() { HasText = "a launch record" })).ToBeVisibleAsync();
        var request = page.Locator("details.step").Nth(2);
        await request.Locator("summary").FocusAsync();
        await page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(request.Locator("dd").Filter(new() { HasText = "db1.example.com" })).ToBeVisibleAsync();
        await page.ScreenshotAsync(new() { Path = Path.Combine(Pictures, "steps.png"), FullPage = true });
        Assert.Empty((await page.RunAxe()).Violations.Select(v => $"{v.Id}: {string.Join(" | ", v.Nodes.Select(n => n.Html))}"));
        // Changed meanwhile: it is read again, and stays open.
        var changed = instance.Clone();
        changed.LaunchedBy = "kim (admin)";
        var place = world.World.Fleet.IndexOf(instance);
        try
        {
            world.World.Fleet[place] = changed;
            using var again = new Timer(_ =>
            {
                var next = changed.Clone();
                next.LastReport = Google.Protobuf.WellKnownTypes.Timestamp.FromDateTimeOffset(TimeProvider.System.GetUtcNow());
                world.World.Change(next);
            }, null, TimeSpan.Zero, TimeSpan.FromMilliseconds(300));
            await Assertions.Expect(page.Locator("dd").Filter(new() { HasText = "kim (admin)" })).ToBeVisibleAsync();
            await Assertions.Expect(request.Locator("dd").Filter(new() { HasText = "db1.example.com" })).ToBeVisibleAsync();
        }
        finally
        {
            world.World.Fleet[place] = instance;
        }
        Assert.Empty(said);
    }

    [Fact]
    public async Task View_IsSaved_ShownToThisBrowser_AndRemoved()
    {
        var (page, said) = await SignedIn("vi", 1440, "light");
        await page.Open($"{world.Url}/?condition=stalled&profile=db");
        await page.GetByLabel("Name of this view").FillAsync("Stalled <db>");
        await page.GetByRole(AriaRole.Button, new() { Name = "Save the view" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Link, new() { Name = "Stalled <db>" })).ToBeVisibleAsync();
        await page.Open(world.Url);
        await page.GetByRole(AriaRole.Link, new() { Name = "Stalled <db>" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Link, new() { Name = "Stalled <db>" }))
            .ToHaveAttributeAsync("aria-current", "page");
        Assert.EndsWith("/?condition=stalled&profile=db", page.Url, StringComparison.Ordinal);
        await page.GetByRole(AriaRole.Button, new() { Name = "Remove the view" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Link, new() { Name = "Web, broken" })).ToBeVisibleAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Link, new() { Name = "Stalled <db>" })).ToHaveCountAsync(0);
        Assert.Empty(said);
    }

    [Fact]
    public async Task Instance_IsShownLive()
    {
        var (page, said) = await SignedIn("vi", 1440, "light");
        var instance = world.World.Of(Scene.Named(107));
        await page.Open($"{world.Url}/instances/{instance.Certname}", new() { WaitUntil = WaitUntilState.DOMContentLoaded });
        await Assertions.Expect(page.Locator(".heading .state")).ToContainTextAsync("launching");
        await Assertions.Expect(page.Locator("[data-live-state]")).ToHaveTextAsync("live");
        instance.State = InstanceState.Running;
        instance.States.Add(new StateTime { State = InstanceState.Running, At = Scene.Ago(TimeSpan.FromSeconds(-1)) });
        // A watch that begins later shows it as it is.
        using var again = new Timer(_ => world.World.Change(instance), null, TimeSpan.Zero, TimeSpan.FromMilliseconds(300));
        await Assertions.Expect(page.Locator(".heading .state")).ToContainTextAsync("running");
        Assert.Empty(said);
    }

    [Fact]
    public async Task HeldRequest_IsApprovedByItsForm()
    {
        var (page, _) = await SignedIn("kim", 1440, "light");
        await page.Open($"{world.Url}/requests/{Scene.Named(103)}");
        await page.GetByLabel("Reason").FillAsync("built by hand");
        await page.GetByRole(AriaRole.Button, new() { Name = "Approve and sign" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Status).First).ToContainTextAsync("approved");
        Assert.Contains($"Approve {Scene.Named(103)} 3f0c2a4e (built by hand) by kim (admin), by console", world.World.Acts);
    }

    private async Task<(IPage Page, List<string> Said)> SignedIn(string person, int width, string scheme)
    {
        var (page, said) = await NewPage(width, scheme);
        await Enter(page, person);
        return (page, said);
    }

    private async Task Enter(IPage page, string person)
    {
        await page.Open(await world.Link(person));
        await page.Locator("main button").ClickAsync();
        // The page that says who entered goes on by itself: another address that is opened meanwhile would be given up.
        await Assertions.Expect(page.Locator("h1.verdict")).ToBeVisibleAsync();
    }

    // In a browser of its own, without cookies.
    private async Task<(IPage Page, List<string> Said)> NewPage(int width, string scheme)
    {
        var context = await browser.NewContextAsync(new()
        {
            IgnoreHTTPSErrors = true, ViewportSize = new() { Width = width, Height = 900 },
            ColorScheme = scheme == "dark" ? ColorScheme.Dark : ColorScheme.Light, ReducedMotion = ReducedMotion.Reduce,
        });
        context.SetDefaultTimeout(Limit);
        var page = await context.NewPageAsync();
        var said = new List<string>();
        page.Console += (_, message) =>
        {
            // Chromium says that of each network interface that another test makes or takes away.
            if (message.Type is "error" or "warning" && !message.Text.Contains("ERR_NETWORK_CHANGED", StringComparison.Ordinal))
                said.Add($"console: {message.Text}");
        };
        page.Dialog += (_, dialog) => said.Add($"a dialog: {dialog.Message}");
        return (page, said);
    }
}
