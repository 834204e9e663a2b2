Puppet::Type.newtype(:overture_token) do
  @doc = "The one-time token in an agent's csr_attributes.yaml: for root alone, until the certificate that it is for is there."

  newparam(:path, namevar: true) do
    desc "The agent's csr_attributes.yaml; what is in it is replaced."
    validate do |path|
      raise ArgumentError, "#{path} is not an absolute path" unless Puppet::Util.absolute_path?(path)
    end
  end

  newparam(:certname) do
    desc "Whose certificate spends it; by default the agent's own."
    defaultto { Puppet[:certname] }
  end

  newproperty(:token) do
    desc 'The token. Once the certificate is there it is removed; another token is written again.'
    isrequired

    def insync?(_is)
      provider.settled?(should)
    end

    def change_to_s(_is, _should)
      'written, or removed where its certificate is there'
    end
  end

  autorequire(:file) { [self[:path], File.dirname(self[:path])] }
end
