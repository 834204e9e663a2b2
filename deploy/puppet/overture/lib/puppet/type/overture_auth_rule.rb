Puppet::Type.newtype(:overture_auth_rule) do
  @doc = "The rule of a packaged puppetserver's auth.conf by which named clients may read which classes the server has. Every other line
    stays as it is, comments too."

  newparam(:path, namevar: true) do
    desc 'The auth.conf; it must be there, with a list of rules.'
    validate do |path|
      raise ArgumentError, "#{path} is not an absolute path" unless Puppet::Util.absolute_path?(path)
    end
  end

  newproperty(:allow) do
    desc 'Certnames of the clients as the file has them: ["a", "b"]. [] means that there is no such rule.'
    isrequired
    validate do |list|
      raise ArgumentError, "#{list} is not a list of certnames" unless list =~ %r{\A\[("[a-z0-9._-]+"(, "[a-z0-9._-]+")*)?\]\z}
    end
  end

  autorequire(:file) { [self[:path], File.dirname(self[:path])] }
end
