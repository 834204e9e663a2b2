require 'json'
require 'net/http'
require 'openssl'
require 'timeout'
require 'puppet'
require 'puppet/node'
require 'puppet/indirector/plain'

# node_terminus = overture: what a node is, from Overture's Classifier over one kept connection instead of a process for each request.
#
# Settings are in $confdir/overture.yaml, read once a process:
#
#   url: https://classifier.example.com:8143   its host must stand in Classifier's certificate
#   timeout: 5                                 seconds for the whole of an answer, 1 to 60 (default 5)
#
# This server shows its own host certificate and trusts Puppet's CA and CRL alone. Whatever goes wrong is a Puppet::Error, which fails the
# request: an unknown node is one, and an empty node, which would unclassify the agent, is never made.
class Puppet::Node::Overture < Puppet::Indirector::Plain
  desc "Ask Overture's Classifier what a node is. See the `overture` module."

  # One Classifier, and connections to it that are kept. Puppet's own client is not used: in puppetserver it closes after each request.
  class Classifier
    # Shorter than Kestrel keeps an idle one; and a renewed host certificate is shown, and a new CRL read, within LONGEST.
    IDLE = 60
    LONGEST = 300
    BROKEN = [IOError, SystemCallError, OpenSSL::SSL::SSLError].freeze
    FAULTS = [*BROKEN, SocketError, Net::ProtocolError, Net::HTTPBadResponse, Puppet::SSL::SSLError].freeze

    Connection = Struct.new(:http, :opened, :used)

    def initialize(url, timeout)
      @url = url
      @timeout = timeout
      @idle = []
      @gate = Mutex.new
    end

    # The answer as a hash with "classes", "parameters" and "environment".
    def node(name)
      response = Timeout.timeout(@timeout) { get("/overture/v1/node/#{Puppet::Util.uri_encode(name)}") }
      raise Puppet::Error, "Could not classify #{name}: #{refusal(response)}" unless response.is_a?(Net::HTTPOK)

      checked(name, JSON.parse(response.body))
    rescue JSON::ParserError
      raise Puppet::Error, "Could not classify #{name}: #{@url} did not answer in JSON"
    rescue Timeout::Error
      raise Puppet::Error, "Could not classify #{name}: #{@url} did not answer within #{@timeout} s"
    rescue *FAULTS => e
      raise Puppet::Error, "Could not classify #{name}: #{@url}: #{e.message}", e.backtrace
    end

    private

    def get(path)
      connection, kept = borrow
      begin
        response = connection.http.request(Net::HTTP::Get.new(path, 'Accept' => 'application/json'))
      rescue *BROKEN
        # A kept connection may have been closed at the other end; a new one that fails is a failure.
        raise unless kept

        close(connection)
        connection = open
        kept = false
        retry
      end
      connection.used = now
      @gate.synchronize { @idle.push(connection) }
      connection = nil
      response
    ensure
      # Also when the time is over: half an answer must not be the beginning of the next.
      close(connection) if connection
    end

    def borrow
      loop do
        connection = @gate.synchronize { @idle.pop }
        return [open, false] unless connection
        return [connection, true] if now - connection.used < IDLE && now - connection.opened < LONGEST

        close(connection)
      end
    end

    def open
      http = Net::HTTP.new(@url.host, @url.port, nil)
      http.use_ssl = true
      http.open_timeout = http.read_timeout = http.write_timeout = @timeout
      http.max_retries = 0
      http.keep_alive_timeout = LONGEST
      verifier = Puppet::SSL::Verifier.new(@url.host, Puppet::SSL::SSLProvider.new.load_context)
      verifier.setup_connection(http)
      begin
        http.start
      rescue OpenSSL::SSL::SSLError => e
        verifier.handle_connection_error(http, e)
      end
      Connection.new(http, now, now)
    end

    def close(connection)
      connection.http.finish if connection.http.started?
    rescue IOError, SystemCallError, OpenSSL::SSL::SSLError => e
      Puppet.debug("closing a connection to #{@url}: #{e.message}")
    end

    # Classifier's own words (RFC 9457), if it is Classifier that answers.
    def refusal(response)
      problem = JSON.parse(response.body.to_s)
      "#{problem['reason']}: #{problem['detail']}"
    rescue JSON::ParserError, TypeError, NoMethodError
      "#{@url} answered #{response.code}"
    end

    def checked(name, answer)
      whole = answer.is_a?(Hash) && answer['classes'].is_a?(Hash) && answer['parameters'].is_a?(Hash) &&
              answer['environment'].is_a?(String) && !answer['environment'].empty?
      raise Puppet::Error, "Could not classify #{name}: #{@url} did not answer with classes, parameters and environment" unless whole

      answer
    end

    def now
      Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end
  end

  @gate = Mutex.new

  def self.classifier
    @gate.synchronize { @classifier ||= configured }
  end

  def self.configured
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
    node.classes = answer['classes']
    node.parameters = answer['parameters']
    node.environment = answer['environment']
    facts = request.options[:facts]
    node.fact_merge(facts.is_a?(Puppet::Node::Facts) ? facts : nil)
    node
  end
end
