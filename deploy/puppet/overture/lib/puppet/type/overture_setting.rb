Puppet::Type.newtype(:overture_setting) do
  @doc = 'One line of a puppet.conf: SECTION/SETTING. Every other line stays as it is, comments too.'

  newparam(:name, namevar: true) do
    desc 'SECTION/SETTING, as main/ca_server.'
    validate do |name|
      raise ArgumentError, "#{name} is not SECTION/SETTING" unless name =~ %r{\A[a-z]+/[a-z_]+\z}
    end
  end

  newparam(:path) do
    desc 'The puppet.conf; made if it is missing.'
    isrequired
    validate do |path|
      raise ArgumentError, "#{path} is not an absolute path" unless Puppet::Util.absolute_path?(path)
    end
  end

  newproperty(:value) do
    desc 'What stands behind the =.'
    isrequired
    validate do |value|
      raise ArgumentError, 'a value is one line of text' unless value.is_a?(String) && value =~ %r{\A[^\s#].*[^\s]?\z} && !value.include?("\n")
    end
  end

  autorequire(:file) { [self[:path], File.dirname(self[:path])] }
end
