using Overture.Platform.Certificates;
using Overture.TestSupport;

namespace Overture.Platform.Tests;

/// <summary>Puppet's autosign list by puppetserver's own rules (certificate_authority.clj of 7.9.5, each row tried on it).</summary>
public sealed class AutosignListTests
{
    [Theory]
    [InlineData("#!/bin/sh\nexit 0\n # a\n", "")]
    [InlineData("*.corp.example.com\n", "1 *.corp.example.com")]
    [InlineData("# a\nweb.example.com\nfi\nEOF\n", "2 web.example.com, 3 fi")]
    public void LinesForSome_AreThoseThatSignAnyName(string text, string lines) =>
        Assert.Equal(lines, string.Join(", ", AutosignList.LinesForSome(text).Select(l => $"{l.Number} {l.Line}")));

    [Theory]
    [InlineData("*", true), InlineData("*x", true), InlineData("**", true), InlineData("*.", true), InlineData("*..", true),
        InlineData("*\0\u00ff", true)]
    [InlineData("*.example.org", false), InlineData("*.x", false), InlineData("web.example.org", false), InlineData("# *", false),
        InlineData("* ", false), InlineData(" *", false), InlineData("*#", false), InlineData("", false)]
    [InlineData("a\r*\rb", true), InlineData("a\r\n*\r\n", true)]
    public void LinesForAll_IsWhatPuppetserverTakesForEverybody(string text, bool all) =>
        Assert.Equal(all, AutosignList.LinesForAll(text).Count > 0);

    [Theory]
    [InlineData("*.example.org", "web.example.org", true), InlineData("*.EXAMPLE.org", "a.b.example.org", true),
        InlineData("*.example.org", "example.org", true)]
    [InlineData("*.example.org", "web.example.com", false), InlineData("web", "web", true), InlineData("web", "web2", false)]
    public void Signs_IsByWholeLabelsFromTheEnd(string list, string name, bool signs) =>
        Assert.Equal(signs, AutosignList.Signs(list, name));

    [Theory]
    [InlineData("autosign = true", "", "autosign = true signs every request")]
    [InlineData("autosign = {0}/hook", "*\n", "is not executable: its line 1 signs every request")]
    [InlineData("autosign = {0}/hook", "web\n", "is not executable: its line 1 signs 'web'")]
    [InlineData("autosign={0}/hook", "x\n*\n", "whose line 2 would sign every request if it lost its x bit", true)]
    [InlineData("autosign={0}/hook", "", "which is empty", true)]
    [InlineData("autosign={0}/hook", "#!/bin/true\n", null, true)]
    [InlineData("autosign = false", "*\n", null)]
    public void Findings_OfPuppetConf_SayWhatWouldSignStrangers(string line, string hook, string? told, bool executable = false)
    {
        using var conf = new TempDirectory();
        File.WriteAllText(conf.File("puppet.conf"),
            "[server]\n" + string.Format(System.Globalization.CultureInfo.InvariantCulture, line, conf.Path) + "\n");
        File.WriteAllText(conf.File("hook"), hook);
        File.SetUnixFileMode(conf.File("hook"), executable ? (UnixFileMode)0b111_101_101 : (UnixFileMode)0b110_100_100);
        var found = AutosignSetting.Findings(conf.Path);
        if (told is null)
            Assert.Empty(found);
        else
            Assert.Contains(told, Assert.Single(found), StringComparison.Ordinal);
    }

    [Fact]
    public void Findings_AutosignConfForAll_IsToldWithItsLine()
    {
        using var conf = new TempDirectory();
        File.WriteAllText(conf.File("autosign.conf"), "# ours\n*.example.org\n*\n");
        Assert.Contains("autosign.conf:3 signs every request", Assert.Single(AutosignSetting.Findings(conf.Path)),
            StringComparison.Ordinal);
    }
}
