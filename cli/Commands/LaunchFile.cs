using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.V1;
using Overture.Records.V1;

namespace Overture.Cli.Commands;

/// <summary>
/// start_instance.yaml: what to launch. Checks what the service can't, namely keys it would never see and places that mean something only
/// here; every other rule is the Conductor's.
/// </summary>
internal sealed class LaunchFile(string file)
{
    private const string Next = "examples/start_instance.yaml shows every key";

    public static LaunchSpec Read(string file) => new LaunchFile(file).Spec(YamlFile.Read(file, ExitCodes.Usage, Next));

    private LaunchSpec Spec(YamlMap map)
    {
        var spec = new LaunchSpec();
        foreach (var (key, value) in map.Entries)
        {
            switch (key.Text)
            {
                case "bucket":
                    spec.Bucket = StorePath.Absolute(Text(key, value));
                    break;
                case "provider":
                    spec.Provider = Text(key, value);
                    break;
                case "image":
                    spec.Image = Text(key, value);
                    break;
                case "instance_type":
                    spec.InstanceType = Text(key, value);
                    break;
                case "puppet":
                    spec.Puppet = Puppet(Map(key, value));
                    break;
                case "node":
                    spec.Node = Node(Map(key, value));
                    break;
                case "labels":
                    Fill(spec.Labels, Map(key, value));
                    break;
                case "extensions":
                    Fill(spec.Extensions, Map(key, value));
                    break;
                case "dns_alt_names":
                    spec.DnsAltNames.AddRange(Texts(key, value));
                    break;
                case "profile":
                    spec.Profile = Text(key, value);
                    break;
                case "role":
                    spec.Role = Text(key, value);
                    break;
                case "attestation":
                    spec.Attestation = AttestationOf(key, Text(key, value));
                    break;
                case "deadline":
                    spec.Deadline = DurationOf(key, value);
                    break;
                case "ttl":
                    spec.Ttl = DurationOf(key, value);
                    break;
                case "protected":
                    spec.Protected = Flag(key, value);
                    break;
                case "deadlines":
                    spec.Deadlines = Deadlines(Map(key, value));
                    break;
                default:
                    throw Wrong(key, "is unknown");
            }
        }
        return spec;
    }

    private PuppetSettings Puppet(YamlMap map)
    {
        var puppet = new PuppetSettings();
        foreach (var (key, value) in map.Entries)
        {
            switch (key.Text)
            {
                case "server":
                    puppet.Server = Text(key, value);
                    break;
                case "serverport":
                    puppet.Serverport = Port(key, value);
                    break;
                case "ca_server":
                    puppet.CaServer = Text(key, value);
                    break;
                case "ca_port":
                    puppet.CaPort = Port(key, value);
                    break;
                default:
                    throw Wrong(key, "is unknown in puppet");
            }
        }
        return puppet;
    }

    private StepDeadlines Deadlines(YamlMap map)
    {
        var deadlines = new StepDeadlines();
        foreach (var (key, value) in map.Entries)
        {
            switch (key.Text)
            {
                case "running":
                    deadlines.Running = DurationOf(key, value);
                    break;
                case "csr":
                    deadlines.Csr = DurationOf(key, value);
                    break;
                case "converged":
                    deadlines.Converged = DurationOf(key, value);
                    break;
                default:
                    throw Wrong(key, "is unknown in deadlines");
            }
        }
        return deadlines;
    }

    private NodeSpec Node(YamlMap map)
    {
        var node = new NodeSpec();
        foreach (var (key, value) in map.Entries)
        {
            switch (key.Text)
            {
                // The ENC's vocabulary: a list of names is a map of names without parameters.
                case "classes" when value is YamlList names:
                    node.Classes = new Struct();
                    foreach (var name in Texts(key, names))
                        node.Classes.Fields[name] = Value.ForNull();
                    break;
                case "classes":
                    node.Classes = NodeValues.Tree(file, Map(key, value));
                    break;
                case "parameters":
                    node.Parameters = NodeValues.Tree(file, Map(key, value));
                    break;
                case "environment":
                    node.Environment = Text(key, value);
                    break;
                default:
                    throw Wrong(key, "is unknown in node");
            }
        }
        return node;
    }

    private string Text(YamlScalar key, YamlNode value) =>
        value is YamlScalar scalar ? (scalar.IsNull ? "" : scalar.Text) : throw Wrong(key, "must be a text");

    private IEnumerable<string> Texts(YamlScalar key, YamlNode value) =>
        value is YamlList list ? list.Items.Select(item => Text(key, item)).ToList()
        : value is YamlScalar { IsNull: true } ? []
        : throw Wrong(key, "must be a list");

    private YamlMap Map(YamlScalar key, YamlNode value) => value switch
    {
        YamlMap map => map,
        YamlScalar { IsNull: true } nothing => new YamlMap(nothing.Line, []),
        _ => throw Wrong(key, "must be a mapping"),
    };

    private void Fill(IDictionary<string, string> target, YamlMap map)
    {
        foreach (var (key, value) in map.Entries)
            target[key.Text] = Text(key, value);
    }

    private Duration DurationOf(YamlScalar key, YamlNode value) =>
        Durations.TryParse(Text(key, value), out var duration) ? Duration.FromTimeSpan(duration) : throw Wrong(key, "must be a duration such as 60m");

    private bool Flag(YamlScalar key, YamlNode value) => Text(key, value) switch
    {
        "true" => true,
        "false" => false,
        _ => throw Wrong(key, "must be true or false"),
    };

    private int Port(YamlScalar key, YamlNode value) =>
        int.TryParse(Text(key, value), NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is >= 1 and <= 65535
            ? port
            : throw Wrong(key, "must be a port, 1 to 65535");

    private Attestation AttestationOf(YamlScalar key, string text) => text switch
    {
        "registry" => Attestation.Registry,
        "token" => Attestation.Token,
        "source" => Attestation.Source,
        "provider" => Attestation.Provider,
        _ => throw Wrong(key, "must be registry, token, source or provider"),
    };

    private Failure Wrong(YamlScalar key, string rule) => Failure.Usage($"{file}:{key.Line}: {key.Text} {rule}", Next);
}
