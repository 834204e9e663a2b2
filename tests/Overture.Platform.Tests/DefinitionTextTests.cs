using System.Text;
using Overture.Platform.Faults;
using Overture.Platform.Options;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.TestSupport;

namespace Overture.Platform.Tests;

/// <summary>
/// What people write into definitions and did not mean: names, plain words, other encodings, tabs; and the line that they are shown.
/// </summary>
public sealed class DefinitionTextTests
{
    [Theory]
    [InlineData("classes:\n  probe:\n    v: 1\n    title: x\n", "classes.probe.title", 4)]
    [InlineData("parameters:\n  site: x\n\n  module_name: y\n", "parameters.module_name", 4)]
    [InlineData("parameters: {name: x}\n", "parameters.name", 1)]
    public void Parse_NameThatBreaksTheCatalog_IsRefusedWithItsLine(string yaml, string field, int line)
    {
        var problem = Assert.Single(Assert.Throws<FaultException>(() => NodeDefinition.Parse(yaml)).Fields);
        Assert.Equal(field, problem.Field);
        Assert.Contains("Puppet keeps for itself", problem.Rule, StringComparison.Ordinal);
        Assert.EndsWith($"(line {line})", problem.Rule, StringComparison.Ordinal);
        // What was served before that rule came is served on: its node is not to lose all it is.
        NodeDefinition.Parse(yaml, served: true);
        // Also where it did not come as YAML.
        Assert.Equal(field,
            Assert.Single(Assert.Throws<FaultException>(() => NodeDefinition.FromTree(StrictYaml.Read(yaml))).Fields).Field);
    }

