Puppet::Type.type(:overture_alt_names).provide(:hocon) do
  desc 'Reads and writes the one line, in the section certificate-authority or with that in front of it.'

  def allowed
    setting ? lines[setting][%r{[:=]\s*"?(\w+)}, 1].to_sym : :false
  end

  def allowed=(wanted)
    if setting
      lines[setting] = lines[setting].sub(%r{([:=]\s*)"?\w+"?}, "\\1#{wanted}")
    elsif (head = lines.index { |line| line =~ %r{\A\s*"?certificate-authority"?\s*[:=]?\s*\{\s*\z} })
      lines.insert(head + 1, "    allow-subject-alt-names: #{wanted}\n")
    else
      lines[-1] += "\n" unless lines.empty? || lines[-1].end_with?("\n")
      lines.push("certificate-authority: {\n", "    allow-subject-alt-names: #{wanted}\n", "}\n")
    end
    Puppet::Util.replace_file(resource[:path], 0o644) { |file| file.write(lines.join) }
  end

  private

  def lines
    @lines ||= Puppet::FileSystem.exist?(resource[:path]) ? Puppet::FileSystem.read(resource[:path], encoding: 'utf-8').lines : []
  end

  # The last one counts in HOCON; a comment begins with # or //.
  def setting
    lines.rindex { |line| line =~ %r{\A\s*(?:"?certificate-authority"?\.)?"?allow-subject-alt-names"?\s*[:=]} }
  end
end
