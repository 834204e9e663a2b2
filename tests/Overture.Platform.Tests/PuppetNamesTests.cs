using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Platform.Tests;

/// <summary>The names that break a catalog are those that Puppet itself says: its own compiler is asked for each.</summary>
[Trait("Category", "integration")]
public sealed class PuppetNamesTests
{
    // As an agent's request: node of the ENC, facts over it, compiler. A line for each name: it, and whether a class that declares it
    // compiles with
    // it, and whether a top-scope variable of it compiles and has the ENC's value.
    private const string Compiler = """
        require 'puppet'
        require 'tmpdir'
        Dir.mktmpdir do |home|
          Puppet.initialize_settings(['--confdir', home, '--vardir', home])
          Puppet::Util::Log.level = :crit
          compile = lambda do |code, classes, parameters|
            Puppet[:code] = code
            environment = Puppet::Node::Environment.create(:production, [], Puppet::Node::Environment::NO_MANIFEST)
            node = Puppet::Node.new('n.example', classes: classes, parameters: parameters, environment: environment)
            node.merge('hostname' => 'own')
            node.add_server_facts('serverversion' => '7')
            trusted = Puppet::Context::TrustedInformation.new('remote', 'n.example', {})
            begin
              catalog = Puppet.override(current_environment: environment, loaders: Puppet::Pops::Loaders.new(environment), trusted_information: trusted) { Puppet::Parser::Compiler.compile(node) }
              catalog.resources.find { |r| r.type == 'Notify' }.title
            rescue Puppet::Error
              'refused'
            end
          end
          values = Hash.new('v').merge(%w[before require notify subscribe].to_h { |m| [m, 'Notify[v]'] }).merge('stage' => 'main', 'loglevel' => 'notice')
          ARGV.each do |name|
            declared = compile.call("notify { 'v': } class probe($#{name} = 'd') { }", { 'probe' => { name => values[name] } }, {})
            variable = compile.call("notify { \"${::#{name}}\": }", {}, { name => 'v' })
            puts "#{name} #{declared == 'v'} #{variable == 'v'}"
          end
        end
        """;

    private static readonly string[] Names =
    [
        "name", "title", "module_name", "caller_module_name", "trusted", "facts", "server_facts", "settings", "environment", "servername",
        "serverip", "serverversion", "clientcert",
        "hostname", "os", "class", "node", "define", "type", "default", "true", "false", "undef", "if", "in", "function", "import", "site",
        "main", "self", "context", "_x", "x", "ensure",
        "alias", "audit", "before", "loglevel", "noop", "notify", "require", "schedule", "stage", "subscribe", "tag", "tags", "exported",
        "virtual", "file", "line", "scope",
    ];

    [Fact]
    public async Task Reserved_ByPuppetsOwnCompiler_AreTheNamesThatBreakACatalog()
    {
        var ran = await Shell.Run("ruby", ["-e", Compiler, .. Names], null, limit: TimeSpan.FromMinutes(3));
        Assert.True(ran.ExitCode == 0, ran.Errors);
        var said = ran.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => l.Split(' ')).ToList();
        Assert.Equal(Names, said.Select(s => s[0]));
        Assert.Equal(said.Where(s => s[1] == "false").Select(s => s[0]), Names.Where(PuppetNames.IsReservedParameter));
        Assert.Equal(said.Where(s => s[2] == "false").Select(s => s[0]), Names.Where(PuppetNames.IsReservedVariable));
    }
}
