using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.V1;
using Overture.Platform.Records;
using Overture.Platform.Tls;
using Overture.Records.V1;

namespace Overture.Conductor.Specs;

/// <summary>
/// start_instance.yaml: a launch spec as users write it. Checks keys and kinds of values; every other rule is the plan's. The command line
/// is built with this file too, so that what it launches from a file is what a profile of the same text launches.
/// </summary>
internal sealed partial class LaunchDocument
{
    private const string NoCertname =
        "is not chosen here, and %i and %f have no meaning: every instance gets a random certname, since a predictable one could be "
            + "requested by "
        + "another host; find instances by their labels (overture instance list), and give a host that has a name of its own to "
            + "overture instance register --certname";
    private const long MaxExact = 1L << 53;

    private readonly List<ProfileProblem> problems = [];
    private readonly YamlLines lines = new();

    private LaunchDocument()
    {
    }

    /// <summary>What the document says, as far as it could be read.</summary>
    public LaunchSpec Spec { get; } = new();

    /// <summary>In the order of the document; empty: all of it was read.</summary>
    public IReadOnlyList<ProfileProblem> Problems => problems;

    /// <summary>What breaks no rule but is rarely intended (<see cref="DefinitionWarnings"/>), by line.</summary>
    public IReadOnlyList<ProfileProblem> Warnings { get; private set; } = [];

    public static LaunchDocument Read(string text)
    {
        var document = new LaunchDocument();
        try
        {
            var root = PositionedYaml.Read(text);
            document.lines.Mark(root);
            document.MarkCloudConfig(root);
            document.Section(new("", root), document.Keys());
            document.Warnings = [.. from entry in root is YamlMap map ? map.Entries : []
                                    where entry.Key.Text == "node"
                                    from warning in DefinitionWarnings.Of(entry.Value, "node", asStruct: true)
                                    select new ProfileProblem { Line = (int)warning.Line, Field = warning.Field, Rule = warning.Rule }];
        }
        catch (PositionedYamlException e)
        {
            document.problems.Add(new ProfileProblem { Line = (int)e.Line, Rule = e.Message });
        }
        return document;
    }

    /// <summary>The line of a field ("puppet.server"), or of the nearest thing around it; 0: unknown.</summary>
    public int LineOf(string field) => (int)lines.Of(field);

    /// <summary>Plain scalars that are strings in YAML 1.2 and true or false to cloud-init, which reads YAML 1.1.</summary>
    public static IEnumerable<(string Path, YamlScalar Word)> Doubtful(YamlNode node, string path) => node switch
    {
        YamlMap map => map.Entries.SelectMany(e => Doubtful(e.Value, $"{path}.{e.Key.Text}")),
        YamlList list => list.Items.SelectMany((item, i) => Doubtful(item, $"{path}[{i}]")),
        YamlScalar { Plain: true,
            Text: "yes" or "Yes" or "YES" or "no" or "No" or "NO" or "on" or "On" or "ON" or "off" or "Off" or "OFF" } word =>
            [(path, word)],
        _ => [],
    };

    public static string DoubtfulRule(YamlScalar word) =>
        $"is a plain {word.Text}, which cloud-init reads as true or false: write true, false, or \"{word.Text}\"";

    private sealed record Place(string Path, YamlNode Node);

    // The one table of keys.
    private Dictionary<string, Action<Place>> Keys() => new(StringComparer.Ordinal)
    {
        ["bucket"] = p => Spec.Bucket = Text(p),
        ["provider"] = p => Spec.Provider = Text(p),
        ["image"] = p => Spec.Image = Text(p),
        ["instance_type"] = p => Spec.InstanceType = Text(p),
        ["puppet"] = p => Puppet(p, Spec.Puppet = new PuppetSettings()),
        ["node"] = p => Node(p, Spec.Node = new NodeSpec()),
        ["labels"] = p => Fill(p, Spec.Labels),
        ["extensions"] = p => Fill(p, Spec.Extensions),
        ["dns_alt_names"] = p => Spec.DnsAltNames.AddRange(Texts(p)),
        ["profile"] = p => Spec.Profile = Text(p),
        ["role"] = p => Spec.Role = Text(p),
        ["attestation"] = p => Spec.Attestation = AttestationOf(p),
        ["deadline"] = p => Spec.Deadline = Time(p),
        ["ec2"] = p => Ec2(p, Spec.Ec2 = new Ec2Settings()),
        ["ttl"] = p => Spec.Ttl = Time(p),
        ["cloud_config"] = p => Spec.CloudConfig = CloudConfig(p),
        ["scripts"] = p => Spec.Scripts.AddRange(Texts(p)),
        ["deadlines"] = p => Deadlines(p, Spec.Deadlines = new StepDeadlines()),
        ["protected"] = p => Spec.Protected = Flag(p),
    };

