# Compiles a node's catalog as a puppetserver would, with the trusted facts of a certificate.
#   ruby compile.rb ENVIRONMENTPATH ENVIRONMENT CERTNAME CERTIFICATE CLASS STATE
# Prints each file of the catalog: its path, a tab, its content.
require 'puppet'
require 'puppet/ssl/oids'

environments, environment, certname, file, klass, state = ARGV
Puppet.initialize_settings(['--confdir', "#{state}/conf", '--vardir', "#{state}/var", '--ssldir', "#{state}/ssl",
                            '--environmentpath', environments, '--environment', environment])
Puppet::SSL::Oids.register_puppet_oids
certificate = Puppet::SSL::Certificate.from_instance(OpenSSL::X509::Certificate.new(File.read(file)), certname)
trusted = Puppet::Context::TrustedInformation.remote(true, certname, certificate)
env = Puppet.lookup(:environments).get!(environment)
# What the node itself claims counts for nothing in the hierarchy.
facts = Puppet::Node::Facts.new(certname, { 'pp_role' => 'database', 'trusted' => { 'extensions' => { 'pp_role' => 'database' } } })
node = Puppet::Node.new(certname, environment: env, facts: facts, classes: { klass => {} })
node.trusted_data = trusted.to_h
Puppet.override(current_environment: env, trusted_information: trusted) do
  catalog = Puppet::Parser::Compiler.compile(node)
  catalog.resources.select { |r| r.type == 'File' }.each { |r| print r.title, "\t", r[:content] }
end
