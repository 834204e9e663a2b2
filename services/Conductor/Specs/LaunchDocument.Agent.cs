using Overture.Conductor.V1;

namespace Overture.Conductor.Specs;

// The keys below puppet.agent. Values that go to puppet.conf are taken as they are written there, so 30m and 1800 are both a text.
internal sealed partial class LaunchDocument
{
    private void Agent(Place place, PuppetAgent agent) => Section(place, new(StringComparer.Ordinal)
    {
        ["flavour"] = p => agent.Flavour = FlavourOf(p),
        ["version"] = p => agent.Version = Text(p),
        ["repository"] = p => Repository(p, agent.Repository = new AgentRepository()),
        ["key_type"] = p => agent.KeyType = KeyTypeOf(p),
        ["settings"] = p => Settings(p, agent.Settings = new AgentSettings()),
        ["runinterval"] = p => agent.Runinterval = Text(p),
        ["splay"] = p => agent.Splay = Text(p),
        ["report"] = p => agent.Report = Flag(p),
    });

    private void Repository(Place place, AgentRepository repository) => Section(place, new(StringComparer.Ordinal)
    {
        ["apt"] = p => repository.Apt = Text(p),
        ["yum"] = p => repository.Yum = Text(p),
        ["key"] = p => repository.Key = Text(p),
    });

    private void Settings(Place place, AgentSettings settings) => Section(place, new(StringComparer.Ordinal)
    {
        ["main"] = p => Fill(p, settings.Main),
        ["agent"] = p => Fill(p, settings.Agent),
        ["user"] = p => Fill(p, settings.User),
    });

    private AgentFlavour FlavourOf(Place place) => Text(place) switch
    {
        "auto" => AgentFlavour.Auto,
        "distribution" => AgentFlavour.Distribution,
        "openvox8" => AgentFlavour.Openvox8,
        "openvox9" => AgentFlavour.Openvox9,
        "puppet8" => AgentFlavour.Puppet8,
        "puppet7" => AgentFlavour.Puppet7,
        "installed" => AgentFlavour.Installed,
        _ => Wrong(place.Path, "must be auto, distribution, openvox8, openvox9, puppet8, puppet7 or installed", AgentFlavour.Unspecified),
    };

    private AgentKeyType KeyTypeOf(Place place) => Text(place) switch
    {
        "rsa" => AgentKeyType.Rsa,
        "ec" => AgentKeyType.Ec,
        _ => Wrong(place.Path, "must be rsa or ec", AgentKeyType.Unspecified),
    };
}
