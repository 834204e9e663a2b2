Puppet::Type.newtype(:overture_alt_names) do
  @doc = "The line allow-subject-alt-names of a packaged puppetserver's ca.conf: its CA signs requests that have names beside the certname.
    Every other line stays as it is, comments too."

  newparam(:path, namevar: true) do
    desc 'The ca.conf; made if it is missing.'
    validate do |path|
      raise ArgumentError, "#{path} is not an absolute path" unless Puppet::Util.absolute_path?(path)
    end
  end

  newproperty(:allowed) do
    desc 'true or false; without a line it is false.'
    isrequired
    newvalues(:true, :false)
  end

  autorequire(:file) { [self[:path], File.dirname(self[:path])] }
end
