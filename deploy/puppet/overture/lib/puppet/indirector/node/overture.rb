require 'json'
require 'puppet'
require 'puppet/node'
require 'puppet/indirector/plain'

# node_terminus = overture: what a node is, from Overture's Classifier over one kept connection instead of a process for each request. For
# puppetserver on Java 11 or later.
#
# Settings are in $confdir/overture.yaml, read once a process:
#
#   url: https://classifier.example.com:8143   its host must be in Classifier's certificate
#   timeout: 5                                 seconds for the whole of an answer, 1 to 60 (default 5)
#
# This server shows its own host certificate and trusts Puppet's CA, by Puppet's CRL, alone. Whatever goes wrong is a Puppet::Error, which
# fails the request: an unknown node is one, and an empty node, which would unclassify the agent, is never made.
class Puppet::Node::Overture < Puppet::Indirector::Plain
  desc "Ask Overture's Classifier what a node is. See the `overture` module."

  # One Classifier. The connections are Java's: Puppet's own client closes each after its request, and JRuby's OpenSSL can't read the CRL of
  # an elliptic CA.
  class Classifier
    # Seconds between two looks at the files: how long a renewed certificate or a new CRL may go unused.
    LOOK = 60

    # url: URI::HTTPS; timeout: seconds.
    def initialize(url, timeout)
      @url = url
      @timeout = timeout
      @gate = Mutex.new
    end

    # The answer as a hash with "classes", "parameters" and, unless Classifier leaves an unknown node to the site manifest, "environment".
    def node(name)
      response = get("/overture/v1/node/#{Puppet::Util.uri_encode(name)}")
      raise Puppet::Error, "Could not classify #{name}: #{refusal(response)}" unless response.status_code == 200

      checked(name, JSON.parse(response.body))
    rescue JSON::ParserError
      raise Puppet::Error, "Could not classify #{name}: #{@url} did not answer in JSON"
    rescue java.util.concurrent.TimeoutException
      raise Puppet::Error, "Could not classify #{name}: #{@url} did not answer within #{@timeout} s"
    rescue java.lang.Exception => e
      # With its class: Java says no more of a connection that was refused.
      raise Puppet::Error, "Could not classify #{name}: #{@url}: #{(e.cause || e).to_string}"
    end

    private

    def get(path)
      request = java.net.http.HttpRequest.new_builder(java.net.URI.create("#{@url.scheme}://#{@url.host}:#{@url.port}#{path}"))
                    .header('Accept', 'application/json').build
      answer = client.send_async(request, java.net.http.HttpResponse::BodyHandlers.of_string)
      begin
        answer.get(@timeout, java.util.concurrent.TimeUnit::SECONDS)
      ensure
        answer.cancel(true) # of one that is complete, this does nothing
      end
    end

    # Rebuilt when a file it was made from has changed. It keeps connections, and opens another when the server closed one.
    def client
      @gate.synchronize do
        now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
        return @client if @client && now - @looked < LOOK

        files = [Puppet[:hostcert], Puppet[:hostprivkey], Puppet[:localcacert], Puppet[:hostcrl]]
        stamp = files.map { |file| File.stat(file).mtime }
        @client = connect(files) unless @client && stamp == @stamp
        @stamp = stamp
        @looked = now
        @client
      end
    rescue SystemCallError => e
      raise Puppet::Error, "This server has no certificate to show to #{@url}: #{e.message}"
    end

    def connect(files)
      readers = files.map { |file| java.io.StringReader.new(File.read(file)) }
      java.net.http.HttpClient.new_builder
          .version(java.net.http.HttpClient::Version::HTTP_1_1)
          .proxy(java.net.http.HttpClient::Builder::NO_PROXY)
          .connect_timeout(java.time.Duration.of_seconds(@timeout))
          .ssl_context(com.puppetlabs.ssl_utils.SSLUtils.pemsToSSLContext(*readers))
          .build
    end

    # Classifier's own words (RFC 9457), if it is Classifier that answers.
    def refusal(response)
      problem = JSON.parse(response.body)
      problem.is_a?(Hash) && problem['reason'] ? "#{problem['reason']}: #{problem['detail']}" : "#{@url} answered #{response.status_code}"
    rescue JSON::ParserError
      "#{@url} answered #{response.status_code}"
    end

    def checked(name, answer)
      whole = answer.is_a?(Hash) && answer['classes'].is_a?(Hash) && answer['parameters'].is_a?(Hash) &&
              (!answer.key?('environment') || (answer['environment'].is_a?(String) && !answer['environment'].empty?))
      raise Puppet::Error, "Could not classify #{name}: #{@url} did not answer with classes, parameters and environment" unless whole

      answer
    end
  end

  @gate = Mutex.new

  def self.classifier
    @gate.synchronize { @classifier ||= configured }
  end

  def self.configured
    raise Puppet::Error, 'The node terminus overture works inside puppetserver alone' unless Puppet::Util::Platform.jruby?

    require 'java'
    file = File.join(Puppet[:confdir], 'overture.yaml')
    settings = Puppet::Util::Yaml.safe_load_file(file)
    raise Puppet::Error, "#{file} must hold url and, if you like, timeout" unless settings.is_a?(Hash) && (settings.keys - %w[url timeout]).empty?

    url = URI.parse(settings['url'].to_s)
    raise Puppet::Error, "#{file}: url must be https://HOST:PORT" unless url.is_a?(URI::HTTPS) && url.host && ['', '/'].include?(url.path)

    timeout = settings.fetch('timeout', 5)
    raise Puppet::Error, "#{file}: timeout must be 1 to 60 seconds" unless timeout.is_a?(Integer) && timeout.between?(1, 60)

    Classifier.new(url, timeout)
  rescue URI::InvalidURIError
    raise Puppet::Error, "#{file}: url must be https://HOST:PORT"
  rescue SystemCallError, Puppet::Util::Yaml::YamlLoadError => e
    raise Puppet::Error, "The node terminus overture is not configured: #{e.message}"
  end
  private_class_method :configured

  def find(request)
    answer = self.class.classifier.node(request.key)
    node = Puppet::Node.new(request.key)
    Puppet.warning("#{request.key}: Classifier's store does not answer; this is what it was at #{answer['stale_since']}") if answer['stale_since']
    node.classes = answer['classes']
    node.parameters = answer['parameters']
    node.environment = answer['environment'] if answer.key?('environment')
    facts = request.options[:facts]
    node.fact_merge(facts.is_a?(Puppet::Node::Facts) ? facts : nil)
    node
  end
end
