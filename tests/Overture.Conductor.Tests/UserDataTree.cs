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
    public UserDataTree CsrAttributes =>
        Of(string.Join('\n',
            Text("bootcmd", "0").Split('\n').SkipWhile(l => !l.EndsWith("<<'EOF'", StringComparison.Ordinal)).Skip(1)
            .TakeWhile(l => l != "EOF")));

    public string Text(params string[] path) => ((YamlScalarNode)At(path)).Value!;

    public YamlNode At(params string[] path) =>
        path.Aggregate((YamlNode)root,
            (node, key) => node is YamlSequenceNode list ? list[int.Parse(key, System.Globalization.CultureInfo.InvariantCulture)]
            : ((YamlMappingNode)node)[key]);
}