    private void Puppet(Place place, PuppetSettings puppet)
    {
        foreach (var (path, line) in Templates(place.Node, place.Path))
            problems.Add(new ProfileProblem { Line = line, Field = path, Rule = NoCertname });
        Section(place, new(StringComparer.Ordinal)
        {
            ["server"] = p => puppet.Server = Text(p),
            ["serverport"] = p => puppet.Serverport = Whole(p, 1, 65535, "must be a port, 1 to 65535"),
            ["ca_server"] = p => puppet.CaServer = Text(p),
            ["ca_port"] = p => puppet.CaPort = Whole(p, 1, 65535, "must be a port, 1 to 65535"),
            ["agent"] = p => Agent(p, puppet.Agent = new PuppetAgent()),
        });
    }

    private void Node(Place place, NodeSpec node) => Section(place, new(StringComparer.Ordinal)
    {
        // The ENC's vocabulary: a list of names is a map of names without parameters.
        ["classes"] = p => node.Classes = p.Node is YamlList ? Names(Texts(p)) : Tree(p),
        ["parameters"] = p => node.Parameters = Tree(p),
        ["environment"] = p => node.Environment = Text(p),
    });

    private void Deadlines(Place place, StepDeadlines deadlines) => Section(place, new(StringComparer.Ordinal)
    {
        ["running"] = p => deadlines.Running = Time(p),
        ["csr"] = p => deadlines.Csr = Time(p),
        ["converged"] = p => deadlines.Converged = Time(p),
    });

    private string CloudConfig(Place place)
    {
        if (place.Node is YamlScalar)
            return Text(place);
        foreach (var (path, word) in Doubtful(place.Node, place.Path))
            Wrong(path, DoubtfulRule(word));
        return place.Node is YamlMap map ? QuotedYaml.Write(map.ToTree(), "#cloud-config")
            : Wrong(place.Path, "must be a mapping, or the text of one", "");
    }

    private void Section(Place place, Dictionary<string, Action<Place>> keys)
    {
        foreach (var (key, value) in Map(place).Entries)
        {
            var path = Below(place.Path, key.Text);
            if (keys.TryGetValue(key.Text, out var read))
                read(new Place(path, value));
            else if (key.Text == "certname" && place.Path != "puppet")
                Wrong(path, NoCertname);
            else if (!problems.Exists(p => p.Field == path || p.Field.StartsWith(path + ".", StringComparison.Ordinal)))
                Wrong(path, NearestName.Of(key.Text, keys.Keys) is { } near ? $"is unknown; is {near} meant?" : "is unknown");
        }
    }

    // puppet.conf's old certname key, wherever it is below puppet.
    private static IEnumerable<(string Path, int Line)> Templates(YamlNode node, string path) => node switch
    {
        YamlMap map => map.Entries.SelectMany(e => e.Key.Text == "certname" ? [(Below(path, e.Key.Text), (int)e.Key.Line)]
            : Templates(e.Value, Below(path, e.Key.Text))),
        YamlList list => list.Items.SelectMany((item, i) => Templates(item, $"{path}[{i}]")),
        YamlScalar scalar when scalar.Text.Contains("%i", StringComparison.Ordinal)
            || scalar.Text.Contains("%f", StringComparison.Ordinal) => [(path, (int)scalar.Line)],
        _ => [],
    };

    private string Text(Place place) =>
        place.Node is YamlScalar scalar ? (scalar.IsNull ? "" : scalar.Text) : Wrong(place.Path, "must be a text", "");

    private List<string> Texts(Place place) => [.. Items(place).Select(Text)];