    [Theory]
    [InlineData("classes: {}\nenviroment: test\n", "enviroment", "is unknown; is environment meant? (line 2)")]
    [InlineData("class: {}\n", "class", "is unknown; is classes meant? (line 1)")]
    [InlineData("nothing_like_it: {}\n", "nothing_like_it", "is unknown; a definition has classes, parameters and environment")]
    public void Parse_UnknownKey_NamesTheOneThatWasMeant(string yaml, string field, string rule)
    {
        var problem = Assert.Single(Assert.Throws<FaultException>(() => NodeDefinition.Parse(yaml)).Fields);
        Assert.Equal(field, problem.Field);
        Assert.StartsWith(rule, problem.Rule, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("no", "the text \"no\" to Puppet, and every text counts as true: write false")]
    [InlineData("Yes", "write true")]
    [InlineData("off", "write false")]
    [InlineData("ON", "write true")]
    [InlineData("n", "write false")]
    [InlineData("0022", "is the text \"0022\" to Puppet, and no number")]
    [InlineData("0x1f", "no number")]
    [InlineData("0o17", "no number")]
    [InlineData(".inf", "no number")]
    [InlineData("1_000", "no number")]
    [InlineData(".5", "no number")]
    [InlineData("9223372036854775808", "no number")]
    [InlineData("1.10", "is the number 1.1 to Puppet")]
    [InlineData("+49", "is the number 49 to Puppet")]
    [InlineData("1e3", "is the number 1000.0 to Puppet")]
    [InlineData("2010-01-02", "a date or a number")]
    [InlineData("12:30:45", "a date or a number")]
    [InlineData("{80: http}", "a key that Puppet gets as the text \"80\"")]
    public void Warnings_PlainWordThatMeansSomethingElse_SayWhatPuppetGets(string value, string said)
    {
        var warning = Assert.Single(DefinitionWarnings.Of(PositionedYaml.Read($"classes:\n  ssh:\n    a: 'no'\n    opts: [x, {value}]\n")));
        Assert.Equal((4, true), (warning.Line, warning.Field.StartsWith("classes.ssh.opts[1]", StringComparison.Ordinal)));
        Assert.Contains(said, warning.Rule, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("true")]
    [InlineData("~")]
    [InlineData("1.5")]
    [InlineData("22")]
    [InlineData("-3")]
    [InlineData("'no'")]
    [InlineData("\"0022\"")]
    [InlineData("1.2.3")]
    [InlineData("10.0.0.1")]
    [InlineData("fe80::1")]
    [InlineData("nope")]
    [InlineData("{on: x}")]
    public void Warnings_WhatEveryReaderTakesAlike_HasNone(string value) =>
        Assert.Empty(DefinitionWarnings.Of(PositionedYaml.Read($"parameters: {{site: {value}}}\nclasses: {{a: {{y: {value}}}}}\n")));

    [Fact]
    public void Warnings_OfAStruct_SayThatOnePointNoughtIsOne()
    {
        var yaml = PositionedYaml.Read("parameters: {v: 1.0}\n");
        Assert.Empty(DefinitionWarnings.Of(yaml));
        Assert.Contains("is the number 1 to Puppet", Assert.Single(DefinitionWarnings.Of(yaml, "node", asStruct: true)).Rule,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Warnings_ParameterThatHidesAFact_NameLineAndFact()
    {
        var warnings = DefinitionWarnings.Of(PositionedYaml.Read(
            "parameters:\n  site: a\n  hostname: db7\n  ipaddress_eth0: x\n  servername: s\nclasses: {probe: {hostname: mine}}\n"),
            "node").ToList();
        Assert.Equal([(3L, "node.parameters.hostname"), (4L, "node.parameters.ipaddress_eth0"), (5L, "node.parameters.servername")],
            warnings.Select(w => (w.Line, w.Field)));
        Assert.Contains("$facts['hostname']", warnings[0].Rule, StringComparison.Ordinal);
        Assert.Contains("Puppet sets itself", warnings[2].Rule, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("classes:\n  a: {}\n  b: {}\n\tc: {}\nx: 1\n", 4)]
    [InlineData("classes:\n  a:\n    x: 1\n\ty: 2\n", 4)]
    [InlineData("a:\n\t- x\n", 2)]
    [InlineData("a: |\n  x\n\ty\nb: 1\n", 3)]
    [InlineData("parameters:\n  a: 1\n  b: 2\n  c: 3\n  d: 4\n  e: 5\n  f: 6\n  g: 7\n  h: 8\n\ti: 9\n", 10)]
    [InlineData("a: 1\r\nb:\r\n  c: 1\r\n\td: 2\r\n", 4)]
    public void Read_TabAsIndentation_IsReportedAtItsOwnLine(string yaml, int line)
    {
        var refused = Assert.Throws<PositionedYamlException>(() => PositionedYaml.Read(yaml));
        Assert.Equal(line, refused.Line);
        Assert.Contains("TAB", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_BracketThatIsNotClosed_HasALine() =>
        Assert.Equal(3, Assert.Throws<PositionedYamlException>(() => PositionedYaml.Read("x: 1\ny: 2\na: [1,\nb: 3\n")).Line);

    [Theory]
    [InlineData(new byte[] { 0x61, 0x0A, 0x62, 0xE9, 0x62 }, "is not UTF-8 (0xE9)", 2, 2)]
    [InlineData(new byte[] { 0xE4 }, "is not UTF-8 (0xE4)", 1, 1)]
    [InlineData(new byte[] { 0x61, 0xC0, 0x80 }, "is not UTF-8 (0xC0)", 1, 2)]
    [InlineData(new byte[] { 0x61, 0xED, 0xA0, 0x80 }, "is not UTF-8 (0xED)", 1, 2)]
    [InlineData(new byte[] { 0xFF, 0xFE, 0x61, 0 }, "is UTF-16", 1, 1)]
    [InlineData(new byte[] { 0xFE, 0xFF, 0, 0x61 }, "is UTF-16", 1, 1)]
    [InlineData(new byte[] { 0xFF, 0xFE, 0, 0, 0x61, 0, 0, 0 }, "is UTF-32", 1, 1)]
    [InlineData(new byte[] { 0x61, 0, 0x62, 0 }, "UTF-16LE", 1, 1)]
    [InlineData(new byte[] { 0, 0x61, 0, 0x62 }, "UTF-16BE", 1, 1)]
    public void Utf8_OtherBytes_AreRefusedByLineAndByte(byte[] bytes, string rule, int line, int column)
    {
        var refused = Assert.Throws<NotUtf8Exception>(() => Utf8Text.Read(bytes));
        Assert.Contains(rule, refused.Rule, StringComparison.Ordinal);
        Assert.Equal((line, column), (refused.Line, refused.Column));
    }

    [Fact]
    public void Utf8_ByteOrderMark_IsNoPartOfTheText()
    {
        Assert.Equal("ä: 1", Utf8Text.Read([0xEF, 0xBB, 0xBF, .. Encoding.UTF8.GetBytes("ä: 1")]));
        Assert.Equal(["a"], ((Dictionary<string, object?>)StrictYaml.Read("\uFEFFa: 1")!).Keys);
        Assert.Equal("", Utf8Text.Read([]));
    }

    [Fact]
    public void Load_OptionsInLatin1_AreRefusedByLine()
    {
        using var directory = new TempDirectory();
        File.WriteAllBytes(directory.File("o.yaml"), [.. "a: 1\nb: "u8, 0xE4]);
        Assert.Contains("line 2, byte 4", Assert.Throws<FaultException>(
            () => OptionsFile.Load<Options>("optiontest", directory.File("o.yaml"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_RecordInLatin1_IsDamaged() =>
        Assert.Throws<InvalidDataException>(() =>
            RecordJson.Read<Overture.Records.V1.NodeHistory>([.. "{\"author\":\""u8, 0xE4, .. "\"}"u8]));

    private sealed record Options : ServiceOptions;
}
