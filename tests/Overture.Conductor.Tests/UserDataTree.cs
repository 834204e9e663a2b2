using Overture.Conductor.Launch;
using YamlDotNet.RepresentationModel;

namespace Overture.Conductor.Tests;

/// <summary>User data as a YAML parser that is not ours sees it.</summary>
internal sealed class UserDataTree
{
    private readonly YamlMappingNode root;

    private UserDataTree(YamlMappingNode root) => this.root = root;

    public YamlMappingNode Root => root;

    public static UserDataTree Of(string userData)
    {
        var yaml = new YamlStream();
        yaml.Load(new StringReader(userData));
        return new UserDataTree((YamlMappingNode)Assert.Single(yaml.Documents).RootNode);
    }

    /// <summary>csr_attributes.yaml, as the command of user data writes it.</summary>
    public UserDataTree CsrAttributes => Of(Here("<<'OVERTURE_CSR'", "OVERTURE_CSR"));

    /// <summary>puppet.conf but for its first lines.</summary>
    public string PuppetConf => Printed("conf");

    /// <summary>The pinned CA.</summary>
    public string Ca => Printed("ca");

    /// <summary>What a function of the agent's script prints.</summary>
    public string Printed(string function)
    {
        var lines = Here($"{function}() {{", "}").Split('\n');
        return string.Concat(lines.Skip(1).SkipLast(1).Select(l => l + "\n"));
    }

    /// <summary>A line of the agent's script that gives a variable its value.</summary>
    public string Variable(string name) =>
        Script.Split('\n').First(l => l.StartsWith(name + "=", StringComparison.Ordinal))[(name.Length + 1)..].Trim('\'');

    /// <summary>The agent's script.</summary>
    public string Script => Here("<<'OVERTURE_AGENT'", "OVERTURE_AGENT") is var text
        && text.StartsWith("certname=", StringComparison.Ordinal)
        ? text : Unpacked(text);

    private static string Unpacked(string text)
    {
        using var gzip = new System.IO.Compression.GZipStream(new MemoryStream(Convert.FromBase64String(text)),
            System.IO.Compression.CompressionMode.Decompress);
        return new StreamReader(gzip).ReadToEnd();
    }

    private string Here(string begin, string end) =>
        string.Join('\n', (begin[0] == '<' ? Text("bootcmd", "0") : Script).Split('\n')
            .SkipWhile(l => !l.Contains(begin, StringComparison.Ordinal)).Skip(1).TakeWhile(l => l != end));

    public string Text(params string[] path) => ((YamlScalarNode)At(path)).Value!;

    public YamlNode At(params string[] path) =>
        path.Aggregate((YamlNode)root,
            (node, key) => node is YamlSequenceNode list ? list[int.Parse(key, System.Globalization.CultureInfo.InvariantCulture)]
            : ((YamlMappingNode)node)[key]);
}
