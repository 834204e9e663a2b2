Puppet::Type.type(:overture_setting).provide(:ini) do
  desc "Reads and writes the ini file that Puppet's own settings are in."

  def value
    index = setting_line
    index ? lines[index][%r{=\s*(.*?)\s*\z}, 1] : :absent
  end

  def value=(wanted)
    text = "#{name} = #{wanted}\n"
    if (index = setting_line)
      lines[index] = text
    elsif (index = section_line)
      lines.insert(index + 1, text)
    else
      lines[-1] += "\n" unless lines.empty? || lines[-1].end_with?("\n")
      lines.push("[#{section}]\n", text)
    end
    Puppet::Util.replace_file(resource[:path], 0o644) { |file| file.write(lines.join) }
  end

  private

  def section
    resource[:name].split('/').first
  end

  def name
    resource[:name].split('/').last
  end

  def lines
    @lines ||= Puppet::FileSystem.exist?(resource[:path]) ? Puppet::FileSystem.read(resource[:path], encoding: 'utf-8').lines : []
  end

  def section_line
    lines.index { |line| line =~ %r{\A\s*\[#{section}\]\s*\z} }
  end

  # The last one of its section counts, as for Puppet.
  def setting_line
    inside = false
    found = nil
    lines.each_with_index do |line, index|
      inside = Regexp.last_match(1) == section if line =~ %r{\A\s*\[(\w+)\]\s*\z}
      found = index if inside && line =~ %r{\A\s*#{name}\s*=}
    end
    found
  end
end
