using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Platform.Tests;

/// <summary>
/// What Puppet reads of a definition is what was meant, types included: Ruby's safe loader with Puppet's arguments
/// (Puppet::Util::Yaml.safe_load of puppet 7, as its node terminus exec calls it) against our writer.
/// </summary>
[Trait("Category", "integration")]
public sealed class PsychTests : IDisposable
{
    private const int Documents = 100_000;

    // A tree as bytes that show each value's class, keys in order. Ruby writes its tree the same way.
    private const string Loader = """
        require 'yaml'
        def encoded(n)
          case n
          when Hash then "m#{n.size}{" + n.map { |k, v| encoded(k) + encoded(v) }.join + '}'
          when Array then "l#{n.size}[" + n.map { |v| encoded(v) }.join + ']'
          when String then "s#{n.bytesize}:".b + n.encode('UTF-8').b
          when Integer then "i#{n};"
          when Float then 'f' + [n].pack('G').unpack1('H*')
          when true then 't'
          when false then 'f;'
          when nil then 'n'
          else "?#{n.class}"
          end
        end
        STDIN.binmode
        STDOUT.binmode
        while (size = STDIN.read(4))
          text = STDIN.read(size.unpack1('N')).force_encoding('UTF-8')
          answer = begin
            encoded(YAML.safe_load(text, permitted_classes: [Symbol], aliases: true))
          rescue Exception => e
            "!#{e.class}: #{e.message}"
          end
          STDOUT.write([answer.bytesize].pack('N'), answer)
        end
        """;

    private readonly Process ruby = Process.Start(
        new ProcessStartInfo("ruby", ["-e", Loader]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;

    public void Dispose()
    {
        ruby.Kill();
        ruby.WaitForExit();
        ruby.Dispose();
    }

    [Fact]
    public async Task Write_AnyDefinition_IsReadByRubyAsItWasMeant()
    {
        var sending = Task.Run(() => Send(Trees().Select(Written)));
        try
        {
            foreach (var tree in Trees())
                AssertSame(tree, Answer());
        }
        catch (EndOfStreamException)
        {
            await sending; // has the cause
            throw;
        }
        await sending;
    }

    [Theory]
    [InlineData("'<<': {a: 1}")]
    [InlineData("<<: {a: 1}")]
    [InlineData("k: {'<<': [{a: 1}]}")]
    public void Read_MergeKey_IsRefused(string yaml) =>
        // Ruby merges even under a quoted one, so no definition can hold it and mean it.
        Assert.Contains("merge key", Assert.Throws<Overture.Platform.Faults.FaultException>(() => StrictYaml.Read(yaml)).Message,
            StringComparison.Ordinal);

    [Fact]
    public async Task Write_MergeKey_IsNoMergeToRuby()
    {
        var tree = new Dictionary<string, object?> { ["<<"] = new Dictionary<string, object?> { ["a"] = 1L },
            ["k"] = new List<object?> { new Dictionary<string, object?> { ["<<"] = new List<object?>() } } };
        await Task.Run(() => Send([QuotedYaml.Write(tree)]));
        AssertSame(tree, Answer());
    }

    [Fact]
    public async Task Names_ThatWeTake_PuppetTakes()
    {
        string[] first = ["a", "ntp", "_x", "x_1", "b2", "é", "A", "1", "", "main", "settings", "node", "class", "plan", "type", "integer",
            "any", "string", "default", "true", "or", "unless", "x-y", "x y", "x\ny", "x;", "$x"];
        string[] joins = ["", "::", ":", ".", "::::"];
        var names = (from a in first from j in joins from b in first select new[] { a + j + b, "::" + a + j + b }).SelectMany(n => n)
            .Distinct().ToList();
        string[] sources = [.. names.Where(PuppetNames.IsClass).Select(n => $"class {PuppetNames.Unanchored(n)} {{ }} include {n}"),
            .. names.Where(PuppetNames.IsVariable).Select(n => $"${n} = 1")];
        Assert.InRange(sources.Length, 100, 10_000);
        // Puppet's own parser and validator, all sources in one process.
        const string Parse = """
            require 'puppet'
            Puppet.initialize_settings(['--confdir', ARGV[0], '--vardir', ARGV[0]])
            parser = Puppet::Pops::Parser::EvaluatingParser.new
            STDIN.read.split("\0").each { |s| begin; parser.parse_string(s, 'x'); rescue Puppet::Error => e; puts "#{s}: #{e.message}"; end }
            """;
        using var home = new TempDirectory();
        Assert.Equal("", (await Shell.Run("ruby", ["-e", Parse, home.Path], null, string.Join('\0', sources))).Ok());
    }

    private static IEnumerable<Dictionary<string, object?>> Trees()
    {
        var trees = new DefinitionTrees(seed: 76);
        return Enumerable.Range(0, Documents).Select(_ => trees.Next());
    }

    // As the Classifier answers, of what the Conductor stored.
    private static string Written(Dictionary<string, object?> tree) =>
        QuotedYaml.Write(NodeDefinition.Parse(QuotedYaml.Write(NodeDefinition.FromTree(tree).ToTree())).ToTree(), "---");

    private void Send(IEnumerable<string> documents)
    {
        var size = new byte[4];
        using var stdin = ruby.StandardInput.BaseStream;
        using var buffered = new BufferedStream(stdin, 1 << 20);
        foreach (var document in documents)
        {
            var bytes = Encoding.UTF8.GetBytes(document);
            BinaryPrimitives.WriteInt32BigEndian(size, bytes.Length);
            buffered.Write(size);
            buffered.Write(bytes);
        }
    }

    private byte[] Answer()
    {
        var stdout = ruby.StandardOutput.BaseStream;
        var size = new byte[4];
        stdout.ReadExactly(size);
        var answer = new byte[BinaryPrimitives.ReadInt32BigEndian(size)];
        stdout.ReadExactly(answer);
        return answer;
    }

    private static void AssertSame(Dictionary<string, object?> tree, byte[] answer)
    {
        using var expected = new MemoryStream();
        Encode(tree, expected);
        if (!answer.AsSpan().SequenceEqual(expected.GetBuffer().AsSpan(0, (int)expected.Length)))
        {
            Assert.Fail(
                $"Ruby reads\n{Encoding.UTF8.GetString(answer)}\nnot\n{Encoding.UTF8.GetString(expected.ToArray())}\n"
                    + $"of\n{QuotedYaml.Write(tree, "---")}");
        }
    }

    private static void Encode(object? node, Stream to)
    {
        switch (node)
        {
            case Dictionary<string, object?> map:
                Put(to, $"m{map.Count}{{");
                foreach (var (key, value) in map)
                {
                    Encode(key, to);
                    Encode(value, to);
                }
                Put(to, "}");
                break;
            case List<object?> list:
                Put(to, $"l{list.Count}[");
                foreach (var item in list)
                    Encode(item, to);
                Put(to, "]");
                break;
            case string text:
                Put(to, $"s{Encoding.UTF8.GetByteCount(text)}:{text}");
                break;
            case long whole:
                Put(to, string.Create(CultureInfo.InvariantCulture, $"i{whole};"));
                break;
            case double real:
                Put(to, $"f{BitConverter.DoubleToInt64Bits(real):x16}");
                break;
            default:
                Put(to, node is null ? "n" : (bool)node ? "t" : "f;");
                break;
        }
    }

    private static void Put(Stream to, string text) => to.Write(Encoding.UTF8.GetBytes(text));
}
