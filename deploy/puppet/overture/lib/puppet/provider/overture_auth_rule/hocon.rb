Puppet::Type.type(:overture_auth_rule).provide(:hocon) do
  desc 'Keeps one rule at the head of the list `rules`, between two comments by which it is found again.'

  FIRST = "        # overture: who may read which classes are here\n".freeze
  LAST = "        # overture: end\n".freeze

  def allow
    rule = lines[own] if own
    rule ? rule.join[%r{^\s*allow: (\[.*\])$}, 1] || :absent : '[]'
  end

  def allow=(wanted)
    lines.slice!(own) if own
    unless wanted == '[]'
      head = lines.index { |line| line =~ %r{\A\s*rules\s*[:=]\s*\[\s*\z} }
      raise Puppet::Error, "#{resource[:path]} has no line `rules: [`: write it as the package has it" unless head

      lines.insert(head + 1, *rule(wanted))
    end
    Puppet::Util.replace_file(resource[:path], 0o644) { |file| file.write(lines.join) }
  end

  private

  def lines
    @lines ||= Puppet::FileSystem.read(resource[:path], encoding: 'utf-8').lines
  end

  def own
    first = lines.index(FIRST)
    last = first && lines.index(LAST)
    first..last if last
  end

  # Before the packaged rules, whose sort-order is 500.
  def rule(allowed)
    <<~HOCON.lines.map { |line| "        #{line}" }.unshift(FIRST).push(LAST)
      {
          match-request: {
              path: "/puppet/v3/environment_classes"
              type: path
              method: get
          }
          allow: #{allowed}
          sort-order: 400
          name: "overture environment classes"
      },
    HOCON
  end
end