    private List<Place> Items(Place place) => place.Node switch
    {
        YamlList list => [.. list.Items.Select((item, i) => new Place($"{place.Path}[{i}]", item))],
        YamlScalar { IsNull: true } => [],
        _ => Wrong(place.Path, "must be a list", new List<Place>()),
    };

    private YamlMap Map(Place place) => place.Node switch
    {
        YamlMap map => map,
        YamlScalar { IsNull: true } nothing when place.Path.Length > 0 => new YamlMap(nothing.Line, []),
        _ => Wrong(place.Path, "must be a mapping, KEY: VALUE", new YamlMap(place.Node.Line, [])),
    };

    private void Fill(Place place, IDictionary<string, string> target)
    {
        foreach (var (key, value) in Map(place).Entries)
            target[key.Text] = Text(new Place(Below(place.Path, key.Text), value));
    }

    private bool Flag(Place place) =>
        place.Node is YamlScalar scalar && scalar.Value() is bool flag ? flag : Wrong(place.Path, "must be true or false", false);

    private int Whole(Place place, int least, int most, string rule) =>
        place.Node is YamlScalar scalar && int.TryParse(scalar.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && number >= least && number <= most
            ? number
            : Wrong(place.Path, rule, 0);

    private Duration? Time(Place place) =>
        place.Node is YamlScalar scalar && DurationText.TryParse(scalar.Text, out var time) ? Duration.FromTimeSpan(time)
            : Wrong<Duration?>(place.Path, "must be a duration such as 60m", null);

    private Attestation AttestationOf(Place place) => Text(place) switch
    {
        "registry" => Attestation.Registry,
        "token" => Attestation.Token,
        "source" => Attestation.Source,
        "provider" => Attestation.Provider,
        _ => Wrong(place.Path, "must be registry, token, source or provider", Attestation.Unspecified),
    };

    private static Struct Names(IEnumerable<string> names)
    {
        var classes = new Struct();
        foreach (var name in names)
            classes.Fields[name] = Value.ForNull();
        return classes;
    }

    private Struct Tree(Place place)
    {
        var tree = new Struct();
        foreach (var (key, value) in Map(place).Entries)
            tree.Fields[key.Text] = ValueOf(new Place(Below(place.Path, key.Text), value));
        return tree;
    }

    private Value ValueOf(Place place) => place.Node switch
    {
        YamlMap => Value.ForStruct(Tree(place)),
        YamlList => Value.ForList([.. Items(place).Select(ValueOf)]),
        YamlScalar scalar => scalar.Value() switch
        {
            null => Value.ForNull(),
            bool b => Value.ForBool(b),
            long and (> MaxExact or < -MaxExact) => TooLong(place.Path, scalar),
            long l => Value.ForNumber(l),
            double d => Value.ForNumber(d),
            string when scalar.Plain && scalar.Text.TrimStart('-', '+') is { Length: > 18 } digits && digits.All(char.IsAsciiDigit)
                && digits[0] != '0' => TooLong(place.Path, scalar),
            _ => Value.ForString(scalar.Text),
        },
        _ => throw new InvalidOperationException("a node is a map, a list or a scalar"),
    };

    // A Struct's numbers are doubles: a longer integer would come out as another one.
    private Value TooLong(string path, YamlScalar scalar) =>
        Wrong(path, $"{scalar.Text} exceeds 2^53 and would lose digits; write it in quotes", Value.ForNull());

    private static string Below(string path, string key) => YamlLines.Below(path, key);

    // A cloud-config that is a text has places of its own within it.
    private void MarkCloudConfig(YamlNode root)
    {
        if (root is not YamlMap map
            || map.Entries.FirstOrDefault(e => e.Key.Text == "cloud_config").Value is not YamlScalar { Literal: true } text)
        {
            return;
        }

        try
        {
            lines.Mark(PositionedYaml.Read(text.Text), "cloud_config", text.Line);
        }
        catch (PositionedYamlException)
        {
            // It has no places to mark; that it does not read is a problem that the launch plan reports.
        }
    }

    private void Wrong(string path, string rule) =>
        problems.Add(new ProfileProblem { Line = LineOf(path) is var line and > 0 ? line : 1, Field = path, Rule = rule });

    private T Wrong<T>(string path, string rule, T instead)
    {
        Wrong(path, rule);
        return instead;
    }
}
